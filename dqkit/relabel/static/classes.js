// Class codes, new classes and the panel of annotators. Handlers are (state, action) -> { state, effects }.

import { codesOf, keysOf } from "./codes.js";
import { GRID } from "./grid.js";
import { SINGLE } from "./single.js";
import { codeTarget, same, say, tell, typedCode } from "./state.js";

export const LONGEST_CLASS = 200;

/** What look-alikes share: the name without differences of case, of spaces and of Unicode form. */
export const classKey = (name) => name.normalize("NFKC").toLowerCase().trim().replace(/\s+/g, " ");

export const CLASSES = {
  // The first key waits for the second; the two choose a class as its button does.
  code(state, { key, ...action }) {
    const on = codeTarget(state);
    if (on === null) return same({ ...state, code: null });
    const before = typedCode(state);
    if (!before) {
      const hits = state.classes.filter((_, i) => codesOf(state.classes)[i]?.startsWith(key));
      return { state: { ...state, code: { text: key, on } }, effects: [say(`${key}: ${hits.slice(0, 6).join(", ")}`)] };
    }
    const label = state.classes[codesOf(state.classes).indexOf(before + key)];
    const after = { ...state, code: null };
    if (label === undefined) return tell(after, `No class has the code ${before}${key}.`);
    return state.grid ? GRID.gridRelabel(after, { ...action, label }) : SINGLE.choose(after, { ...action, label });
  },

  endCode: (state) => same({ ...state, code: null }),

  // A new class is asked for twice, since it is there for everybody and stays.
  nameClass(state, { text, now }) {
    const name = text.trim().replace(/\s+/g, " ");
    if (!name || !state.offers.includes("add_class")) return same({ ...state, naming: null });
    if (name.length > LONGEST_CLASS) return tell(state, `A class name has at most ${LONGEST_CLASS} characters.`, "error");
    const index = state.classes.findIndex((known) => classKey(known) === classKey(name));
    if (index >= 0) return tell({ ...state, naming: null }, `“${state.classes[index]}” is there already${withKey(state.classes, index)}.`);
    if (state.naming !== name) return tell({ ...state, naming: name }, `Add the class “${name}” for everybody? Enter again adds it, Esc does not.`);
    const asked = { ...state, naming: null, adding: { name, sentAt: now } };
    return tell(asked, `Adding “${name}” …`, "info", [{ type: "addClass", name }]);
  },

  endNaming: (state) => same(state.naming === null ? state : { ...state, naming: null, notice: null }),

  // Somebody added a class, perhaps on another page.
  classes(state, { classes, name, mine }) {
    const known = { ...state, classes, code: null };
    if (!mine || !state.adding) return same(known);
    const index = classes.indexOf(name);
    return tell({ ...known, adding: null }, `The class “${name}” is there now${withKey(classes, index)}.`);
  },

  declined(state, { about, message }) {
    return tell(about === "add_class" ? { ...state, adding: null } : state, message, "error");
  },

  people(state) {
    if (state.team !== null) return same({ ...state, team: null });
    if (!state.offers.includes("team")) return same(state);
    return { state: { ...state, team: "asked" }, effects: [{ type: "askTeam" }] };
  },

  team(state, { team }) {
    return state.team === null ? same(state) : { state: { ...state, team }, effects: [say(team.headline)] };
  },
};

function withKey(classes, index) {
  const keys = keysOf(classes, index);
  return keys ? `: press ${[...keys].join(" ")}` : "";
}
