// Two-key codes for the classes beyond the ten digits. Pure.

export const CLASS_KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"];

// Letters that are no command in either view begin a code; anything may end it.
const FIRST = "abcdehijlmoqrstuvwy";
const SECOND = "abcdefghijklmnopqrstuvwxyz0123456789";

const known = new WeakMap();

/** The code of each class, null for the first ten (digits) and where none is left. A class keeps its code as others come. */
export function codesOf(classes) {
  if (known.has(classes)) return known.get(classes);
  const taken = new Set();
  const codes = classes.map((name, index) => (index < CLASS_KEYS.length ? null : freeCode(name, taken)));
  known.set(classes, codes);
  return codes;
}

function freeCode(name, taken) {
  for (const code of candidateCodes(name)) {
    if (taken.has(code)) continue;
    taken.add(code);
    return code;
  }
  return null;
}

/** First what comes to mind: the initials of two words, then two letters of the name in their order; then anything. */
function* candidateCodes(name) {
  const words = name.toLowerCase().normalize("NFKD").replace(/[^a-z0-9\s_\-/.]/g, "").split(/[\s_\-/.]+/).filter(Boolean);
  const initials = words.map((word) => word[0]).join("");
  const letters = words.join("");
  for (const text of [initials, letters]) {
    for (let i = 0; i < text.length; i++) {
      if (!FIRST.includes(text[i])) continue;
      for (let j = i + 1; j < text.length; j++) yield text[i] + text[j];
    }
  }
  for (const first of letters + FIRST) {
    if (!FIRST.includes(first)) continue;
    for (const second of SECOND) yield first + second;
  }
}

/** The key or keys that choose the class at this index, or null. */
export function keysOf(classes, index) {
  return CLASS_KEYS[index] ?? codesOf(classes)[index];
}

/** True when a class code begins with this text. */
export function beginsCode(classes, text) {
  return codesOf(classes).some((code) => code !== null && code.startsWith(text));
}
