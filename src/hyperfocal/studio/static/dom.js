// Elements made of data. Texts are only ever set as text, so that a file's name is never markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else if (name in element && typeof value !== "string" && !(element instanceof SVGElement)) {
      element[name] = value;
    } else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

export function h(tag, properties, ...children) {
  return filled(document.createElement(tag), properties, children);
}

export function svg(tag, properties, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

const PATHS = {
  close: "M5 5l10 10M15 5L5 15",
  check: "M4 10.5l4 4 8-9",
  up: "M10 16V5M5 9.5L10 4.5l5 5",
  down: "M10 4v11M5 10.5l5 5 5-5",
  back: "M12.5 4.5L7 10l5.5 5.5",
  sun: "M10 6.5a3.5 3.5 0 100 7 3.5 3.5 0 000-7zM10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6L16 16M16 4l-1.4 1.4M5.4 14.6L4 16",
  keys: "M7.6 7.4a2.5 2.5 0 114 2c-1 .8-1.6 1.3-1.6 2.6M10 15.4v.2",
  retry: "M15.5 10a5.5 5.5 0 11-1.7-4M14 2.5V6h-3.5",
  trash: "M4 6h12M8 6V4h4v2M6 6l.7 10h6.6L14 6",
  warn: "M10 3l7.5 13.5h-15zM10 8v4M10 14.2v.3",
  save: "M10 3v9M6 8.5l4 4 4-4M4 16h12",
  fit: "M3.5 7.5v-4h4M12.5 3.5h4v4M16.5 12.5v4h-4M7.5 16.5h-4v-4",
  turn: "M6 4v12M3 13l3 3 3-3M14 16V4M11 7l3-3 3 3",
  pause: "M7 4.5v11M13 4.5v11",
  play: "M6.5 4.5l9 5.5-9 5.5z",
  clock: "M10 3a7 7 0 100 14 7 7 0 000-14zM10 6v4l2.8 2",
};

export function icon(name) {
  return svg("svg", { viewBox: "0 0 20 20", class: "icon", "aria-hidden": "true" },
    svg("path", { d: PATHS[name] }));
}

export function button(text, run, more = {}) {
  const { icon: picture, ...rest } = more;
  return h("button", { type: "button", onclick: run, ...rest },
    picture && icon(picture), text && h("span", {}, text));
}

// A button that shows only a picture; its name is read out and shown as a hint.
export function tool(name, picture, run, more = {}) {
  return h("button", { type: "button", class: "tool", onclick: run, title: name,
    "aria-label": name, ...more }, icon(picture));
}

export function replaced(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((each) => each || each === 0));
  return element;
}

// Said to those who listen, and shown to nobody.
export function speak(text) {
  const spoken = document.getElementById("spoken");
  spoken.textContent = "";
  requestAnimationFrame(() => { spoken.textContent = text; });
}

export function seconds(value) {
  if (value === null || value === undefined) return "";
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 90) return `${Math.round(value)} s`;
  return `${Math.round(value / 60)} min`;
}

export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
