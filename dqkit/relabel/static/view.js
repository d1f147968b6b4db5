// The DOM of the labeller: it draws a state and knows nothing of the kernel. Text from data enters as text nodes only.

import { CLASS_KEYS, search } from "./keys.js";
import { answeredCount, unsaved } from "./state.js";

const IMAGES = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);
const MOST_BUTTONS = 60;
const ACTIONS = { label: "New label", relabel: "Check this label", second_opinion: "Second opinion" };
const STRIP = 12;

function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const kbd = (text) => h("kbd", {}, text);
const percent = (share) => (share > 0 && share < 0.005 ? "< 1 %" : `${Math.round(share * 100)} %`);

/** The node that shows a sample, and a promise of whether it could be decoded. */
export function exhibit(card) {
  const { mime, media } = card;
  if (IMAGES.has(mime) && media.byteLength > 0) return picture(card);
  if (mime === "text/plain") {
    const text = new TextDecoder().decode(media);
    return { node: h("div", { class: "dq-text", dir: "auto", tabindex: "-1" }, text), decoded: Promise.resolve(true) };
  }
  if (mime === "application/json") return tableRow(media);
  return { node: cannotShow(`no picture of ${card.sample_id}`), decoded: Promise.resolve(false) };
}

function picture(card) {
  const url = URL.createObjectURL(new Blob([card.media], { type: card.mime }));
  const image = new Image();
  image.decoding = "sync";
  image.draggable = false;
  image.alt = "The sample to label";
  image.src = url;
  const exhibited = { node: image, url };
  exhibited.decoded = image.decode().then(
    () => {
      const { naturalWidth: width, naturalHeight: height } = image;
      const side = Math.max(width, height);
      if (side <= 160) {
        image.classList.add("dq-pixelated");
        const scale = Math.max(1, Math.floor(320 / side));
        image.style.width = `${width * scale}px`;
        image.style.height = `${height * scale}px`;
      }
      return true;
    },
    () => {
      exhibited.node = cannotShow(`the picture of ${card.sample_id} cannot be decoded`);
      return false;
    },
  );
  return exhibited;
}

function tableRow(media) {
  let row;
  try {
    row = JSON.parse(new TextDecoder().decode(media));
  } catch (error) {
    return { node: cannotShow(String(error.message)), decoded: Promise.resolve(false) };
  }
  const rows = Object.entries(row).map(([name, value]) => {
    const text = value === null ? "missing" : typeof value === "object" ? JSON.stringify(value) : String(value);
    const style = value === null ? "dq-missing" : typeof value === "number" ? "dq-number" : "";
    return h("tr", {}, h("th", { scope: "row", dir: "auto" }, name), h("td", { class: style, dir: "auto" }, text));
  });
  return { node: h("table", { class: "dq-row" }, h("tbody", {}, ...rows)), decoded: Promise.resolve(true) };
}

function cannotShow(text) {
  return h("p", { class: "dq-broken" }, `This sample cannot be shown: ${text}. Skip it or flag it.`);
}

/** Builds the widget inside `root` and gives the functions that draw into it. `on(intent)` hears the mouse. */
export function build(root, on) {
  const parts = {
    action: h("span", { class: "dq-action" }),
    count: h("span", { class: "dq-count" }),
    meter: h("div", { class: "dq-meter-fill" }),
    saving: h("span", { class: "dq-saving" }),
    who: h("span", { class: "dq-who" }),
    notice: h("div", { class: "dq-notice", hidden: true }),
    stage: h("div", { class: "dq-stage" }),
    why: h("div", { class: "dq-why" }),
    classes: h("div", { class: "dq-classes", role: "group", "aria-label": "Classes" }),
    strip: h("ol", { class: "dq-strip", "aria-label": "Your latest answers" }),
    live: h("div", { class: "dq-live", role: "status", "aria-live": "polite" }),
    search: h("input", {
      class: "dq-search", type: "search", placeholder: "Search classes  ( / )", "aria-label": "Search classes", hidden: true,
    }),
  };
  parts.meterBox = h("div", { class: "dq-meter", role: "progressbar", "aria-label": "Samples answered", "aria-valuemin": 0 }, parts.meter);
  const command = (type, name, ...keys) =>
    h("button", { class: "dq-command", type: "button", "data-intent": type }, name, ...keys.map(kbd));
  const commands = h(
    "div", { class: "dq-commands", role: "group", "aria-label": "Commands" },
    command("accept", "Take suggestion", "Enter"), command("skip", "Skip", "Space"), command("flag", "Flag", "f"),
    command("undo", "Undo", "⌫"), h("span", { class: "dq-leave" }, "Leave", kbd("Esc")),
  );
  root.append(
    h("div", { class: "dq-head" }, parts.action, parts.meterBox, parts.count, parts.saving, parts.who),
    parts.notice,
    h("div", { class: "dq-body" }, parts.stage, parts.why),
    parts.search, parts.classes, commands, parts.strip, parts.live,
  );
  // A click must not take the focus from the root, or Enter would press the button again.
  root.addEventListener("mousedown", (event) => {
    if (event.target.closest("input")) return;
    event.preventDefault();
    root.focus({ preventScroll: true });
  });
  root.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-intent]");
    if (button) on({ type: button.dataset.intent, label: button.dataset.label });
  });
  return parts;
}

/** What stays from sample to sample: progress, saving, notices. */
export function drawStatus(parts, state, { late }) {
  const done = answeredCount(state);
  parts.count.textContent = state.connected ? `${done.toLocaleString("en")} of ${state.total.toLocaleString("en")}` : "";
  parts.meter.style.width = `${state.total ? Math.min(100, (100 * done) / state.total) : 0}%`;
  parts.meterBox.setAttribute("aria-valuenow", Math.min(done, state.total));
  parts.meterBox.setAttribute("aria-valuemax", state.total);
  const waiting = unsaved(state);
  parts.saving.textContent = waiting && late ? `${waiting} not saved yet` : "All saved";
  parts.saving.classList.toggle("dq-late", Boolean(waiting && late));
  parts.saving.hidden = !state.connected;
  parts.who.textContent = state.annotator;
  parts.notice.hidden = !state.notice;
  parts.notice.textContent = state.notice?.text ?? "";
  parts.notice.className = `dq-notice dq-${state.notice?.tone ?? "info"}`;
}

/** The classes as buttons with their keys; with more than ten, a search. */
export function drawClasses(parts, state) {
  const { classes } = state;
  parts.search.hidden = classes.length <= CLASS_KEYS.length;
  const typed = parts.search.value;
  const hits = typed.trim() ? search(classes, typed) : classes;
  const shown = hits.slice(0, MOST_BUTTONS);
  const buttons = shown.map((name, index) => {
    const key = typed.trim() ? null : CLASS_KEYS[index];
    const attributes = { class: "dq-class", type: "button", "data-intent": "choose", "data-label": name };
    if (key) attributes["aria-keyshortcuts"] = key;
    return h("button", attributes, key ? kbd(key) : null, h("span", { class: "dq-name", dir: "auto" }, name), h("span", { class: "dq-tag" }));
  });
  if (hits.length > shown.length) {
    buttons.push(h("span", { class: "dq-more" }, `and ${(hits.length - shown.length).toLocaleString("en")} more: search with `, kbd("/")));
  }
  if (!hits.length) buttons.push(h("span", { class: "dq-more" }, "No class has that name."));
  parts.classes.replaceChildren(...buttons);
  markClasses(parts, state.current);
}

function markClasses(parts, card) {
  for (const button of parts.classes.querySelectorAll("button")) {
    const name = button.dataset.label;
    const given = card !== null && card.given === name;
    const suggested = card !== null && card.suggested === name;
    button.classList.toggle("dq-is-given", given);
    button.classList.toggle("dq-is-suggested", suggested);
    button.lastChild.textContent = [given ? "given" : "", suggested ? "suggested" : ""].filter(Boolean).join(" · ");
  }
}

/** One sample: its exhibit, and beside it what is known of it. */
export function drawSample(parts, card, node) {
  parts.stage.replaceChildren(node);
  parts.action.textContent = card.mode === "blind" ? "Blind check" : ACTIONS[card.action] ?? card.action;
  parts.why.replaceChildren(...whyItIsHere(card).filter(Boolean));
  markClasses(parts, card);
}

function whyItIsHere(card) {
  const fact = (name, ...value) => h("div", { class: "dq-fact" }, h("span", { class: "dq-fact-name" }, name), h("span", { class: "dq-fact-value", dir: "auto" }, ...value));
  if (card.mode === "blind") {
    return [h("p", { class: "dq-hint" }, "Nothing is suggested here on purpose: say what you see. These answers measure the queue itself.")];
  }
  return [
    h("div", { class: "dq-facts" },
      card.mode === "second_opinion" ? fact("Given", "hidden until you answer") : fact("Given", card.given ?? "no label"),
      card.suggested === null ? null : fact("Suggested", h("strong", {}, card.suggested), card.prob === null ? "" : ` ${percent(card.prob)}`)),
    card.reasons.length ? section("Why it is here", h("ul", { class: "dq-reasons" }, ...card.reasons.map((text) => h("li", { dir: "auto" }, text)))) : null,
    card.votes.length ? section("Models say", ...card.votes.slice(0, 4).map(voteBar)) : null,
    card.neighbors.length ? section("Most similar", h("ul", { class: "dq-neighbors" }, ...card.neighbors.map(neighbor))) : null,
  ];
}

const section = (title, ...content) => h("section", {}, h("h4", {}, title), ...content);

function voteBar([name, share]) {
  const bar = h("div", { class: "dq-vote-bar" }, h("div", { style: `width: ${Math.min(100, share * 100)}%` }));
  return h("div", { class: "dq-vote" }, h("span", { class: "dq-vote-name", dir: "auto" }, name), bar, h("span", { class: "dq-vote-share" }, percent(share)));
}

function neighbor({ label, bytes }) {
  const name = label ?? "no label";
  const url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  const image = h("img", { src: url, alt: `Similar sample, ${name}`, draggable: "false" });
  const free = () => URL.revokeObjectURL(url);
  image.addEventListener("load", free);
  image.addEventListener("error", free);
  return h("li", {}, image, h("span", { dir: "auto" }, name));
}

/** In place of a sample: an empty queue, or waiting. */
export function drawIdle(parts, title, text, button = null) {
  const again = button && h("button", { class: "dq-command", type: "button", "data-intent": button.type }, button.name);
  parts.stage.replaceChildren(h("div", { class: "dq-idle" }, h("p", { class: "dq-idle-title" }, title), h("p", {}, text), again));
  parts.why.replaceChildren();
  parts.action.textContent = "";
  markClasses(parts, null);
}

/** The latest answers, the newest last. */
export function drawStrip(parts, state) {
  const latest = state.history.slice(-STRIP);
  const items = latest.map((entry) => {
    const text = entry.kind === "label" ? entry.label : entry.kind === "skip" ? "skipped" : "flagged";
    return h("li", { class: `dq-past dq-past-${entry.kind}`, title: entry.sample_id, dir: "auto" }, text);
  });
  parts.strip.replaceChildren(...items);
}
