// The start page: the stacks of a folder as cards; one is opened, several are queued.

import { get, on, post } from "./api.js";
import { button, h, icon, plural, replaced, speak } from "./dom.js";
import { fields } from "./form.js";
import { bind, unbind } from "./keys.js";
import { state } from "./state.js";
import { notice, tried } from "./notices.js";

const grouping = {}; // what of the options of grouping differs from the defaults

export async function shootPage(main, path) {
  const chosen = new Set();
  const options = (await get("/api/options")).batch;
  const list = h("ul", { class: "cards" });
  const bar = h("div", { class: "bar" });
  const title = h("h1", {}, state.folder ?? "");
  const told = h("p", { class: "lead", "aria-live": "polite" }, "Looking at the folder…");
  const below = h("div", { class: "aside-lines" });
  let shoot = null;

  const all = button("Choose all", () => toggle(), { class: "quiet", hidden: true });
  const group = h("details", { class: "options" }, h("summary", {}, "How stacks are told apart"),
    h("div", { class: "grid" }, fields(options.filter((each) => ["group", "gap"].includes(each.name)),
      grouping, () => tried(look))));
  replaced(main, h("div", { class: "page" }, h("header", { class: "page-head" },
    h("div", {}, title, told), h("div", { class: "actions" }, all)), group, list, below, bar));

  async function look() {
    told.textContent = "Looking at the folder…";
    shoot = await post("/api/shoot", { path: path || ".", options: grouping });
    show();
  }

  function show() {
    const able = shoot.stacks.filter((each) => !each.is_lone && !each.failure);
    title.textContent = shoot.name;
    document.title = `${shoot.name} · hyperfocal`;
    const frames = able.reduce((sum, each) => sum + each.count, 0);
    told.textContent = able.length
      ? `${plural(able.length, "stack")}, ${plural(frames, "frame")}. Open one to look at it, or choose several and fuse them all.`
      : "";
    group.hidden = shoot.stacks.length === 0;
    if (!shoot.stacks.length) replaced(list, empty());
    else replaced(list, shoot.stacks.map(card));
    replaced(below, shoot.notices.map((line) => h("p", {}, line)));
    choose();
  }

  function card(each) {
    const isOff = each.is_lone || Boolean(each.failure);
    const size = each.width ? `${(each.width * each.height / 1e6).toFixed(each.width * each.height < 1e7 ? 1 : 0)} MP` : "";
    const name = each.name.split("/").pop();
    const open = () => tried(async () => {
      const stack = await post("/api/stacks", { path: path || ".", stack: each.name });
      location.hash = `#/stack/${stack.id}`;
    });
    const element = h("li", { class: isOff ? "card off" : "card" },
      h("button", { type: "button", class: "open", disabled: isOff, onclick: open },
      h("span", { class: "unseen" }, "Open "),
      h("span", { class: "thumbs" }, thumbs(each)),
      h("span", { class: "card-name" }, name),
      h("span", { class: "card-facts" }, [each.is_lone ? "one frame by itself" : plural(each.count, "frame"), size].filter(Boolean).join(" · ")),
      h("span", { class: "card-why" }, each.failure || why(each))),
      !isOff && h("label", { class: "choose" },
        h("input", { type: "checkbox", checked: chosen.has(each.name), "aria-label": `Choose ${each.name}`,
          onchange: (event) => { chosen[event.target.checked ? "add" : "delete"](each.name); element.classList.toggle("chosen", event.target.checked); choose(); } })));
    element.classList.toggle("chosen", chosen.has(each.name));
    return element;
  }

  function choose() {
    const able = shoot.stacks.filter((each) => !each.is_lone && !each.failure);
    const count = chosen.size;
    all.hidden = able.length < 2;
    all.firstChild.textContent = count ? "Choose none" : "Choose all";
    replaced(bar, count > 0 && [h("p", {}, `${plural(count, "stack")} chosen, into the folder `, h("code", {}, shoot.out.split("/").pop())),
      button(`Fuse ${plural(count, "stack")}`, queue, { class: "first", id: "queue-chosen" })]);
  }

  function toggle() {
    if (chosen.size) chosen.clear();
    else shoot.stacks.filter((each) => !each.is_lone && !each.failure).forEach((each) => chosen.add(each.name));
    show();
  }

  function queue() {
    return tried(async () => {
      await post("/api/queue", { path: path || ".", stacks: [...chosen], options: {}, recipe: {} });
      speak(`${plural(chosen.size, "stack")} queued`);
      location.hash = "#/queue";
    });
  }

  function empty() {
    return h("li", { class: "empty" }, icon("fit"),
      h("h2", {}, "No pictures here yet"),
      h("p", {}, "Put the frames of a stack into this folder, each stack in a folder of its own or all together:"),
      h("p", {}, h("code", {}, shoot.place)),
      state.takes_drops && h("p", {}, "Or drop them anywhere on this page."),
      button("Look again", () => tried(look), { class: "first", icon: "retry" }));
  }

  const stop = on("looking", ({ stage, index, count }) => {
    if (count > 8) told.textContent = `Looking at the folder: ${stage === "headers" ? "reading" : "comparing"} ${index} of ${count}…`;
  });
  const drop = state.takes_drops ? takeDrops(() => tried(look)) : () => {};
  bind("Shoot", [
    { keys: ["a"], text: "choose all or none", run: toggle },
    { keys: ["Ctrl+Enter"], text: "fuse the chosen stacks", when: () => chosen.size > 0, run: queue },
    { keys: ["r"], text: "look again", run: () => tried(look) },
    { keys: ["Tab"], text: "from card to card; Enter opens, Space chooses", when: () => false, run() {} },
  ]);
  await look();
  return { leave() { stop(); drop(); unbind("Shoot"); } };
}

function thumbs(each) {
  if (!each.shown.length) return icon("warn");
  return each.shown.map((path) => h("img", { src: `/api/thumbnail?path=${encodeURIComponent(path)}`,
    alt: "", loading: "lazy", decoding: "async", onerror: (event) => event.target.classList.add("broken") }));
}

// The reason that the grouping gives, as a sentence.
function why(each) {
  const reason = each.reason;
  if (each.is_lone) return "Nothing to fuse";
  if (reason === "a folder") return "A folder of its own";
  if (reason === "the first frame") return "The first of the folder";
  if (reason.endsWith("later")) return `Begins ${reason.replace(" later", "")} after the one before`;
  if (reason.startsWith("another")) return `Begins with ${reason}`;
  return reason.charAt(0).toUpperCase() + reason.slice(1);
}

function takeDrops(done) {
  const over = (event) => { event.preventDefault(); document.body.classList.add("dropping"); };
  const out = () => document.body.classList.remove("dropping");
  const drop = (event) => {
    event.preventDefault();
    out();
    const files = [...event.dataTransfer.files];
    if (!files.length) return;
    tried(async () => {
      const { folder } = await post("/api/drops");
      for (const [place, file] of files.entries()) {
        notice(`Taking ${file.name} (${place + 1} of ${files.length})`);
        await tried(() => sent(folder, file));
      }
      done();
    });
  };
  addEventListener("dragover", over);
  addEventListener("dragleave", out);
  addEventListener("drop", drop);
  return () => {
    removeEventListener("dragover", over);
    removeEventListener("dragleave", out);
    removeEventListener("drop", drop);
  };
}

async function sent(folder, file) {
  const answer = await fetch(`/api/drops/${folder}/${encodeURIComponent(file.name)}`,
    { method: "PUT", headers: { "x-hyperfocal": "1" }, body: file });
  if (!answer.ok) throw new Error((await answer.json()).error);
}
