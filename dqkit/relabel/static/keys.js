// Which key means what. Pure: it reads a keyboard event's fields and says an intent, or null.

import { beginsCode, CLASS_KEYS } from "./codes.js";

const SINGLE_KEYS = {
  Enter: { type: "accept" },
  k: { type: "keep" },
  "?": { type: "details" },
  " ": { type: "skip" },
  f: { type: "flag" },
  Backspace: { type: "undo" },
  "/": { type: "search" },
  n: { type: "write" },
  z: { type: "zoom" },
  g: { type: "view" },
  p: { type: "people" },
  "+": { type: "newClass" },
  ArrowLeft: { type: "step", by: -1 },
  ArrowRight: { type: "step", by: 1 },
};

const GRID_KEYS = {
  Enter: { type: "gridConfirm" },
  k: { type: "gridKeep" },
  " ": { type: "gridPass" },
  x: { type: "gridToggle" },
  Backspace: { type: "undo" },
  "/": { type: "search" },
  g: { type: "view" },
  p: { type: "people" },
  ArrowLeft: { type: "gridMove", columns: -1 },
  ArrowRight: { type: "gridMove", columns: 1 },
  ArrowUp: { type: "gridMove", rows: -1 },
  ArrowDown: { type: "gridMove", rows: 1 },
  Home: { type: "gridMove", to: 0 },
  End: { type: "gridMove", to: Infinity },
};

const MAY_REPEAT = new Set(["gridMove", "step"]);

/** The intent of a key, such as {type: "choose", index: 0}, or null when it means nothing here. */
export function intent(event, { classes, typing = false, onButton = false, grid = false, code = "" } = {}) {
  const { key } = event;
  if (key === "Escape") return { type: typing ? "stopTyping" : code ? "endCode" : "leave" };
  if (typing || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return null;
  if (onButton && (key === "Enter" || key === " ")) return { type: "press" };
  const letter = key.length === 1 ? key.toLowerCase() : key;
  // The second key of a class code may be any letter or digit; whatever else comes ends the code and does nothing.
  if (code) return event.repeat ? null : /^[a-z0-9]$/.test(letter) ? { type: "code", key: letter } : { type: "endCode" };
  const index = CLASS_KEYS.indexOf(key);
  const meant = index < 0 ? (grid ? GRID_KEYS : SINGLE_KEYS)[letter] ?? (beginsCode(classes, letter) ? { type: "code", key: letter } : null)
    : index < classes.length ? { type: "choose", index } : null;
  // A key held down is one decision.
  return meant && event.repeat && !MAY_REPEAT.has(meant.type) ? null : meant;
}

/** The classes whose names match what was typed, best first: a prefix, then a word's prefix, then anywhere. */
export function search(classes, typed) {
  const wanted = typed.trim().toLocaleLowerCase();
  if (!wanted) return [];
  const rank = (name) => {
    const at = name.toLocaleLowerCase().indexOf(wanted);
    if (at < 0) return 3;
    if (at === 0) return 0;
    return /[\s_\-/.]/.test(name[at - 1]) ? 1 : 2;
  };
  return classes
    .map((name, index) => ({ name, index, rank: rank(name) }))
    .filter((hit) => hit.rank < 3)
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map((hit) => hit.name);
}
