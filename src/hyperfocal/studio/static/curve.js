// How sharp each frame is, as a curve; a click goes to the frame.

import { h, replaced, svg } from "./dom.js";

const WIDE = 200;
const HIGH = 48;

function points(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  if (known.length < 2) return "";
  const most = Math.max(...known);
  const least = Math.min(...known);
  const span = most - least || 1;
  const last = Math.max(1, values.length - 1);
  return values.map((value, place) => (value === null || value === undefined ? null
    : `${(place / last * WIDE).toFixed(1)},${(HIGH - 4 - (value - least) / span * (HIGH - 8)).toFixed(1)}`))
    .filter(Boolean).join(" ");
}

export class Curve {
  constructor(go) {
    this.go = go;
    this.values = [];
    this.local = null;
    this.drawing = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.element = h("div", { class: "curve", title: "Sharpness of each frame; click to go there",
      onpointerdown: (event) => this.pressed(event), onpointermove: (event) => event.buttons && this.pressed(event) },
    this.drawing);
  }

  pressed(event) {
    const box = this.element.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    this.go(Math.round(share * Math.max(0, this.values.length - 1)));
  }

  draw(values, at, local = this.local) {
    this.values = values;
    this.local = local;
    const x = at / Math.max(1, values.length - 1) * WIDE;
    replaced(this.drawing,
      svg("line", { x1: x, x2: x, y1: 0, y2: HIGH, class: "here" }),
      svg("polyline", { points: points(values), class: local ? "usual dim" : "usual" }),
      local && svg("polyline", { points: points(local), class: "local" }));
  }
}
