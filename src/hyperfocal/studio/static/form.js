// Forms made from the options' own declarations.

import { button, h } from "./dom.js";

let known = 0;

function label(name) {
  const text = name.replaceAll("_um", "").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function input(option, value, changed) {
  const id = `field-${known += 1}`;
  if (option.kind === "bool") {
    return { id, element: h("input", { id, type: "checkbox", checked: value === true,
      onchange: (event) => changed(event.target.checked) }) };
  }
  if (option.choices.length) {
    const shown = h("select", { id, onchange: (event) => changed(event.target.value) },
      option.choices.map((each) => h("option", { value: each, selected: each === value }, each)));
    return { id, element: shown };
  }
  const isNumber = option.kind === "int" || option.kind === "float";
  const shown = h("input", {
    id, type: isNumber ? "number" : "text", value: value ?? "",
    step: option.kind === "int" ? "1" : "any",
    min: option.low, max: option.high,
    placeholder: option.is_optional || option.default === null ? "automatic" : String(option.default),
    spellcheck: "false", autocomplete: "off",
    onchange: (event) => {
      const text = event.target.value.trim();
      if (text === "") changed(option.default);
      else changed(isNumber ? Number(text) : text);
    },
  });
  return { id, element: shown };
}

// A row for each option; `values` holds what differs from the defaults and is changed in place.
export function fields(options, values, changed) {
  return options.map((option) => {
    const value = option.name in values ? values[option.name] : option.default;
    const row = h("div", { class: option.kind === "bool" ? "field tick" : "field" });
    const mark = (now) => row.classList.toggle("changed", now !== option.default);
    const { id, element } = input(option, value, (now) => {
      if (now === option.default) delete values[option.name];
      else values[option.name] = now;
      mark(now);
      changed();
    });
    const unit = option.unit ? h("span", { class: "unit" }, option.unit) : null;
    const help = h("p", { class: "help", id: `${id}-help` }, option.help);
    element.setAttribute("aria-describedby", help.id);
    row.append(h("label", { for: id }, label(option.name), unit), element, help);
    mark(value);
    return row;
  });
}

export function resetButton(values, changed) {
  return button("Reset", () => {
    for (const name of Object.keys(values)) delete values[name];
    changed();
  }, { class: "quiet" });
}

// `prism:levels=5` from a name and the options that differ from their defaults.
export function written(name, values) {
  const parts = Object.entries(values).map(([key, value]) => {
    const text = value === null ? "none" : String(value);
    const plain = !text.includes(",") && !text.startsWith('"') && text === text.trim();
    return `${key}=${plain ? text : `"${text.replaceAll('"', '""')}"`}`;
  });
  return parts.length ? `${name}:${parts.join(",")}` : name;
}
