// A pane: layers of one stack on one grid, by OpenSeadragon. All layers lie on each other.

import { get } from "./api.js";
import { complain } from "./notices.js";

const COARSE = 9; // the level of one tile, which is there at once

export class Pane {
  constructor(element, stack, { label }) {
    const OSD = window.OpenSeadragon;
    this.element = element;
    this.stack = stack;
    this.items = new Map(); // key -> tiled image
    this.wanted = [];
    this.turn = 0;
    this.isFitted = true; // until the user goes somewhere
    this.viewer = OSD({
      element,
      // As quick as WebGL where there is a graphics card, and quicker where there is none.
      drawer: "canvas",
      showNavigationControl: false,
      animationTime: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.25,
      springStiffness: 9,
      blendTime: 0,
      maxZoomPixelRatio: 8,
      minZoomImageRatio: 0.5,
      visibilityRatio: 0.3,
      zoomPerScroll: 1.25,
      imageLoaderLimit: 6,
      maxImageCacheCount: 400,
      preload: false,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsPen: { clickToZoom: false },
    });
    const canvas = this.viewer.canvas;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", label);
    // Our keys are the page's; the viewer's own would pan where ours step.
    this.viewer.addHandler("canvas-key", (event) => { event.preventDefaultAction = true; });
    for (const kind of ["canvas-drag", "canvas-scroll", "canvas-pinch", "canvas-double-click"]) {
      this.viewer.addHandler(kind, () => { this.isFitted = false; });
    }
    this.viewer.addHandler("resize", () => requestAnimationFrame(() => { if (this.isFitted) this.fit(true); }));
    this.viewer.addHandler("tile-load-failed", (event) => this.failed(event));
  }

  source(layer) {
    const { id, width, height, levels, tile } = this.stack;
    return {
      width, height, tileSize: tile, tileOverlap: 0, maxLevel: levels, minLevel: Math.min(COARSE, levels),
      getTileUrl: (level, x, y) => `/api/stacks/${id}/tiles/${layer.name}/${level}/${x}/${y}.jpg?v=${layer.version}`,
    };
  }

  // `layers` from below to the top: {name, version, opacity, clip}
  show(layers) {
    this.wanted = layers;
    const turn = this.turn += 1;
    layers.forEach((layer) => {
      const key = `${layer.name} ${layer.version}`;
      if (this.items.has(key)) return;
      this.items.set(key, null);
      this.viewer.addTiledImage({
        tileSource: this.source(layer),
        success: ({ item }) => {
          if (this.items.get(key) !== null) { this.viewer.world.removeItem(item); return; }
          this.items.set(key, item);
          item.addHandler("fully-loaded-change", () => this.settle(this.turn));
          if (this.viewer.world.getItemCount() === 1 && this.isFitted) this.fit(true);
          this.arrange();
        },
        error: () => this.items.delete(key),
      });
    });
    this.arrange();
    // What was shown stays until what is wanted is there, so that nothing flashes.
    setTimeout(() => this.settle(turn, true), 600);
  }

  arrange() {
    const world = this.viewer.world;
    this.wanted.forEach((layer) => {
      const item = this.items.get(`${layer.name} ${layer.version}`);
      if (!item) return;
      const top = world.getItemCount() - 1;
      if (world.getIndexOfItem(item) !== top) world.setItemIndex(item, top);
      item.setOpacity(layer.opacity ?? 1);
      this.clip(item, layer.clip);
    });
    this.viewer.forceRedraw();
    this.settle(this.turn);
  }

  clip(item, clip) {
    const OSD = window.OpenSeadragon;
    item.setClip(clip ? new OSD.Rect(clip.left, clip.top, Math.max(1, clip.width), Math.max(1, clip.height)) : null);
  }

  // Moves the clip of a layer without loading anything.
  reclip(name, clip) {
    for (const layer of this.wanted) {
      if (layer.name !== name) continue;
      layer.clip = clip;
      const item = this.items.get(`${layer.name} ${layer.version}`);
      if (item) this.clip(item, clip);
    }
    this.viewer.forceRedraw();
  }

  settle(turn, isLate = false) {
    if (turn !== this.turn) return;
    const keys = new Set(this.wanted.map((layer) => `${layer.name} ${layer.version}`));
    const items = [...keys].map((key) => this.items.get(key));
    const isThere = items.every((item) => item && (item.getFullyLoaded() || isLate));
    if (!isThere) return;
    for (const [key, item] of this.items) {
      if (keys.has(key) || !item) continue;
      this.items.delete(key);
      this.viewer.world.removeItem(item);
    }
  }

  get isSettled() {
    return this.wanted.length > 0 && this.wanted.every((layer) => {
      const item = this.items.get(`${layer.name} ${layer.version}`);
      return item && item.getFullyLoaded();
    });
  }

  // Picture pixels at a place of the page, and back.
  toPicture(x, y) {
    const OSD = window.OpenSeadragon;
    const box = this.element.getBoundingClientRect();
    const point = this.viewer.viewport.pointFromPixel(new OSD.Point(x - box.left, y - box.top), true);
    return { x: point.x * this.stack.width, y: point.y * this.stack.width };
  }

  toPane(x, y) {
    const OSD = window.OpenSeadragon;
    const width = this.stack.width;
    return this.viewer.viewport.pixelFromPoint(new OSD.Point(x / width, y / width), true);
  }

  inView() {
    const bounds = this.viewer.viewport.getBounds(true);
    const { width, height } = this.stack;
    const left = Math.max(0, bounds.x * width);
    const top = Math.max(0, bounds.y * width);
    return [left, top, Math.min(width, (bounds.x + bounds.width) * width) - left,
      Math.min(height, (bounds.y + bounds.height) * width) - top].map(Math.round);
  }

  get zoom() {
    const viewport = this.viewer.viewport;
    const shown = viewport.getZoom(true) * viewport.getContainerSize().x / this.stack.width;
    return shown * (window.devicePixelRatio || 1);
  }

  zoomTo(share, isAtOnce = false) {
    const viewport = this.viewer.viewport;
    this.isFitted = false;
    const zoom = share * this.stack.width / viewport.getContainerSize().x / (window.devicePixelRatio || 1);
    viewport.zoomTo(zoom, null, isAtOnce);
  }

  fit(isAtOnce = false) {
    const OSD = window.OpenSeadragon;
    this.isFitted = true;
    const { width, height } = this.stack;
    this.viewer.viewport?.fitBounds(new OSD.Rect(0, 0, 1, height / width), isAtOnce);
  }

  zoomBy(factor) {
    this.isFitted = false;
     this.viewer.viewport.zoomBy(factor).applyConstraints();
  }

  panBy(x, y) {
    const OSD = window.OpenSeadragon;
    const viewport = this.viewer.viewport;
    const bounds = viewport.getBounds();
    viewport.panBy(new OSD.Point(x * bounds.width * 0.15, y * bounds.height * 0.15)).applyConstraints();
  }

  failed(event) {
    const now = performance.now();
    if (this.told && now - this.told < 3000) return;
    this.told = now;
    const url = event.tile?.getUrl?.();
    if (url) get(url).catch(complain);
  }

  destroy() { this.viewer.destroy(); }
}

// Two panes that show the same place.
export function link(one, other) {
  let isFollowing = false;
  const follow = (from, to) => () => {
    if (isFollowing || !to.viewer.viewport || !from.viewer.viewport) return;
    isFollowing = true;
    to.isFitted = from.isFitted;
    to.viewer.viewport.zoomTo(from.viewer.viewport.getZoom(), null, true);
    to.viewer.viewport.panTo(from.viewer.viewport.getCenter(), true);
    isFollowing = false;
  };
  for (const kind of ["zoom", "pan"]) {
    one.viewer.addHandler(kind, follow(one, other));
    other.viewer.addHandler(kind, follow(other, one));
  }
}

// Asks for the first tiles of a layer, so that they are there when it is shown.
export function prefetch(stack, layer) {
  const level = Math.min(COARSE, stack.levels);
  const image = new Image();
  image.src = `/api/stacks/${stack.id}/tiles/${layer.name}/${level}/0/0.jpg?v=${layer.version}`;
  return image;
}
