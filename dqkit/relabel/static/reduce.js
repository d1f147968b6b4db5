// `reduce(state, action)` gives { state, effects }; labeler.js carries the effects out.

import { CLASSES } from "./classes.js";
import { GRID, settle } from "./grid.js";
import { KERNEL } from "./kernel.js";
import { SINGLE } from "./single.js";

const HANDLERS = { ...KERNEL, ...SINGLE, ...CLASSES, ...GRID };

export function reduce(state, action) {
  const handler = HANDLERS[action.type];
  if (!handler) throw new Error(`no handler for the action ${action.type}`);
  if (action.type.startsWith("grid") && !state.grid) return { state, effects: [] };
  const step = handler(state, action);
  return action.type in GRID ? step : settle(step, action.now);
}
