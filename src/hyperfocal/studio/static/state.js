// What every page knows of the studio.

export const state = { tasks: new Map(), queue: { rows: [] }, watched: null, last: null };

const STAGES = { open: "Opening", look: "Looking", shrink: "Making small", align: "Aligning",
  expose: "Matching brightness", measure: "Measuring sharpness", observe: "Looking at frames",
  decide: "Deciding", blend: "Blending", fuse: "Fusing", write: "Writing" };

export function stage(task) {
  const last = task.stage.split(": ").pop();
  return STAGES[last] ?? (last ? last.charAt(0).toUpperCase() + last.slice(1) : "Starting");
}
