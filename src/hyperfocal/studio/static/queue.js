// The queue: stacks that wait, what became of the others, and a folder that is watched.

import { get, on, put } from "./api.js";
import { button, h, icon, plural, replaced, seconds, tool } from "./dom.js";
import { bind, unbind } from "./keys.js";
import { stage, state } from "./state.js";
import { tried } from "./notices.js";

const WORDS = { waiting: "waiting", running: "fusing", made: "done", kept: "was there already",
  failed: "failed", skipped: "nothing to fuse", stopped: "stopped" };
const ICONS = { waiting: "clock", running: "play", made: "check", kept: "check", failed: "warn",
  skipped: "pause", stopped: "pause" };

export async function queuePage(main) {
  document.title = "Queue · hyperfocal";
  const lead = h("p", { class: "lead", "aria-live": "polite" });
  const list = h("ol", { class: "rows" });
  const actions = h("div", { class: "actions" });
  replaced(main, h("div", { class: "page narrow" },
    h("header", { class: "page-head" }, h("div", {}, h("h1", {}, "Queue"), lead), actions), list));

  const change = (what, number) => tried(() => put("/api/queue", { what, number }));
  const watch = () => tried(async () => {
    const answer = await put("/api/watch", { on: !state.watched, path: "." });
    state.watched = answer.watched;
    show();
  });

  function show() {
    const { rows, is_paused: isPaused } = state.queue;
    const count = (status) => rows.filter((row) => row.status === status).length;
    const left = count("waiting") + count("running");
    const parts = [left && `${plural(left, "stack")} to go`, (count("made") + count("kept")) && `${count("made") + count("kept")} done`,
      count("failed") && `${count("failed")} failed`].filter(Boolean);
    lead.textContent = parts.join(", ") + (isPaused && left ? ". Paused." : parts.length ? "." : "");
    replaced(actions,
      rows.length > 0 && button(isPaused ? "Go on" : "Pause", () => change(isPaused ? "resume" : "pause"),
        { icon: isPaused ? "play" : "pause", class: isPaused ? "first" : "" }),
      rows.length > left && button("Clear what is done", () => change("clear"), { class: "quiet" }),
      button(state.watched ? "Stop watching" : "Watch the folder", watch,
        { "aria-pressed": String(Boolean(state.watched)), title: "Stacks are fused as they arrive" }));
    replaced(list, rows.length ? rows.map(row) : empty());
  }

  function row(each) {
    const task = [...state.tasks.values()].find((one) => one.kind === "queue");
    const isRunning = each.status === "running";
    const told = isRunning && task ? `${stage(task)}${task.count > 1 ? ` ${task.index}/${task.count}` : ""}` : "";
    const where = each.outputs.map((path) => `${each.out}/${path}`);
    return h("li", { class: `row ${each.status}` },
      h("span", { class: "row-state" }, icon(ICONS[each.status]), h("span", {}, WORDS[each.status])),
      h("div", { class: "row-what" }, h("strong", {}, each.name),
        h("p", {}, [plural(each.frames, "frame"), each.seconds && seconds(each.seconds), told].filter(Boolean).join(" · ")),
        each.line && h("p", { class: "why" }, each.line),
        where.map((path) => h("p", {}, h("code", {}, path))),
        each.notices.map((line) => h("p", { class: "note" }, line))),
      isRunning && task && h("progress", { max: "1", value: task.count ? task.index / task.count : 0, "aria-label": each.name }),
      h("div", { class: "row-tools" },
        each.status === "waiting" && tool(`Do ${each.name} next`, "up", () => change("first", each.number)),
        isRunning && tool(`Stop ${each.name}`, "close", () => change("stop", each.number)),
        ["failed", "stopped"].includes(each.status) && tool(`Try ${each.name} again`, "retry", () => change("retry", each.number)),
        !isRunning && tool(`Take ${each.name} off the list`, "trash", () => change("remove", each.number))));
  }

  function empty() {
    return h("li", { class: "empty" }, icon("clock"), h("h2", {}, "Nothing is waiting"),
      h("p", {}, "Choose stacks on the start page and fuse them together. They are worked off one by one, and the list goes on after a restart."),
      h("a", { class: "button first", href: "#/" }, "To the stacks"));
  }

  state.queue = await get("/api/queue");
  const stops = [on("queue", () => show()), on("task", ({ task }) => { if (task.kind === "queue") show(); }), on("watch", () => show())];
  bind("Queue", [
    { keys: ["p"], text: "pause or go on", run: () => change(state.queue.is_paused ? "resume" : "pause") },
    { keys: ["v"], text: "watch the folder, or stop", run: watch },
  ]);
  show();
  return { leave() { stops.forEach((stop) => stop()); unbind("Queue"); } };
}
