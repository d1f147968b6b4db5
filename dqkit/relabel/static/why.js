// What is known of a sample, and why it is shown.

import { h, kbd, percent, svg } from "./element.js";
import { proposalOf } from "./state.js";

const MOST_VOTES = 4;

/** One probability and one sentence; what they rest on stands behind a key. */
export function whyItIsHere(card) {
  const parts = factsOf(card);
  if (card.note) parts.unshift(h("p", { class: "dq-hint" }, card.note));
  if (card.about?.length) parts.unshift(h("p", { class: "dq-about", dir: "auto" }, card.about.join(" · ")));
  return parts;
}

function factsOf(card) {
  if (card.mode === "blind") {
    return [h("p", { class: "dq-hint" }, "Nothing is suggested here, on purpose: say what you see. Such answers measure the queue itself.")];
  }
  const given = card.mode === "second_opinion" ? hint("hidden until you answer") : card.given ?? hint("no label");
  const parts = [h("div", { class: "dq-facts" }, fact("Given", given), enterButton(card))];
  if (card.sentence) parts.push(h("p", { class: "dq-sentence", dir: "auto" }, card.sentence));
  else if (card.reasons.length) parts.push(h("p", { class: "dq-sentence", dir: "auto" }, card.reasons[0]));
  const details = detailsOf(card);
  if (details.length) parts.push(h("button", { class: "dq-command dq-more-hint", type: "button", "data-intent": "details" }, kbd("?"), "What this rests on"));
  if (card.cues?.length) parts.push(h("p", { class: "dq-hint" }, h("mark", { class: "dq-cue" }, "Marked"), " words speak for ", h("strong", { dir: "auto" }, card.suggested), "."));
  if (card.neighbors.length) parts.push(section("Most similar", h("ul", { class: "dq-neighbors" }, ...card.neighbors.map(neighbor))));
  if (details.length) parts.push(h("div", { class: "dq-details" }, ...details));
  return parts;
}

/** What Enter does here, as a button with the one probability of the card. */
function enterButton(card) {
  const proposal = proposalOf(card);
  if (!proposal) return h("p", { class: "dq-hint" }, "Nothing is suggested here: choose a class.");
  const share = card.prob === null ? null : h("span", { class: "dq-prob", title: `The probability that ${proposal.label} is right` }, percent(card.prob));
  return h("button", { class: "dq-enter", type: "button", "data-intent": "accept" }, kbd("Enter"), h("span", { class: "dq-enter-text", dir: "auto" }, `${proposal.verb} `, h("strong", {}, proposal.label)), share);
}

function detailsOf(card) {
  const parts = [];
  if (card.votes.length) parts.push(section("Models say", ...card.votes.slice(0, MOST_VOTES).map(voteBar)));
  if (card.reasons.length) parts.push(section("Why it is here", h("ul", { class: "dq-reasons" }, ...card.reasons.map((text) => h("li", { dir: "auto" }, text)))));
  if (card.margins?.length > 1) parts.push(section("Margin of the given label over epochs", ...marginBars(card.margins)));
  return parts;
}

const hint = (text) => h("span", { class: "dq-hint" }, text);

function fact(name, ...value) {
  return h("div", { class: "dq-fact" }, h("span", { class: "dq-fact-name" }, name), h("span", { class: "dq-fact-value", dir: "auto" }, ...value));
}

function section(title, ...content) {
  return h("div", { class: "dq-section" }, h("div", { class: "dq-title" }, title), ...content);
}

function voteBar([name, share]) {
  const fill = h("div", {});
  fill.style.width = `${Math.min(100, share * 100)}%`;
  const label = h("span", { class: "dq-vote-name", dir: "auto", title: name }, name);
  return h("div", { class: "dq-vote" }, label, h("div", { class: "dq-vote-bar" }, fill), h("span", { class: "dq-vote-share" }, percent(share)));
}

/** One bar an epoch, above the line where the given label led and below where another class did. */
function marginBars(margins) {
  const [wide, high] = [margins.length * 6, 40];
  const most = Math.max(...margins.map(Math.abs), 1e-9);
  const bars = margins.map((margin, i) => {
    const size = Math.max(1, (Math.abs(margin) / most) * (high / 2 - 1));
    return svg("rect", { x: i * 6 + 1, y: margin < 0 ? high / 2 : high / 2 - size, width: 4, height: size, class: margin < 0 ? "dq-lost" : "dq-led" });
  });
  const lost = margins.filter((margin) => margin < 0).length;
  const text = lost === 0 ? `It led in all ${margins.length} epochs.` : `It lost in ${lost} of ${margins.length} epochs; last margin ${margins.at(-1).toFixed(2)}.`;
  const line = svg("line", { x1: 0, x2: wide, y1: high / 2, y2: high / 2, class: "dq-zero" });
  const drawing = svg("svg", { class: "dq-margins", viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: "none", role: "img", "aria-label": text }, ...bars, line);
  return [drawing, h("p", { class: "dq-hint" }, text)];
}

const isPng = (bytes) => bytes[0] === 0x89 && bytes[1] === 0x50;

function neighbor({ label, bytes }) {
  const name = label ?? "no label";
  if (!isPng(bytes)) {
    const text = new TextDecoder().decode(bytes);
    return h("li", { class: "dq-neighbor-text", title: text }, h("span", { class: "dq-neighbor-label", dir: "auto" }, name), h("span", { dir: "auto" }, text));
  }
  const url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  const image = h("img", { src: url, alt: "", draggable: "false" });
  const free = () => URL.revokeObjectURL(url);
  image.addEventListener("load", free);
  image.addEventListener("error", free);
  return h("li", { title: name }, image, h("span", { dir: "auto" }, name));
}
