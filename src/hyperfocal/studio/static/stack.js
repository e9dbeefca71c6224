// One stack: its frames, how it is fused, the results, and the views that compare them.

import { get, on, post, put, remove } from "./api.js";
import { Curve } from "./curve.js";
import { button, h, plural, replaced, seconds, speak, tool } from "./dom.js";
import { showExport } from "./export.js";
import { fields, resetButton, written } from "./form.js";
import { bind, unbind } from "./keys.js";
import { notice, tried } from "./notices.js";
import { stage, state } from "./state.js";
import { Pane, link, prefetch } from "./viewer.js";

const KINDS = { fuse: "", quick: "quick look", region: "region" };
const MODES = [["one", "One", "Shift+1"], ["side", "Side by side", "2"], ["wipe", "Wipe", "W"],
  ["flicker", "Flicker", "X"], ["difference", "Difference", "D"]];
const VIEWS = [["result", "Picture", ""], ["decision", "Decision", "O"], ["depth", "Depth", "P"],
  ["confidence", "Confidence", "C"]];
const narrow = matchMedia("(max-width: 900px)");

export async function stackPage(main, id) {
  const [stack, forms] = await Promise.all([get(`/api/stacks/${id}`), get("/api/options")]);
  if (!window.OpenSeadragon) throw new Error((await get("/vendor/openseadragon.js").catch((error) => error)).message);
  return new StackPage(main, stack, forms).page();
}

class StackPage {
  constructor(main, stack, forms) {
    this.main = main;
    this.stack = stack;
    this.forms = forms;
    this.at = stack.order[0];
    this.result = stack.results.at(-1)?.number ?? null;
    this.mode = narrow.matches ? "one" : "side";
    this.view = "result";
    this.against = "frame";
    this.shows = this.result === null ? "frame" : "result"; // in the mode "one"
    this.share = 0.5; // where the wipe stands
    this.isHeld = false;
    this.isPicking = false;
    this.prefetched = [];
    this.readRecipe();
  }

  page() {
    document.title = `${this.stack.name} · hyperfocal`;
    this.build();
    this.drawAll();
    for (const line of this.stack.notices) notice(line);
    this.stops = [
      on("preview", (event) => this.ours(event) && this.previewed(event)),
      on("frame", (event) => this.ours(event) && this.replacedFrame(event)),
      on("result", (event) => this.ours(event) && this.arrived(event.result)),
      on("stack", (event) => this.ours(event) && tried(() => this.reload())),
      on("task", ({ task }) => { if (task.stack === this.stack.id) this.drawActions(); }),
      on("connected", () => tried(() => this.reload())),
    ];
    bind("Stack", this.keys());
    this.catching = setInterval(() => this.catchUp(), 1500);
    return { leave: () => this.leave() };
  }

  leave() {
    this.stops.forEach((stop) => stop());
    clearInterval(this.catching);
    unbind("Stack");
    this.left.destroy();
    this.right.destroy();
  }

  ours(event) { return event.stack === this.stack.id; }

  // Layout

  build() {
    this.curve = new Curve((place) => this.go(this.stack.order[place]));
    this.frameList = h("ol", { class: "frames-list" });
    this.frameHead = h("div", { class: "panel-head" });
    this.leftElement = h("div", { class: "pane-view" });
    this.rightElement = h("div", { class: "pane-view" });
    this.leftLabel = h("p", { class: "pane-label" });
    this.rightLabel = h("p", { class: "pane-label" });
    this.divider = h("div", { class: "divider", role: "slider", tabindex: "0", hidden: true,
      "aria-label": "Divider of the wipe", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "50",
      onpointerdown: (event) => this.dragDivider(event),
      onkeydown: (event) => this.keyDivider(event) }, h("span", {}));
    this.picker = h("div", { class: "picker", hidden: true, onpointerdown: (event) => this.pick(event) });
    this.zoomText = h("span", { class: "zoom" });
    this.zoomer = h("div", { class: "zoomer" }, this.zoomText,
      tool("Fit (F)", "fit", () => this.pane.fit()),
      button("1:1", () => this.pane.zoomTo(1), { class: "tool", title: "Full size (1)" }));
    this.sideLabel = h("p", { class: "pane-label right" });
    this.leftPane = h("div", { class: "pane" }, this.leftElement, this.leftLabel);
    this.rightPane = h("div", { class: "pane" }, this.rightElement, this.rightLabel, this.sideLabel, this.divider, this.picker);
    this.panes = h("div", { class: "panes" }, this.leftPane, this.rightPane, this.zoomer);
    this.toolbar = h("div", { class: "toolbar", role: "toolbar", "aria-label": "View" });
    this.strip = h("div", { class: "strip" });
    this.recipe = h("div", { class: "recipe" });
    this.actions = h("div", { class: "fuse" });
    this.facts = h("p", { class: "facts" });
    const tabs = ["frames", "recipe", "results"].map((name) => button(name[0].toUpperCase() + name.slice(1),
      () => this.showTab(name), { class: "tab", "data-tab": name, "aria-pressed": String(name === "results") }));
    this.tabs = h("div", { class: "tabs", role: "group", "aria-label": "Panels" }, tabs);
    this.main.className = "stack tab-results";
    replaced(this.main,
      h("h1", { class: "unseen" }, this.stack.name),
      h("aside", { class: "panel frames", "aria-label": "Frames" }, this.frameHead, this.curve.element, this.frameList),
      h("section", { class: "stage", "aria-label": "Pictures" }, this.toolbar, this.panes, this.strip),
      h("aside", { class: "panel how", "aria-label": "Recipe" },
        h("div", { class: "panel-head" }, h("h2", {}, this.stack.name), this.facts), this.recipe, this.actions),
      this.tabs);
    this.left = new Pane(this.leftElement, this.stack, { label: "Source" });
    this.right = new Pane(this.rightElement, this.stack, { label: "Result" });
    link(this.left, this.right);
    for (const pane of [this.left, this.right]) {
      pane.viewer.addHandler("animation", () => { this.zoomed(); this.placeDivider(); });
      pane.viewer.addHandler("open", () => this.zoomed());
      pane.viewer.addHandler("resize", () => { this.zoomed(); this.placeDivider(); });
      pane.element.addEventListener("pointermove", (event) => this.hovered(pane, event));
      pane.element.addEventListener("pointerleave", () => this.unhovered());
    }
    const { width, height, type, channels } = this.stack;
    const depth = { uint8: "8 bit", uint16: "16 bit", float32: "32 bit float" }[type] ?? type;
    this.facts.textContent = `${width} × ${height} · ${depth}${channels === 1 ? " · grey" : ""}`;
    this.drawRecipe();
  }

  showTab(name) {
    this.main.className = `stack tab-${name}`;
    for (const each of this.tabs.children) each.setAttribute("aria-pressed", String(each.dataset.tab === name));
  }

  drawAll() {
    this.drawFrames();
    this.drawToolbar();
    this.drawStrip();
    this.drawActions();
    this.drawPictures();
  }

  // What is known

  get current() { return this.stack.results.find((each) => each.number === this.result) ?? null; }

  get place() { return this.stack.order.indexOf(this.at); }

  // Results move frames, so that tiles of before are not those of now.
  get geometry() { return this.stack.results.map((each) => each.number).join("."); }

  get base() { return this.stack.results[0]?.number ?? 0; }

  frameLayer(index) {
    return { name: `frame-${index}`, version: `${this.stack.frames[index].version}-${this.geometry}` };
  }

  resultLayer(number, kind = "result") {
    const result = this.stack.results.find((each) => each.number === number);
    return { name: `${kind}-${number}`, version: `${this.base}`, clip: result.area };
  }

  versus() {
    const isResult = this.against !== "frame" && this.stack.results.some((each) => each.number === this.against);
    return isResult && this.against !== this.result ? this.resultLayer(this.against) : this.frameLayer(this.at);
  }

  chosenLayers() {
    if (this.current === null) return [this.frameLayer(this.at)];
    const layers = [this.resultLayer(this.result)];
    if (this.view === "result" || !this.current.maps.includes(this.view)) return layers;
    const map = this.resultLayer(this.result, this.view);
    return this.view === "decision" ? [...layers, { ...map, opacity: 0.6 }] : [map];
  }

  label(layer) {
    const [kind, number] = layer.name.split("-");
    if (kind === "frame") return `Frame ${this.stack.order.indexOf(Number(number)) + 1} · ${this.stack.frames[number].name}`;
    const result = this.stack.results.find((each) => each.number === Number(number));
    return result ? `Result ${result.number} · ${result.method}` : "";
  }

  // Pictures

  drawPictures() {
    const has = this.current !== null;
    const mode = has ? this.mode : "none";
    const versus = this.versus();
    const layers = this.chosenLayers();
    this.panes.className = `panes ${mode}`;
    this.divider.hidden = mode !== "wipe";
    const isSide = mode === "side";
    this.leftPane.hidden = !(isSide || mode === "none");
    this.rightPane.hidden = mode === "none";
    if (!has) {
      this.left.show(layers);
      this.leftLabel.textContent = this.label(layers[0]);
      this.near();
      return;
    }
    const maps = this.view !== "result" && this.current.maps.includes(this.view) ? ` · ${this.view}` : "";
    const name = this.label(this.resultLayer(this.result)) + maps;
    let right = layers;
    let told = name;
    if (mode === "one" && this.shows === "frame") {
      right = [this.frameLayer(this.at)];
      told = this.label(right[0]);
    } else if (mode === "wipe") {
      right = [...layers, { ...versus, clip: this.wiped(versus) }];
      told = this.label(versus);
    } else if (mode === "flicker") {
      // Both are there all the time, so that the change is at once.
      right = this.isHeld ? [...layers, versus] : [{ ...versus, opacity: 0 }, ...layers];
      told = this.isHeld ? this.label(versus) : `${name} (hold X for ${this.label(versus)})`;
    } else if (mode === "difference") {
      right = [{ name: `difference:${layers[0].name}:${versus.name}`, version: `${versus.version}-${this.base}`, clip: this.current.area }];
      told = `${name} against ${this.label(versus)}, four times enlarged`;
    }
    this.right.show(right);
    this.sideLabel.hidden = mode !== "wipe";
    this.sideLabel.textContent = name;
    this.rightLabel.textContent = told;
    if (isSide) {
      this.left.show([versus]);
      this.leftLabel.textContent = this.label(versus);
    }
    this.near();
    this.placeDivider();
  }

  // The frames around this one are asked for before they are.
  near() {
    this.prefetched = [1, -1, 2, -2].map((step) => this.stack.order[this.place + step])
      .filter((index) => index !== undefined).map((index) => prefetch(this.stack, this.frameLayer(index)));
  }

  zoomed() {
    const pane = this.rightPane.hidden ? this.left : this.right;
    this.zoomText.textContent = `${Math.round(pane.zoom * 100)} %`;
  }

  wiped(layer) {
    const box = this.rightElement.getBoundingClientRect();
    const x = this.right.toPicture(box.left + this.share * box.width, box.top).x;
    const area = layer.clip ?? { left: 0, top: 0, width: this.stack.width, height: this.stack.height };
    return { ...area, width: Math.min(area.width, Math.max(1, x - area.left)) };
  }

  placeDivider() {
    if (this.mode !== "wipe" || this.current === null) return;
    this.divider.style.left = `${this.share * 100}%`;
    this.divider.setAttribute("aria-valuenow", String(Math.round(this.share * 100)));
    const versus = this.versus();
    this.right.reclip(versus.name, this.wiped(versus));
  }

  dragDivider(event) {
    event.preventDefault();
    this.divider.setPointerCapture(event.pointerId);
    const move = (moved) => {
      const box = this.rightElement.getBoundingClientRect();
      this.share = Math.min(1, Math.max(0, (moved.clientX - box.left) / box.width));
      this.placeDivider();
    };
    const up = () => {
      this.divider.removeEventListener("pointermove", move);
      this.divider.removeEventListener("pointerup", up);
      this.divider.removeEventListener("pointercancel", up);
    };
    this.divider.addEventListener("pointermove", move);
    this.divider.addEventListener("pointerup", up);
    this.divider.addEventListener("pointercancel", up);
  }

  keyDivider(event) {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    this.share = Math.min(1, Math.max(0, this.share + step * (event.shiftKey ? 5 : 1)));
    this.placeDivider();
  }

  setMode(mode) {
    if (this.current === null) { speak("fuse first, then there is something to compare"); return; }
    this.mode = this.mode === mode && mode !== "one" ? (narrow.matches || mode === "side" ? "one" : "side") : mode;
    if (this.mode !== "one") this.shows = "result";
    this.drawToolbar();
    this.drawPictures();
  }

  setView(view) {
    if (this.current === null || (view !== "result" && !this.current.maps.includes(view))) return;
    this.view = this.view === view ? "result" : view;
    if (this.mode === "difference") this.mode = "side"; // a difference has no maps
    this.shows = "result";
    this.drawToolbar();
    this.drawPictures();
  }

  hold(isHeld) {
    if (this.current === null) return;
    if (this.mode !== "flicker") {
      if (!isHeld) return;
      this.mode = "flicker";
      this.drawToolbar();
    }
    this.isHeld = isHeld;
    this.drawPictures();
  }

  drawToolbar() {
    const has = this.current !== null;
    const segment = (rows, value, run, isAble = () => true) => h("div", { class: "segment" }, rows.map(([name, text, key]) =>
      button(text, () => run(name), { "aria-pressed": String(value === name), disabled: !isAble(name),
        title: isAble(name) ? (key ? `${text} (${key})` : text) : "This method does not decide, so there is no map", "data-name": name })));
    const others = this.stack.results.filter((each) => each.number !== this.result);
    const versus = h("select", { "aria-label": "Compare with", onchange: (event) => {
      this.against = event.target.value === "frame" ? "frame" : Number(event.target.value);
      this.drawPictures();
    } },
    h("option", { value: "frame", selected: this.against === "frame" }, "with the frame"),
    others.map((each) => h("option", { value: each.number, selected: each.number === this.against }, `with result ${each.number} · ${each.method}`)));
    replaced(this.toolbar,
      has && segment(MODES, this.mode, (name) => (name === "flicker" && this.mode === "flicker" ? this.hold(!this.isHeld) : this.setMode(name))),
      has && this.mode !== "one" && others.length > 0 && versus,
      has && segment(VIEWS, this.view, (name) => this.setView(name), (name) => name === "result" || this.current.maps.includes(name)),
      !has && h("p", { class: "hint" }, "↑ ↓ step through the frames, the wheel zooms"));
  }

  get pane() { return this.rightPane.hidden ? this.left : this.right; }

  // Frames

  go(index) {
    if (index === undefined || index === this.at) return;
    const before = this.frameList.querySelector(".frame.shown");
    this.at = index;
    this.shows = "frame";
    before?.classList.remove("shown");
    before?.querySelector("button")?.removeAttribute("aria-current");
    const row = this.frameList.children[this.place];
    row?.classList.add("shown");
    row?.querySelector("button")?.setAttribute("aria-current", "true");
    row?.scrollIntoView({ block: "nearest" });
    if (this.view !== "result" && this.mode !== "wipe") this.view = this.mode === "side" ? this.view : "result";
    this.drawPictures();
    this.drawCurve();
    speak(`frame ${this.place + 1} of ${this.stack.order.length}`);
  }

  step(by) {
    const last = this.stack.order.length - 1;
    this.go(this.stack.order[Math.min(last, Math.max(0, this.place + by))]);
  }

  notes(index) {
    const { name } = this.stack.frames[index];
    const lines = [...(this.current?.notices ?? [])].filter((line) => line.includes(name));
    const isOut = (this.current?.left_out ?? []).some((each) => each === name || each.includes(`(${name})`));
    return { lines, isOut: isOut && this.current.chosen.includes(index) };
  }

  drawFrames() {
    const { order, ticked, frames, left_out: leftOut } = this.stack;
    const count = ticked.filter(Boolean).length;
    const told = { given: "as they came", name: "by name", time: "by time", content: "by what is sharp" };
    const how = this.stack.is_ordered ? "by hand" : told[this.current?.order] ?? "";
    replaced(this.frameHead, h("h2", {}, count === frames.length ? plural(count, "frame") : `${count} of ${plural(frames.length, "frame")}`),
      how && h("p", {}, how),
      tool("Turn the order around (R)", "turn", () => this.reverse()));
    replaced(this.frameList, order.map((index, place) => this.frameRow(index, place)),
      leftOut.map((each) => h("li", { class: "frame out" }, h("span", { class: "frame-open" },
        h("span", { class: "frame-name" }, each.name), h("small", {}, each.why)))));
    this.drawCurve();
  }

  frameRow(index, place) {
    const frame = this.stack.frames[index];
    const { lines, isOut } = this.notes(index);
    const isShown = index === this.at;
    const row = h("li", { class: `frame${isShown ? " shown" : ""}${isOut ? " out" : ""}${this.stack.ticked[index] ? "" : " off"}`,
      draggable: true, "data-index": String(index) },
    h("input", { type: "checkbox", checked: this.stack.ticked[index], "aria-label": `Use ${frame.name}`,
      onchange: (event) => this.tick(index, event.target.checked) }),
    h("button", { type: "button", class: "frame-open", "aria-current": isShown ? "true" : null, onclick: () => this.go(index) },
      h("span", { class: "frame-number" }, String(place + 1)),
      h("img", { src: `/api/stacks/${this.stack.id}/previews/${index}?v=${frame.version}`, alt: "", loading: "lazy", decoding: "async" }),
      h("span", { class: "frame-name" }, frame.name, isOut && h("small", {}, "left out")),
      lines.length > 0 && h("small", { class: "frame-why" }, lines[0])),
    h("span", { class: "frame-move" },
      tool(`Move ${frame.name} up`, "up", () => this.move(index, -1)),
      tool(`Move ${frame.name} down`, "down", () => this.move(index, 1))));
    row.addEventListener("dragstart", (event) => { event.dataTransfer.setData("text/plain", String(index)); event.dataTransfer.effectAllowed = "move"; });
    row.addEventListener("dragover", (event) => { event.preventDefault(); row.classList.add("over"); });
    row.addEventListener("dragleave", () => row.classList.remove("over"));
    row.addEventListener("drop", (event) => {
      event.preventDefault();
      row.classList.remove("over");
      const moved = Number(event.dataTransfer.getData("text/plain"));
      if (Number.isInteger(moved) && this.stack.order.includes(moved)) this.reorder(moved, this.stack.order.indexOf(index));
    });
    return row;
  }

  drawCurve(local) {
    this.curve.draw(this.stack.order.map((index) => this.stack.frames[index].sharpness), this.place,
      local ? this.stack.order.map((index) => local[index]) : local);
  }

  hovered(pane, event) {
    if (event.pointerType === "touch") return;
    this.spot = pane.toPicture(event.clientX, event.clientY);
    clearTimeout(this.hovering);
    this.hovering = setTimeout(() => this.lookHere(), 120);
  }

  unhovered() {
    clearTimeout(this.hovering);
    this.spot = null;
    this.drawCurve(null);
  }

  async lookHere() {
    const at = this.spot ?? { x: this.stack.width / 2, y: this.stack.height / 2 };
    try {
      this.here = await get(`/api/stacks/${this.stack.id}/sharpness?x=${at.x / this.stack.width}&y=${at.y / this.stack.height}`);
      this.drawCurve(this.here);
    } catch { /* the next move asks again */ }
    return this.here;
  }

  // The frame that is sharpest under the cursor.
  async sharpest() {
    const here = await this.lookHere();
    if (!here) return;
    let best = this.at;
    for (const index of this.stack.order) if (this.stack.ticked[index] && (here[index] ?? -1) > (here[best] ?? -1)) best = index;
    this.go(best);
  }

  tick(index, isTicked) {
    const ticked = [...this.stack.ticked];
    ticked[index] = isTicked;
    this.decide({ ticked });
  }

  reorder(index, place) {
    const order = this.stack.order.filter((each) => each !== index);
    order.splice(place, 0, index);
    this.decide({ order, is_ordered: true });
  }

  move(index, by) {
    const place = this.stack.order.indexOf(index) + by;
    if (place < 0 || place >= this.stack.order.length) return;
    this.reorder(index, place);
    speak(`frame ${place + 1}`);
  }

  reverse() { this.decide({ order: [...this.stack.order].reverse(), is_ordered: true }); }

  decide(changes) {
    Object.assign(this.stack, changes);
    this.drawFrames();
    this.drawActions();
    this.sending = (this.sending ?? Promise.resolve()).then(() => tried(() => put(`/api/stacks/${this.stack.id}`, changes)));
    return this.sending;
  }

  previewed({ index, sharpness }) {
    this.stack.frames[index].sharpness = sharpness;
    this.drawCurve();
  }

  // What was told while the page was made.
  async catchUp() {
    if (this.stack.frames.every((frame) => frame.sharpness !== null)) { clearInterval(this.catching); return; }
    try {
      const { frames } = await get(`/api/stacks/${this.stack.id}`);
      frames.forEach((frame, index) => { this.stack.frames[index].sharpness ??= frame.sharpness; });
      this.drawCurve();
    } catch { /* the next time */ }
  }

  replacedFrame({ index, version }) {
    this.stack.frames[index].version = version;
    this.drawFrames();
    this.drawPictures();
  }

  // Recipe

  readRecipe() {
    const { method, ...rest } = this.stack.recipe;
    const [name, options] = parsed(method ?? this.forms.default_method);
    this.method = this.forms.methods.some((each) => each.name === name) ? name : this.forms.default_method;
    this.methodValues = { [this.method]: options };
    this.values = rest;
    delete this.values.order;
  }

  get recipeNow() {
    return { ...this.values, method: written(this.method, this.methodValues[this.method] ?? {}) };
  }

  drawRecipe() {
    const changed = () => this.decide({ recipe: this.recipeNow });
    const recommended = this.forms.methods.filter((each) => each.is_recommended);
    const others = this.forms.methods.filter((each) => !each.is_recommended);
    recommended.sort((one, two) => (two.name === this.forms.default_method) - (one.name === this.forms.default_method));
    const group = (label, rows) => h("optgroup", { label }, rows.map((each) =>
      h("option", { value: each.name, selected: each.name === this.method }, each.name)));
    const choice = h("select", { id: "method", onchange: (event) => {
      this.method = event.target.value;
      this.methodValues[this.method] ??= {};
      changed();
      this.drawRecipe();
    } }, group("Recommended", recommended), group("From the literature", others));
    const chosen = this.forms.methods.find((each) => each.name === this.method);
    const values = this.methodValues[this.method] ??= {};
    const first = this.forms.recipe.filter((each) => each.is_first);
    const more = this.forms.recipe.filter((each) => !each.is_first);
    const isOpen = this.recipe.querySelector("details")?.open ?? false;
    replaced(this.recipe,
      h("div", { class: "field" }, h("label", { for: "method" }, "Method"), choice, h("p", { class: "help always" }, chosen.help)),
      fields(first, this.values, changed),
      h("details", { open: isOpen }, h("summary", {}, "More"),
        chosen.options.length > 0 && h("h3", {}, `Of ${chosen.name}`),
        fields(chosen.options, values, changed),
        h("h3", {}, "Of the stack"),
        fields(more, this.values, changed),
        resetButton(this.values, () => { this.methodValues[this.method] = {}; changed(); this.drawRecipe(); })));
  }

  drawActions() {
    const task = [...state.tasks.values()].find((each) => each.stack === this.stack.id && each.kind !== "export" && ["waiting", "running"].includes(each.state));
    const count = this.stack.ticked.filter(Boolean).length;
    if (task) {
      const told = task.state === "waiting" ? "Waiting for what runs" : `${stage(task)}${task.count > 1 ? ` ${task.index}/${task.count}` : ""}`;
      if (!this.running) {
        this.running = { text: h("p", { "aria-live": "off" }), meter: h("progress", { max: "1", "aria-label": task.title }) };
        replaced(this.actions, this.running.text, this.running.meter,
          button("Cancel", () => tried(() => remove(`/api/tasks/${this.running?.number}`)), { class: "wide", id: "cancel-fuse" }));
      }
      this.running.number = task.number;
      this.running.text.textContent = told;
      this.running.meter.value = task.count ? task.index / task.count : 0;
      return;
    }
    this.running = null;
    replaced(this.actions,
      button(count < 2 ? "Tick two frames or more" : `Fuse ${plural(count, "frame")}`, () => this.fuse("fuse"),
        { class: "first wide", disabled: count < 2, id: "fuse", title: "Ctrl+Enter" }),
      h("div", { class: "pair" },
        button("Quick look", () => this.fuse("quick"), { disabled: count < 2, title: "Small, in seconds (Q)", id: "quick" }),
        button("This region only", () => this.askRegion(), { disabled: count < 2, title: "At full size, what you draw or what is in view (G)", id: "region" })));
  }

  fuse(kind, rectangle) {
    return tried(async () => {
      await this.sending;
      await post(`/api/stacks/${this.stack.id}/tasks`, { kind, recipe: this.recipeNow, rectangle });
      speak("begun");
    });
  }

  askRegion() {
    if (this.isPicking) { this.endPicking(); return; }
    this.isPicking = true;
    const pane = this.rightPane.hidden ? this.leftPane : this.rightPane;
    pane.append(this.picker);
    replaced(this.picker, h("p", {}, "Draw over the part to fuse"),
      button("Take what is in view", () => this.takeRegion(this.pane.inView()), { class: "first", id: "in-view" }),
      button("Cancel", () => this.endPicking(), { class: "quiet" }));
    this.picker.hidden = false;
    this.picker.querySelector("button").focus();
  }

  endPicking() {
    this.isPicking = false;
    this.picker.hidden = true;
  }

  takeRegion(rectangle) {
    this.endPicking();
    this.fuse("region", rectangle);
  }

  pick(event) {
    if (event.target.closest("button")) return;
    event.preventDefault();
    this.picker.setPointerCapture(event.pointerId);
    const start = this.pane.toPicture(event.clientX, event.clientY);
    const box = this.picker.getBoundingClientRect();
    const drawn = h("div", { class: "drawn" });
    this.picker.append(drawn);
    const from = { x: event.clientX - box.left, y: event.clientY - box.top };
    let end = start;
    const move = (moved) => {
      end = this.pane.toPicture(moved.clientX, moved.clientY);
      const to = { x: moved.clientX - box.left, y: moved.clientY - box.top };
      Object.assign(drawn.style, { left: `${Math.min(from.x, to.x)}px`, top: `${Math.min(from.y, to.y)}px`,
        width: `${Math.abs(to.x - from.x)}px`, height: `${Math.abs(to.y - from.y)}px` });
    };
    const up = () => {
      this.picker.removeEventListener("pointermove", move);
      drawn.remove();
      const rectangle = [Math.min(start.x, end.x), Math.min(start.y, end.y), Math.abs(end.x - start.x), Math.abs(end.y - start.y)].map(Math.round);
      if (rectangle[2] > 15 && rectangle[3] > 15) this.takeRegion(rectangle);
    };
    this.picker.addEventListener("pointermove", move);
    this.picker.addEventListener("pointerup", up, { once: true });
  }

  // Results

  drawStrip() {
    const { results } = this.stack;
    if (!results.length) {
      replaced(this.strip, h("p", { class: "strip-empty" }, "Results come here. ", h("strong", {}, "Fuse"), " makes the first; each stays, so that you can compare."),
        button("Fuse", () => this.fuse("fuse"), { class: "first narrow-only" }));
      return;
    }
    replaced(this.strip, h("ol", {}, results.map((each) => this.resultCard(each))),
      h("div", { class: "strip-tools" },
        button("Export…", () => this.export(), { icon: "save", id: "export", title: "E" }),
        tool("Remove this result (Del)", "trash", () => this.drop())));
    this.strip.querySelector(".result.shown")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  resultCard(each) {
    const level = Math.max(0, Math.min(this.stack.levels, 8));
    const isShown = each.number === this.result;
    const facts = [KINDS[each.kind], seconds(each.seconds)].filter(Boolean).join(" · ");
    return h("li", { class: isShown ? "result shown" : "result" },
      h("button", { type: "button", "aria-current": isShown ? "true" : null, "data-number": String(each.number),
        onclick: (event) => (event.shiftKey ? this.compare(each.number) : this.choose(each.number)), title: "Shift: compare with the one that is shown" },
      h("img", { src: `/api/stacks/${this.stack.id}/tiles/result-${each.number}/${level}/0/0.jpg?v=${this.base}`, alt: "" }),
      h("span", { class: "result-name" }, `${each.number} · ${each.method}`),
      h("small", {}, facts)));
  }

  choose(number) {
    this.result = number;
    this.shows = "result";
    if (this.against === number) this.against = "frame";
    this.drawAll();
  }

  compare(number) {
    if (number === this.result) return;
    this.against = number;
    if (this.mode === "one") this.mode = "wipe";
    this.drawToolbar();
    this.drawPictures();
  }

  other(by) {
    const numbers = this.stack.results.map((each) => each.number);
    const at = numbers.indexOf(this.result) + by;
    if (at >= 0 && at < numbers.length) this.choose(numbers[at]);
  }

  arrived(result) {
    if (!this.stack.results.some((each) => each.number === result.number)) this.stack.results.push(result);
    const isFirst = this.current === null;
    if (!isFirst && this.current.kind !== "quick") this.against = this.result;
    this.result = result.number;
    this.shows = "result";
    for (const line of result.notices) if (!this.stack.notices.includes(line)) notice(line);
    this.drawAll();
    speak(`result ${result.number} is there, ${seconds(result.seconds)}`);
  }

  drop() {
    if (this.current === null) return;
    const number = this.result;
    const results = this.stack.results.filter((each) => each.number !== number);
    tried(async () => {
      await remove(`/api/stacks/${this.stack.id}/results/${number}`);
      this.stack.results = results;
      this.result = results.at(-1)?.number ?? null;
      if (this.against === number) this.against = "frame";
      if (this.result === null) this.shows = "frame";
      this.drawAll();
    });
  }

  export() { if (this.current) tried(() => showExport(this.stack, this.current)); }

  async reload() {
    await this.sending;
    const fresh = await get(`/api/stacks/${this.stack.id}`);
    Object.assign(this.stack, fresh);
    if (!this.stack.results.some((each) => each.number === this.result)) this.result = this.stack.results.at(-1)?.number ?? null;
    if (this.result === null) this.shows = "frame";
    this.drawAll();
  }

  keys() {
    const has = () => this.current !== null;
    return [
      { keys: ["ArrowUp", ","], text: "frame before", run: () => this.step(-1) },
      { keys: ["ArrowDown", "."], text: "next frame", run: () => this.step(1) },
      { keys: ["Shift+ArrowUp"], text: "ten frames back", run: () => this.step(-10) },
      { keys: ["Shift+ArrowDown"], text: "ten frames on", run: () => this.step(10) },
      { keys: ["s"], text: "the frame that is sharpest under the cursor", run: () => tried(() => this.sharpest()) },
      { keys: ["k"], text: "use this frame, or not", run: () => this.tick(this.at, !this.stack.ticked[this.at]) },
      { keys: ["Alt+ArrowUp"], text: "move the frame up", run: () => this.move(this.at, -1) },
      { keys: ["Alt+ArrowDown"], text: "move the frame down", run: () => this.move(this.at, 1) },
      { keys: ["r"], text: "turn the order around", run: () => this.reverse() },
      { keys: ["Ctrl+Enter"], text: "fuse", run: () => !this.running && this.fuse("fuse") },
      { keys: ["q"], text: "quick look", run: () => !this.running && this.fuse("quick") },
      { keys: ["g"], text: "fuse a region", run: () => this.askRegion() },
      { keys: ["Escape"], text: "leave the region, or cancel", run: () => {
        if (this.isPicking) this.endPicking();
        else if (this.running) tried(() => remove(`/api/tasks/${this.running.number}`));
      } },
      { keys: ["w"], text: "wipe", run: () => this.setMode("wipe") },
      { keys: ["2"], text: "side by side", run: () => this.setMode("side") },
      { keys: ["x"], text: "flicker, while held", run: () => this.hold(true), release: () => this.hold(false) },
      { keys: ["d"], text: "difference", run: () => this.setMode("difference") },
      { keys: ["o"], text: "which frame is where", run: () => this.setView("decision") },
      { keys: ["p"], text: "depth", run: () => this.setView("depth") },
      { keys: ["c"], text: "confidence", run: () => this.setView("confidence") },
      { keys: ["["], text: "result before", run: () => this.other(-1) },
      { keys: ["]"], text: "next result", run: () => this.other(1) },
      { keys: ["e"], text: "export", when: has, run: () => this.export() },
      { keys: ["Delete"], text: "remove the result", when: has, run: () => this.drop() },
      { keys: ["f"], text: "fit", run: () => this.pane.fit() },
      { keys: ["1"], text: "full size", run: () => this.pane.zoomTo(1) },
      { keys: ["+", "="], text: "nearer", run: () => this.pane.zoomBy(1.4) },
      { keys: ["-"], text: "further", run: () => this.pane.zoomBy(1 / 1.4) },
      { keys: ["Shift+ArrowLeft"], text: "pan left", run: () => this.pane.panBy(-1, 0) },
      { keys: ["Shift+ArrowRight"], text: "pan right", run: () => this.pane.panBy(1, 0) },
    ];
  }
}

// Name and options of a method as a text, as the command line reads it.
function parsed(text) {
  const [name, ...rest] = text.split(":");
  const values = {};
  const pattern = /\s*([^=,]+?)\s*=\s*(?:"((?:[^"]|"")*)"|([^,]*?))\s*(?:,|$)/g;
  for (const [, key, quoted, plain] of rest.join(":").matchAll(pattern)) {
    const value = quoted === undefined ? plain : quoted.replaceAll('""', '"');
    values[key] = { true: true, True: true, false: false, False: false, none: null }[value] ?? (value !== "" && !Number.isNaN(Number(value)) ? Number(value) : value);
  }
  return [name.trim(), values];
}

