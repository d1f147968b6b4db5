// Which key means what. Pure: it reads a keyboard event's fields and says an intent, or null.

export const CLASS_KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"];

/** The intent of a key: {type, index?}, or null when it means nothing here. */
export function intent(event, { classes, typing = false, onButton = false } = {}) {
  const { key } = event;
  if (key === "Escape") return { type: typing ? "stopTyping" : "leave" };
  if (typing || event.isComposing) return null;
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  if (onButton && (key === "Enter" || key === " ")) return { type: "press" };
  const index = CLASS_KEYS.indexOf(key);
  if (index >= 0) return event.repeat || index >= classes.length ? null : { type: "choose", index };
  if (event.repeat) return null; // a key held down is one decision
  switch (key) {
    case "Enter":
      return { type: "accept" };
    case " ":
      return { type: "skip" };
    case "f":
    case "F":
      return { type: "flag" };
    case "Backspace":
      return { type: "undo" };
    case "/":
      return { type: "search" };
    default:
      return null;
  }
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
