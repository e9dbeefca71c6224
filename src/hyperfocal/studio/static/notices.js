// Lines that the program says: what was left out, what went wrong. They stay until they are read.

import { button, h, icon, tool } from "./dom.js";

const MOST = 4;

export function notice(line, { isError = false, trace = "", action = null } = {}) {
  const place = document.getElementById("notices");
  for (const old of place.children) {
    if (old.dataset.line === line) { place.append(old); return; }
  }
  const told = h("div", { class: isError ? "notice error" : "notice", role: isError ? "alert" : "status",
    "data-line": line },
    icon(isError ? "warn" : "check"),
    h("p", {}, line),
    action && button(action.text, () => { action.run(); told.remove(); }, { class: "quiet" }),
    trace && button("Copy details", () => navigator.clipboard?.writeText(trace), { class: "quiet" }),
    tool("Dismiss", "close", () => told.remove()));
  place.append(told);
  while (place.children.length > MOST) place.firstChild.remove();
  if (!isError) setTimeout(() => told.remove(), 12000);
}

export function complain(error) {
  const line = error.message ?? String(error);
  // A sentence begins with a capital, a file's name does not.
  const isName = /[._\d/\\]/.test(line.split(/[\s:]/, 1)[0]);
  notice(isName ? line : line.charAt(0).toUpperCase() + line.slice(1), { isError: true, trace: error.trace ?? "" });
  if (!("answer" in error)) console.error(error);
}

// Runs what may fail; a failure is told.
export async function tried(run) {
  try { return await run(); } catch (error) { complain(error); return undefined; }
}
