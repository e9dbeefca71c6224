// Every action has a key; the table is what "?" shows.

import { h, tool } from "./dom.js";

let tables = new Map(); // title -> rows of the page that is shown
const held = new Map();

const SHOWN = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", " ": "Space",
  Escape: "Esc", Delete: "Del" };

export function bind(title, rows) {
  tables.set(title, rows);
}

export function unbind(title) {
  tables.delete(title);
}

// "Ctrl+Enter", "Shift+ArrowUp", "w", "?"
function name(event) {
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && event.key.length > 1) parts.push("Shift");
  parts.push(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  return parts.join("+");
}

function isTyping(event) {
  const at = event.target;
  if (!(at instanceof HTMLElement)) return false;
  if (event.key === "Escape" || (event.ctrlKey && event.key === "Enter")) return false;
  if (at.isContentEditable || at.tagName === "TEXTAREA" || at.tagName === "SELECT") return true;
  return at.tagName === "INPUT" && !["checkbox", "radio", "button"].includes(at.type);
}

function found(event) {
  const pressed = name(event);
  // What is bound last is nearest to the user.
  for (const rows of [...tables.values()].reverse()) {
    for (const row of rows) if (row.keys.includes(pressed)) return row;
  }
  return null;
}

document.addEventListener("keydown", (event) => {
  if (isTyping(event) || document.querySelector("dialog[open]")) return;
  const row = found(event);
  if (!row || (row.when && !row.when())) return;
  // A slider and a list have uses of their own for arrows.
  if (event.target.getAttribute?.("role") === "slider" && event.key.startsWith("Arrow")) return;
  event.preventDefault();
  if (row.release) {
    if (event.repeat) return;
    held.set(event.key.toLowerCase(), row);
  }
  row.run(event);
});

document.addEventListener("keyup", (event) => {
  const row = held.get(event.key.toLowerCase());
  if (row) {
    held.delete(event.key.toLowerCase());
    row.release();
  }
});

addEventListener("blur", () => {
  for (const row of held.values()) row.release();
  held.clear();
});

function shown(key) {
  const parts = key === "+" ? ["+"] : key.split("+");
  return parts.map((part) => h("kbd", {}, SHOWN[part] ?? (part.length === 1 ? part.toUpperCase() : part)));
}

export function showKeys() {
  const dialog = h("dialog", { class: "keys", "aria-labelledby": "keys-title" },
    h("header", {}, h("h2", { id: "keys-title" }, "Keys"),
      tool("Close", "close", () => dialog.close())),
    [...tables].map(([title, rows]) => h("section", {}, h("h3", {}, title),
      h("dl", {}, rows.filter((row) => row.text).map((row) => h("div", {},
        h("dt", {}, row.keys.slice(0, 2).map((key, place) => [place ? " or " : "", shown(key)])),
        h("dd", {}, row.text)))))));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
}
