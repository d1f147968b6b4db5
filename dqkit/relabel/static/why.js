// What is known of a sample, and why it is shown.

import { h, percent } from "./element.js";

const MOST_VOTES = 4;

export function whyItIsHere(card) {
  if (card.mode === "blind") {
    return [h("p", { class: "dq-hint" }, "Nothing is suggested here, on purpose: say what you see. Such answers measure the queue itself.")];
  }
  const given = card.mode === "second_opinion" ? hint("hidden until you answer") : card.given ?? hint("no label");
  const suggested = card.suggested === null ? null
    : fact("Suggested", h("strong", {}, card.suggested), card.prob === null ? null : h("span", { class: "dq-prob" }, percent(card.prob)));
  const parts = [h("div", { class: "dq-facts" }, fact("Given", given), suggested)];
  if (card.reasons.length) parts.push(section("Why it is here", h("ul", { class: "dq-reasons" }, ...card.reasons.map((text) => h("li", { dir: "auto" }, text)))));
  if (card.votes.length) parts.push(section("Models say", ...card.votes.slice(0, MOST_VOTES).map(voteBar)));
  if (card.neighbors.length) parts.push(section("Most similar", h("ul", { class: "dq-neighbors" }, ...card.neighbors.map(neighbor))));
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

function neighbor({ label, bytes }) {
  const name = label ?? "no label";
  const url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  const image = h("img", { src: url, alt: "", draggable: "false" });
  const free = () => URL.revokeObjectURL(url);
  image.addEventListener("load", free);
  image.addEventListener("error", free);
  return h("li", { title: name }, image, h("span", { dir: "auto" }, name));
}
