// The frame of the labeller and the single view: it draws a state and knows nothing of the kernel.

import { CLASS_KEYS, codesOf, keysOf } from "./codes.js";
import { count, h, kbd } from "./element.js";
import { search } from "./keys.js";
import { answeredCount, typedCode } from "./state.js";

const MOST_BUTTONS = 60;
const ACTIONS = { label: "New label", relabel: "Check this label", second_opinion: "Second opinion" };
const MODES = { blind: "Blind check", second_opinion: "Second opinion" };
const STRIP = 14;
const RATE_OF = 20; // answers
const PAUSE_MS = 120_000; // a longer wait between two answers is a pause, not work

const SINGLE_COMMANDS = [
  ["keep", "Keep", "K"], ["skip", "Skip", "Space"], ["flag", "Flag", "F"], ["undo", "Undo", "⌫"],
  ["write", "Note", "N"], ["zoom", "Zoom", "Z"], ["view", "Grid", "G"], ["newClass", "New class", "+", "add_class"],
  ["people", "Team", "P", "team"],
];
const GRID_COMMANDS = [
  ["gridConfirm", "Confirm all", "Enter"], ["gridKeep", "Keep all", "K"], ["gridToggle", "Take out", "X"], ["gridPass", "Next page", "Space"],
  ["undo", "Undo page", "⌫"], ["view", "One by one", "G"], ["people", "Team", "P", "team"],
];

// What may scroll can be reached by Tab, and then by the arrow keys of the browser.
const scrolls = (name) => ({ tabindex: 0, role: "group", "aria-label": name });

/** Builds the widget inside `root`; `on(intent)` hears its buttons. */
export function build(root, on, { canRename = false } = {}) {
  const input = (name, placeholder, label) => h("input", { class: `dq-input dq-${name}`, type: "text", placeholder, "aria-label": label, hidden: true });
  const parts = {
    action: h("span", { class: "dq-action" }),
    count: h("span", { class: "dq-count" }),
    fill: h("div", { class: "dq-meter-fill" }),
    saving: h("span", { class: "dq-saving" }),
    who: h(canRename ? "button" : "span", { class: "dq-who", ...(canRename && { type: "button", "data-intent": "rename" }) }),
    notice: h("div", { class: "dq-notice", hidden: true }),
    stage: h("div", { class: "dq-stage" }),
    why: h("div", { class: "dq-why" }),
    note: input("note", "A note on this sample. Enter keeps it, Esc closes.", "A note on this sample"),
    fresh: input("fresh", "A new class. Enter adds it, Esc closes.", "The name of a new class"),
    search: input("search", "Search classes ( / )", "Search classes"),
    classes: h("div", { class: "dq-classes", role: "group", "aria-label": "Classes" }),
    commands: h("div", { class: "dq-commands", role: "group", "aria-label": "Commands" }),
    team: h("div", { class: "dq-team", role: "region", "aria-label": "Annotators", hidden: true }),
    strip: h("div", { class: "dq-strip", role: "group", "aria-label": "Your latest answers" }),
    live: h("div", { class: "dq-live", role: "status", "aria-live": "polite" }),
  };
  parts.meter = h("div", { class: "dq-meter", role: "progressbar", "aria-label": "Samples answered", "aria-valuemin": 0 }, parts.fill);
  root.append(
    h("div", { class: "dq-head" }, parts.action, parts.meter, parts.count, parts.saving, parts.who),
    h("div", { class: "dq-body" }, parts.stage, h("div", { class: "dq-side", ...scrolls("What is known of this sample") }, parts.notice, parts.why)), parts.note, parts.fresh, parts.search, parts.classes, parts.commands, parts.team, parts.strip, parts.live,
  );
  parts.stage.addEventListener("scroll", () => (parts.stage.dataset.scrolled = ""));
  // A click must not take the focus from the root, or Enter would press the button again.
  root.addEventListener("mousedown", (event) => {
    if (event.target.closest("input")) return;
    event.preventDefault();
    root.focus({ preventScroll: true });
  });
  root.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-intent]");
    if (button) on({ type: button.dataset.intent, label: button.dataset.label, past: button.dataset.past });
  });
  return parts;
}

export function drawCommands(parts, { grid, offers }) {
  const offered = (grid ? GRID_COMMANDS : SINGLE_COMMANDS).filter(([, , , needs]) => !needs || offers.includes(needs));
  const buttons = offered.map(([type, name, key]) => h("button", { class: "dq-command", type: "button", "data-intent": type }, name, kbd(key)));
  const leave = h("button", { class: "dq-command", type: "button", "data-intent": "leave" }, "Leave", kbd("Esc"));
  parts.commands.replaceChildren(...buttons, leave, h("span", { class: "dq-click" }, "Click here, then use the keys"));
}

/** What stays from sample to sample: progress, saving, notices. */
export function drawStatus(parts, state, { late }) {
  const done = answeredCount(state);
  const pace = state.connected ? paceOf(state, state.total - done) : "";
  parts.count.textContent = state.connected ? `${count(done)} of ${count(state.total)}${pace}` : "";
  parts.fill.style.width = `${state.total ? Math.min(100, (100 * done) / state.total) : 0}%`;
  parts.meter.setAttribute("aria-valuenow", Math.min(done, state.total));
  parts.meter.setAttribute("aria-valuemax", state.total);
  const waiting = state.pending.length > 0 && late;
  parts.saving.textContent = waiting ? `${count(state.pending.length)} not saved yet` : "All saved";
  parts.saving.classList.toggle("dq-late", waiting);
  parts.saving.hidden = !state.connected && !waiting;
  parts.who.textContent = state.annotator;
  parts.who.title = parts.who.tagName === "BUTTON" ? `Not ${state.annotator}? Click to change the name.` : state.annotator;
  parts.notice.hidden = !state.notice;
  parts.notice.textContent = state.notice?.text ?? "";
  parts.notice.className = `dq-notice dq-${state.notice?.tone ?? "info"}`;
}

function paceOf(state, left) {
  const times = state.history.map((entry) => entry.at).filter(Boolean).slice(-RATE_OF);
  const gaps = times.slice(1).map((at, i) => at - times[i]).filter((gap) => gap >= 0 && gap < PAUSE_MS);
  const spent = gaps.reduce((sum, gap) => sum + gap, 0);
  if (gaps.length < 5 || spent <= 0) return "";
  const perMinute = (60_000 * gaps.length) / spent;
  const minutes = left / perMinute;
  return ` · ${Math.round(perMinute)} a minute · ${minutes < 1 ? "under a minute" : `${Math.round(minutes)} min`} left`;
}

/** The classes as buttons with their keys; with more than ten, a search. `picked`: which hit Enter takes. */
export function drawClasses(parts, state, picked = 0) {
  const { classes } = state;
  parts.search.hidden = classes.length <= CLASS_KEYS.length;
  const typed = parts.search.value.trim();
  const code = typedCode(state);
  const codes = codesOf(classes);
  const few = classes.length <= MOST_BUTTONS;
  const fits = (index) => !code || Boolean(codes[index]?.startsWith(code));
  const hits = typed ? search(classes, typed) : few ? classes : classes.filter((_, i) => fits(i));
  const shown = hits.slice(0, MOST_BUTTONS);
  const at = typed || code ? new Map(classes.map((name, index) => [name, index])) : null;
  const buttons = shown.map((name, i) => {
    const index = at ? at.get(name) : i;
    const keys = keysOf(classes, index);
    const out = !typed && !fits(index);
    const attributes = {
      class: `dq-class${typed && i === picked ? " dq-picked" : ""}${out ? " dq-ruled-out" : ""}`, type: "button", "data-intent": "choose", "data-label": name, title: name,
      "aria-keyshortcuts": keys && [...keys].join(" "),
    };
    const key = keys && kbd(out ? keys : keys.slice(code.length));
    return h("button", attributes, key, h("span", { class: "dq-name", dir: "auto" }, name), h("span", { class: "dq-tag" }));
  });
  if (hits.length > shown.length) buttons.push(h("span", { class: "dq-more" }, `and ${count(hits.length - shown.length)} more: search with `, kbd("/")));
  parts.classes.classList.toggle("dq-coded", Boolean(code));
  if (!hits.length) buttons.push(h("span", { class: "dq-more" }, "No class has that name."));
  parts.classes.replaceChildren(...buttons);
}

/** Marks on the class buttons what is given, suggested (Enter takes it) and, for a past sample, answered. */
export function markClasses(parts, { given = null, suggested = null, answered = null } = {}) {
  for (const button of parts.classes.querySelectorAll("button")) {
    const name = button.dataset.label;
    const marks = [given === name && "given", answered === name && "yours", suggested === name && "↵"].filter(Boolean);
    button.classList.toggle("dq-is-given", given === name);
    button.classList.toggle("dq-is-suggested", suggested === name);
    button.classList.toggle("dq-is-answered", answered === name);
    button.lastChild.textContent = marks.join("  ");
    button.setAttribute("aria-label", [name, ...marks].join(", ").replace("↵", "suggested"));
  }
}

/** Enlarges the exhibit about its middle (with `full` in its place), or shows it whole again. */
export function zoom({ stage }, full = null) {
  const [fitted] = stage.children;
  if (stage.classList.toggle("dq-zoomed")) {
    stage.tabIndex = 0;
    if (full) {
      full.node.addEventListener("dq-unzoom", () => {
        full.node.replaceWith(fitted);
        URL.revokeObjectURL(full.url);
      });
      fitted.replaceWith(full.node);
    }
  } else {
    stage.removeAttribute("tabindex");
    fitted?.dispatchEvent(new Event("dq-unzoom"));
  }
  stage.scrollTo((stage.scrollWidth - stage.clientWidth) / 2, (stage.scrollHeight - stage.clientHeight) / 2);
}

/** One sample: its exhibit, and beside it what is known of it. */
export function drawSample(parts, card, { node, why }, past) {
  if (parts.stage.classList.contains("dq-zoomed")) zoom(parts);
  parts.stage.replaceChildren(node);
  // To scroll makes the browser lay the page out at once, so only what was scrolled is scrolled back.
  if ("scrolled" in parts.stage.dataset) parts.stage.scrollTo(0, 0);
  delete parts.stage.dataset.scrolled;
  parts.action.textContent = past ? "Your answer, again" : MODES[card.mode] ?? ACTIONS[card.action] ?? card.action;
  parts.why.replaceChildren(...why);
  markClasses(parts, { given: card.given, suggested: card.suggested, answered: past?.label ?? null });
}

/** In place of a sample: an empty queue, or waiting. */
export function drawIdle(parts, title, text, button = null) {
  const again = button && h("button", { class: "dq-command", type: "button", "data-intent": button.type }, button.name);
  parts.stage.replaceChildren(h("div", { class: "dq-idle" }, h("p", { class: "dq-idle-title" }, title), h("p", {}, text), again));
  parts.why.replaceChildren();
  parts.action.textContent = "Labelling queue";
  markClasses(parts);
}

/** The latest answers, the newest last; a click goes back to that sample. */
export function drawStrip(parts, state) {
  const items = state.history.slice(-STRIP).map((entry) => {
    const text = entry.kind === "label" ? entry.label : entry.kind === "skip" ? "skipped" : "flagged";
    const here = entry.event_id === state.revisiting;
    const about = entry.card ? "Go back to" : "Take back the answer on";
    const attributes = {
      class: `dq-past dq-past-${entry.kind}${here ? " dq-here" : ""}`, type: "button", dir: "auto",
      "data-intent": "revisit", "data-past": entry.event_id, title: `${about} ${entry.sample_id}`, "aria-current": here ? "true" : null,
    };
    return h("button", attributes, text);
  });
  parts.strip.replaceChildren(...items);
}
