// The reducer and the keys, run by node's own test runner (see test_javascript.py).
import assert from "node:assert/strict";
import { test } from "node:test";

const folder = new URL("../../dqkit/relabel/static/", import.meta.url);
const { answeredCount, held, initialState, ready, reduce, RETRY_MS } = await import(new URL("state.js", folder));
const { intent, search } = await import(new URL("keys.js", folder));

const CLASSES = ["cat", "dog", "owl"];
const card = (id, more = {}) => ({
  sample_id: id, action: "relabel", mode: "review", given: "cat", suggested: "dog", prob: 0.9,
  reasons: [], votes: [], neighbors: [], reveal: null, media: new Uint8Array(), mime: "image/png", ...more,
});

/** A small machine: runs actions and keeps every effect, with ids e1, e2, ... and a clock of one tick an action. */
function machine(cards = [card("a"), card("b"), card("c")], { prefetch = 3 } = {}) {
  let state = initialState({ prefetch });
  const effects = [];
  let time = 0;
  let ids = 0;
  const run = (type, more = {}) => {
    const action = { type, now: ++time, event_id: `e${ids + 1}`, ...more };
    if (!("event_id" in more) && ["choose", "accept", "skip", "flag", "undo"].includes(type)) ids += 1;
    const result = reduce(state, action);
    state = result.state;
    effects.push(...result.effects);
    return result.effects;
  };
  const paint = () => run("painted", { id: state.current?.sample_id ?? null, broken: false });
  run("welcome", { classes: CLASSES, annotator: "ana", answered: 0, total: 3, history: [] });
  run("cards", { ask: 1, cards, last: true, answered: 0, total: 3 });
  paint();
  return { run, paint, effects, get state() { return state; }, sent: () => effects.filter((e) => e.type === "send").map((e) => e.answer) };
}

test("a class chosen on a painted sample is sent once and the next card is current", () => {
  const m = machine();
  m.run("choose", { label: "owl" });
  assert.deepEqual(m.sent(), [{ event_id: "e1", sample_id: "a", kind: "label", label: "owl", why: "", undoes: null }]);
  assert.equal(m.state.current.sample_id, "b");
  assert.deepEqual(m.state.history.map((h) => h.event_id), ["e1"]);
});

test("no key answers a sample that is not painted", () => {
  const m = machine();
  m.run("choose", { label: "owl" });
  assert.equal(ready(m.state), false);
  for (const type of ["accept", "skip", "flag"]) m.run(type);
  m.run("choose", { label: "cat" });
  assert.equal(m.sent().length, 1);
  m.paint();
  m.run("accept");
  assert.deepEqual(m.sent().map((a) => [a.sample_id, a.label]), [["a", "owl"], ["b", "dog"]]);
});

test("an answer is kept in the page before it is sent and forgotten only once it is saved", () => {
  const m = machine();
  const effects = m.run("skip").map((e) => e.type);
  assert.ok(effects.indexOf("keep") < effects.indexOf("send"));
  assert.equal(m.state.pending.length, 1);
  assert.deepEqual(m.run("saved", { event_id: "e1", sample_id: "a" }).map((e) => e.type), ["forget"]);
  assert.equal(m.state.pending.length, 0);
});

test("the count on screen is right before and after an answer becomes durable", () => {
  const m = machine();
  m.run("choose", { label: "cat" });
  assert.equal(answeredCount(m.state), 1);
  m.run("saved", { event_id: "e1" });
  assert.equal(answeredCount(m.state), 1);
  m.run("undo");
  assert.equal(answeredCount(m.state), 0);
});

test("undo goes back to any depth, newest first, and names the event it undoes", () => {
  const m = machine();
  for (const label of ["cat", "dog", "owl"]) {
    m.run("choose", { label });
    m.paint();
  }
  m.run("undo");
  m.run("undo");
  m.run("undo");
  assert.deepEqual(m.sent().slice(3).map((a) => [a.kind, a.sample_id, a.undoes]), [
    ["undo", "c", "e3"], ["undo", "b", "e2"], ["undo", "a", "e1"],
  ]);
  assert.equal(m.state.current.sample_id, "a");
  assert.deepEqual(m.state.queue.map((c) => c.sample_id), ["b", "c"]);
  assert.deepEqual(m.state.history, []);
  m.run("undo");
  assert.equal(m.sent().length, 6);
  assert.match(m.state.notice.text, /nothing to undo/);
});

test("an undone sample that the page does not hold is asked for and shown first", () => {
  const m = machine();
  const past = { event_id: "old", sample_id: "z", kind: "label", label: "owl" };
  m.run("welcome", { classes: CLASSES, annotator: "ana", answered: 1, total: 4, history: [past] });
  m.run("cards", { ask: m.state.ask, cards: [], last: true, answered: 1, total: 4 });
  const want = m.run("undo").find((e) => e.type === "want");
  assert.equal(m.state.current, null);
  assert.ok(!want.have.includes("z"));
  m.run("cards", { ask: want.ask, cards: [card("y"), card("z")], last: false });
  assert.equal(m.state.current.sample_id, "z");
  assert.deepEqual(m.state.queue.map((c) => c.sample_id), ["a", "b", "c", "y"]);
});

test("what the source refuses comes back with the reason", () => {
  const m = machine();
  m.run("choose", { label: "owl" });
  m.paint();
  m.run("refused", { event_id: "e1", message: "closed" });
  assert.equal(m.state.current.sample_id, "a");
  assert.equal(m.state.queue[0].sample_id, "b");
  assert.deepEqual([m.state.pending, m.state.history], [[], []]);
  assert.deepEqual(m.state.notice, { tone: "error", text: "closed" });
});

test("an undo that arrives before its label is saved stays and is sent again", () => {
  const m = machine();
  m.run("choose", { label: "owl" });
  m.run("undo");
  m.run("refused", { event_id: "e2", message: "unknown event" });
  assert.deepEqual(m.state.pending.map((p) => p.answer.event_id), ["e1", "e2"]);
  const again = m.run("tick", { now: 10 + RETRY_MS }).filter((e) => e.type === "send");
  assert.deepEqual(again.map((e) => e.answer.event_id), ["e1", "e2"]);
});

test("an unacknowledged answer is sent again later and later, with the same id", () => {
  const m = machine();
  m.run("choose", { label: "owl" });
  const start = m.state.pending[0].sentAt;
  const times = [];
  for (let t = start; t < start + 40_000; t += 500) {
    if (m.run("tick", { now: t }).some((e) => e.type === "send")) times.push(t - start);
  }
  assert.deepEqual(times, [3000, 9000, 21000]);
  assert.deepEqual(new Set(m.sent().map((a) => a.event_id)), new Set(["e1"]));
});

test("answers left over from an earlier page are sent in order and their samples are not asked for again", () => {
  const left = ["x1", "x2"].map((id, i) => ({ event_id: id, sample_id: `s${i}`, kind: "label", label: "cat", why: "", undoes: null }));
  let { state } = reduce(initialState(), { type: "restored", answers: left, now: 0 });
  const result = reduce(state, { type: "welcome", classes: CLASSES, annotator: "ana", answered: 0, total: 9, history: [], now: 1 });
  assert.deepEqual(result.effects.map((e) => e.type), ["send", "send", "want"]);
  assert.deepEqual(result.effects[2].have, ["s0", "s1"]);
  assert.deepEqual(result.state.history.map((h) => h.event_id), ["x1", "x2"]);
});

test("a late reply to an earlier request is ignored, so no sample is asked twice", () => {
  const m = machine();
  m.run("choose", { label: "owl" });
  m.run("saved", { event_id: "e1" });
  const ask = m.state.ask;
  m.run("cards", { ask: ask - 1, cards: [card("a")], last: true, answered: 0, total: 3 });
  assert.deepEqual(held(m.state).sort(), ["b", "c"]);
});

test("a sample that cannot be shown cannot be labelled, only skipped or flagged", () => {
  const m = machine();
  m.run("painted", { id: "a", broken: true });
  m.run("choose", { label: "cat" });
  m.run("accept");
  assert.equal(m.sent().length, 0);
  m.run("flag");
  assert.deepEqual(m.sent().map((a) => a.kind), ["flag"]);
});

test("Enter without a suggestion answers nothing and says so", () => {
  const m = machine([card("a", { suggested: null })]);
  m.run("accept");
  assert.equal(m.sent().length, 0);
  assert.match(m.state.notice.text, /no suggestion/);
});

test("a second opinion shows the other label only after the answer", () => {
  const m = machine([card("a", { mode: "second_opinion", given: null, reveal: { given: "dog", reasons: [] } }), card("b")]);
  m.run("choose", { label: "owl" });
  assert.equal(m.state.notice.text, "You said owl; before it was dog.");
});

test("the queue ends as exhausted only when the source had nothing", () => {
  const m = machine([card("a")]);
  m.run("choose", { label: "owl" });
  const want = m.effects.findLast((e) => e.type === "want");
  m.run("cards", { ask: want.ask, cards: [], last: true, answered: 1, total: 1 });
  assert.equal(m.state.exhausted, true);
  assert.equal(m.run("lookAgain").some((e) => e.type === "want"), true);
});

test("the keys mean what the page says", () => {
  const on = (key, more = {}) => intent({ key, ...more }, { classes: CLASSES });
  assert.deepEqual(on("1"), { type: "choose", index: 0 });
  assert.equal(on("4"), null);
  assert.deepEqual(intent({ key: "0" }, { classes: Array(10).fill("x") }), { type: "choose", index: 9 });
  assert.deepEqual(["Enter", " ", "f", "Backspace", "Escape"].map((k) => on(k).type), ["accept", "skip", "flag", "undo", "leave"]);
  assert.equal(on("1", { repeat: true }), null);
  assert.equal(on("Enter", { repeat: true }), null);
  assert.equal(on("f", { ctrlKey: true }), null);
  assert.equal(on("d"), null);
});

test("keys are text while a person types, and Enter on a button presses it", () => {
  assert.equal(intent({ key: "1" }, { classes: CLASSES, typing: true }), null);
  assert.equal(intent({ key: "Escape" }, { classes: CLASSES, typing: true }).type, "stopTyping");
  assert.equal(intent({ key: "Enter" }, { classes: CLASSES, onButton: true }).type, "press");
});

test("the class search ranks a prefix over a word's start over the middle", () => {
  assert.deepEqual(search(["barn owl", "snowl", "Owl", "cat"], "owl"), ["Owl", "barn owl", "snowl"]);
  assert.deepEqual(search(["a"], "  "), []);
});
