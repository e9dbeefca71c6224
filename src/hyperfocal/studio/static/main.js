// The page: a header, one view at a time by the address, and what goes on.

import { get, listen, on, remove } from "./api.js";
import { button, h, icon, replaced, speak, tool } from "./dom.js";
import { bind, showKeys } from "./keys.js";
import { complain, notice, tried } from "./notices.js";
import { queuePage } from "./queue.js";
import { shootPage } from "./shoot.js";
import { stackPage } from "./stack.js";
import { stage, state } from "./state.js";

let current = null; // what the page that is shown leaves behind

function tab(text, address, isShown) {
  return h("a", { href: address, "aria-current": isShown ? "page" : null }, text);
}

function head() {
  const at = location.hash || "#/";
  const waiting = state.queue.rows.filter((row) => ["waiting", "running"].includes(row.status)).length;
  const isStack = at.startsWith("#/stack/");
  replaced(document.getElementById("head"),
    h("a", { class: "brand", href: "#/", "aria-label": "hyperfocal, to the start page" },
      h("img", { src: "/static/icon.svg", alt: "", width: "22", height: "22" }), h("span", {}, "hyperfocal")),
    h("nav", { "aria-label": "Pages" },
      tab("Shoot", "#/", at === "#/" || at === ""),
      (isStack || state.last) && tab("Stack", isStack ? at : state.last, isStack),
      tab(waiting ? `Queue ${waiting}` : "Queue", "#/queue", at === "#/queue")),
    h("div", { class: "doing", id: "doing" }),
    tool("Light or dark", "sun", turn, { id: "theme" }),
    tool("Keys (?)", "keys", showKeys));
  doing();
}

function turn() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
  try { localStorage.setItem("hyperfocal-theme", root.dataset.theme); } catch { /* not kept then */ }
  speak(`${root.dataset.theme} theme`);
}

function doing() {
  const place = document.getElementById("doing");
  const tasks = [...state.tasks.values()];
  const task = tasks.find((each) => each.state === "running") ?? tasks[0];
  if (!task) { replaced(place); return; }
  const share = task.count ? Math.min(1, task.index / task.count) : 0;
  const told = task.count > 1 ? `${stage(task)} ${task.index}/${task.count}` : stage(task);
  const meter = h("progress", { max: "1", value: share, "aria-label": task.title });
  replaced(place,
    h("span", { class: "doing-text" }, task.title, h("small", {}, told)), meter,
    task.kind === "queue" ? null : tool("Cancel", "close",
      () => tried(() => remove(`/api/tasks/${task.number}`)), { id: "cancel" }));
}

function cancelRunning() {
  const task = [...state.tasks.values()].find((each) => each.kind !== "queue");
  if (task) tried(() => remove(`/api/tasks/${task.number}`));
  return Boolean(task);
}

on("task", ({ task }) => {
  if (["waiting", "running"].includes(task.state)) {
    if (task.kind !== "queue" || task.state === "running") state.tasks.set(task.number, task);
  } else {
    state.tasks.delete(task.number);
    if (task.state === "failed" && task.kind !== "queue") {
      notice(`${task.title}: ${task.line}`, { isError: true, trace: task.trace });
    } else if (task.state === "cancelled" && task.kind !== "queue") {
      notice(`${task.title}: cancelled`);
    } else if (task.kind === "export") {
      notice(`Written: ${task.outcome.written.join(", ")}`);
    } else if (task.state === "done" && task.kind !== "queue") speak(`${task.title}: done`);
  }
  doing();
});
on("queue", ({ queue }) => { state.queue = queue; head(); });
on("watch", ({ folder }) => { state.watched = folder; });
on("notice", ({ line }) => notice(line, { isError: true }));
on("connected", () => tried(refresh));
on("disconnected", () => document.body.classList.add("away"));

async function refresh() {
  const told = await get("/api/state");
  document.body.classList.remove("away");
  Object.assign(state, told, { tasks: new Map(told.tasks.map((task) => [task.number, task])) });
  for (const line of told.queue.notices) notice(line, { isError: true });
  head();
}

// One page after the other, so that none that is slow comes over the one that was asked for last.
let routing = Promise.resolve();
function route() {
  routing = routing.then(shown);
  return routing;
}

async function shown() {
  current?.leave?.();
  current = null;
  const main = document.getElementById("main");
  const at = location.hash || "#/";
  main.className = "";
  try {
    if (at === "#/queue") current = await queuePage(main);
    else if (at.startsWith("#/stack/")) {
      state.last = at;
      current = await stackPage(main, at.slice("#/stack/".length));
    } else current = await shootPage(main, decodeURIComponent(at.slice(2)));
  } catch (error) {
    complain(error);
    replaced(main, h("div", { class: "empty" }, icon("warn"), h("h1", {}, "This cannot be shown"),
      h("p", {}, error.message), button("To the start page", () => { location.hash = "#/"; })));
  }
  head();
}

bind("Everywhere", [
  { keys: ["?"], text: "these keys", run: showKeys },
  { keys: ["t"], text: "light or dark", run: turn },
  { keys: ["Escape"], text: "cancel what runs", run: () => cancelRunning() },
]);

addEventListener("hashchange", route);
addEventListener("unhandledrejection", (event) => complain(event.reason));
await tried(refresh);
listen();
await route();
