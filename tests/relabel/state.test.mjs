// The reducer and the keys, run by node's own test runner (see test_javascript.py).
import assert from "node:assert/strict";
import { test } from "node:test";

const folder = new URL("../../dqkit/relabel/static/", import.meta.url);
const { answeredCount, held, initialState, proposalOf, ready } = await import(new URL("state.js", folder));
const { RETRY_MS } = await import(new URL("kernel.js", folder));
const { reduce } = await import(new URL("reduce.js", folder));
const { intent, search } = await import(new URL("keys.js", folder));
const { codesOf, keysOf } = await import(new URL("codes.js", folder));
const { classKey } = await import(new URL("classes.js", folder));
const { expected, group, trusted } = await import(new URL("grid.js", folder));

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

test("an answer that is already durable is neither counted twice nor sent again after a reload", () => {
  const left = { event_id: "x1", sample_id: "s0", kind: "label", label: "cat", why: "", undoes: null };
  let { state } = reduce(initialState(), { type: "restored", answers: [left], now: 0 });
  const past = { event_id: "x1", sample_id: "s0", kind: "label", label: "cat" };
  const result = reduce(state, { type: "welcome", classes: CLASSES, annotator: "ana", answered: 1, total: 9, history: [past], now: 1 });
  assert.deepEqual(result.effects.map((e) => e.type), ["forget", "want"]);
  assert.equal(answeredCount(result.state), 1);
  assert.deepEqual(result.state.history.map((h) => h.event_id), ["x1"]);
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

test("Enter on a card whose most probable label is the given one keeps it, and K keeps it on every card", () => {
  const m = machine([card("a", { suggested: "cat" }), card("b"), card("c")]);
  assert.deepEqual(proposalOf(m.state.current), { verb: "Keep", label: "cat" });
  m.run("accept");
  m.paint();
  assert.deepEqual(proposalOf(m.state.current), { verb: "Change to", label: "dog" });
  m.run("keep", { event_id: "k" });
  m.paint();
  m.run("accept");
  assert.deepEqual(m.sent().map((a) => [a.sample_id, a.kind, a.label]), [["a", "label", "cat"], ["b", "label", "cat"], ["c", "label", "dog"]]);
  assert.deepEqual(proposalOf(card("d", { given: null })), { verb: "Label", label: "dog" });
  assert.equal(proposalOf(card("d", { suggested: null })), null);
});

test("K keeps no label that is not there or not shown, and says so", () => {
  for (const more of [{ given: null }, { mode: "blind", given: null, suggested: null }, { mode: "second_opinion", given: null }]) {
    const m = machine([card("a", more)]);
    m.run("keep", { event_id: "k" });
    assert.equal(m.sent().length, 0);
    assert.match(m.state.notice.text, more.mode ? /hidden/ : /no given label/);
  }
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
  assert.deepEqual(["Enter", "k", "K", "?", " ", "f", "Backspace", "Escape"].map((k) => on(k).type), ["accept", "keep", "keep", "details", "skip", "flag", "undo", "leave"]);
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

test("going back to a past sample records nothing until its answer changes", () => {
  const m = machine();
  m.run("choose", { label: "cat" });
  m.paint();
  m.run("revisit", { past: "e1" });
  assert.equal(m.state.current.sample_id, "a");
  m.paint();
  m.run("choose", { label: "cat", event_id: "again" });
  assert.equal(m.sent().length, 1);
  assert.equal(m.state.current.sample_id, "b");
  m.run("revisit", { past: "e1" });
  m.paint();
  m.run("choose", { label: "owl", event_id: "e9" });
  assert.deepEqual(m.sent().slice(1).map((a) => [a.event_id, a.kind, a.label, a.undoes]), [
    ["e9-undo", "undo", null, "e1"], ["e9", "label", "owl", null],
  ]);
  assert.deepEqual(m.state.history.map((h) => h.event_id), ["e9"]);
  assert.equal(m.state.current.sample_id, "b");
  assert.equal(answeredCount(m.state), 1);
});

test("left and right walk through the past and come back to the sample that waits", () => {
  const m = machine();
  for (const label of ["cat", "dog"]) {
    m.run("choose", { label });
    m.paint();
  }
  const at = (by) => {
    m.run("step", { by });
    return m.state.current.sample_id;
  };
  assert.deepEqual([at(-1), at(-1), at(-1), at(1), at(1), at(1)], ["b", "a", "a", "b", "c", "c"]);
  assert.equal(m.sent().length, 2);
});

test("undo of a revisited sample takes that answer back, not the newest", () => {
  const m = machine();
  for (const label of ["cat", "dog"]) {
    m.run("choose", { label });
    m.paint();
  }
  m.run("revisit", { past: "e1" });
  m.paint();
  m.run("undo");
  assert.equal(m.sent().at(-1).undoes, "e1");
  assert.equal(m.state.current.sample_id, "a");
  assert.deepEqual(m.state.history.map((h) => h.event_id), ["e2"]);
  assert.deepEqual(m.state.queue.map((c) => c.sample_id), ["c"]);
});

test("a note is an event of its own and the sample stays", () => {
  const m = machine();
  m.run("note", { text: "  blurred ", event_id: "n1" });
  assert.deepEqual(m.sent().map((a) => [a.kind, a.why, a.sample_id]), [["note", "blurred", "a"]]);
  assert.equal(m.state.current.sample_id, "a");
  assert.equal(answeredCount(m.state), 0);
  assert.deepEqual(m.state.history, []);
});

const page = (n, suggested = "dog") => Array.from({ length: n }, (_, i) => card(`g${i}`, { suggested }));

/** A machine in the grid view with these cards, the source having no more. */
function gridMachine(cards) {
  const m = machine(cards, { prefetch: 3 });
  m.run("view");
  if (m.state.askedAt !== null) m.run("cards", { ask: m.state.ask, cards: [], last: true, answered: 0, total: cards.length });
  m.run("gridPainted", { page: m.state.grid?.page });
  return m;
}

test("a grid page holds the largest group with one suggestion", () => {
  const m = gridMachine([card("x", { suggested: "owl" }), ...page(3), card("y", { suggested: "owl" })]);
  assert.equal(m.state.grid.label, "dog");
  assert.deepEqual(m.state.grid.cards.map((c) => c.sample_id), ["g0", "g1", "g2"]);
});

test("Enter labels the page without what was taken out, and that comes one by one", () => {
  const m = gridMachine([...page(4), card("z", { suggested: null })]);
  m.run("gridMove", { by: 1 });
  m.run("gridToggle");
  m.run("gridConfirm", { event_id: "b" });
  assert.deepEqual(m.sent().map((a) => [a.event_id, a.sample_id, a.label]), [
    ["b-0", "g0", "dog"], ["b-1", "g2", "dog"], ["b-2", "g3", "dog"],
  ]);
  assert.equal(m.state.grid, null);
  assert.deepEqual([m.state.current, ...m.state.queue].map((c) => c.sample_id).sort(), ["g1", "z"]);
});

test("a key of another class labels the whole selection so", () => {
  const m = gridMachine(page(3));
  m.run("gridRelabel", { label: "owl", event_id: "b" });
  assert.deepEqual(m.sent().map((a) => a.label), ["owl", "owl", "owl"]);
});

test("Keep all gives every card of the page its own given label, and asks those without one by themselves", () => {
  const m = gridMachine([...page(2), card("o", { given: "owl" }), card("n", { given: null })]);
  m.run("gridKeep", { event_id: "b" });
  assert.deepEqual(m.sent().map((a) => [a.sample_id, a.label, a.page]), [["g0", "cat", "b"], ["g1", "cat", "b"], ["o", "owl", "b"]]);
  assert.equal(m.state.current.sample_id, "n");
});

test("a page holds only as many cards as are expected to be nine tenths right, the surest", () => {
  const cards = [0.8, 0.95, 0.5, 0.97, 0.9].map((prob, i) => card(`c${i}`, { prob }));
  // by falling probability .97 .95 .90 .80 .50: the means are .97 .96 .94 .905 .824
  assert.deepEqual(trusted(cards).map((c) => c.sample_id), ["c0", "c1", "c3", "c4"]);
  assert.equal(expected(trusted(cards)).toFixed(3), "0.905");
  assert.deepEqual(group(cards).map((c) => c.sample_id).sort(), ["c0", "c1", "c3", "c4"]);
  const kin = cards.map((c, i) => ({ ...c, kin: [i % 2, i] }));
  assert.ok(expected(group(kin)) >= 0.9);
  const unsure = gridMachine([0.8, 0.7, null].map((prob, i) => card(`u${i}`, { prob })));
  assert.equal(unsure.state.grid, null);
  assert.match(unsure.state.notice.text, /90 % right/);
});

test("no page is confirmed before all of it is painted", () => {
  const m = gridMachine([...page(3), card("o1", { suggested: "owl" }), card("o2", { suggested: "owl" })]);
  m.run("gridConfirm", { event_id: "b" });
  assert.equal(m.sent().length, 3);
  m.run("gridConfirm", { event_id: "c" });
  assert.equal(m.sent().length, 3);
  m.run("gridPainted", { page: m.state.grid.page });
  m.run("gridConfirm", { event_id: "c" });
  assert.deepEqual(m.sent().slice(3).map((a) => a.label), ["owl", "owl"]);
});

test("undo takes a whole confirmed page back and shows it again", () => {
  const owls = ["o1", "o2", "o3", "o4"].map((id) => card(id, { suggested: "owl" }));
  const m = gridMachine([...page(5), ...owls]);
  m.run("gridToggle");
  m.run("gridMove", { by: 1 });
  m.run("gridToggle");
  m.run("gridConfirm", { event_id: "b" });
  m.run("undo", { event_id: "u" });
  assert.deepEqual(m.sent().slice(3).map((a) => [a.kind, a.undoes]), [["undo", "b-0"], ["undo", "b-1"], ["undo", "b-2"]]);
  assert.equal(m.state.grid.label, "dog");
  assert.equal(m.state.grid.cards.length, 3);
  assert.deepEqual(m.state.history, []);
});

test("blind cards, second opinions and cards without a suggestion never stand in a grid", () => {
  const m = gridMachine([card("a", { mode: "blind" }), card("b", { mode: "second_opinion" }), card("c", { suggested: null }), card("d")]);
  assert.equal(m.state.grid, null);
  assert.equal(m.state.current.sample_id, "a");
  assert.match(m.state.notice.text, /one by one/);
});

test("a page put aside labels nothing and its samples come one by one", () => {
  const m = gridMachine(page(3));
  m.run("gridPass");
  assert.equal(m.sent().length, 0);
  assert.equal(m.state.grid, null);
  assert.equal(m.state.current.sample_id, "g0");
});

test("whatever is pressed in whatever order, no sample is lost and none is asked twice", () => {
  let seed = 7;
  const random = (n) => (seed = (seed * 16807) % 2147483647) % n;
  for (let round = 0; round < 200; round++) {
    const cards = Array.from({ length: 12 }, (_, i) => card(`r${i}`, { suggested: CLASSES[i % 3] }));
    const m = machine(cards, { prefetch: 3 });
    for (let i = 0; i < 40; i++) {
      const types = ["code", "choose", "accept", "skip", "undo", "step", "view", "gridConfirm", "gridKeep", "keep", "gridToggle", "gridPass", "save", "more", "refuse"];
      const type = types[random(types.length)];
      const pending = m.state.pending[0]?.answer;
      if (type === "save") pending && m.run("saved", { event_id: pending.event_id });
      else if (type === "refuse") pending && random(4) === 0 && m.run("refused", { event_id: pending.event_id, message: "no" });
      else if (type === "more") m.state.askedAt !== null && m.run("cards", { ask: m.state.ask, cards: [], last: true, answered: m.state.answered, total: 12 });
      else m.run(type, { key: "a", label: CLASSES[random(3)], by: random(2) ? 1 : -1, event_id: `q${round}-${i}` });
      if (m.state.grid) m.run("gridPainted", { page: m.state.grid.page });
      else m.paint();
      const open = [m.state.revisiting === null ? m.state.current : null, ...m.state.queue].filter(Boolean).map((c) => c.sample_id);
      const done = m.state.history.map((h) => h.sample_id);
      assert.deepEqual([...open, ...done].sort(), cards.map((c) => c.sample_id).sort(), `round ${round}, step ${i}, ${type}`);
    }
  }
});

const MANY = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "snowy owl", "sole", "finch", "🦉", "בית", "sole 2"];

test("classes beyond the tenth have codes of two keys, all different, none beginning with a command", () => {
  const names = Array.from({ length: 1000 }, (_, i) => `species ${i}`);
  const codes = codesOf(names);
  assert.deepEqual(codes.slice(0, 10), Array(10).fill(null));
  const given = codes.filter(Boolean);
  assert.equal(given.length, 19 * 36);
  assert.equal(new Set(given).size, given.length);
  assert.ok(given.every((code) => /^[a-z][a-z0-9]$/.test(code) && !"fgknpxz".includes(code[0])));
});

test("a code comes to mind: the initials, else letters of the name in their order", () => {
  assert.deepEqual(codesOf(MANY).slice(10, 13), ["so", "sl", "in"]);
  assert.ok(codesOf(MANY).slice(13).every((code) => code?.length === 2));
});

test("a class keeps its keys when others are added after it", () => {
  const before = MANY.map((_, i) => keysOf(MANY, i));
  const longer = [...MANY, "aa", "ab"];
  assert.deepEqual(longer.slice(0, MANY.length).map((_, i) => keysOf(longer, i)), before);
});

/** A machine with more classes than digits. */
function codedMachine() {
  const m = machine();
  m.run("welcome", { classes: MANY, annotator: "ana", answered: 0, total: 3, history: [], offers: ["add_class", "team", "alike"] });
  return m;
}

test("two keys of a code choose its class, on the sample they were typed on", () => {
  const m = codedMachine();
  const on = (key) => intent({ key }, { classes: MANY, code: m.state.code?.text ?? "" });
  assert.deepEqual(on("s"), { type: "code", key: "s" });
  assert.equal(on("q"), null);
  m.run("code", { key: "s" });
  assert.deepEqual(on("f"), { type: "code", key: "f" });
  assert.deepEqual(on("Enter"), { type: "endCode" });
  assert.deepEqual(on("Escape"), { type: "endCode" });
  m.run("code", { key: "o", event_id: "x" });
  assert.deepEqual(m.sent().map((a) => [a.sample_id, a.label]), [["a", "snowy owl"]]);
  assert.equal(m.state.code, null);
});

test("a code begun on one sample never ends on another, nor on one that is not painted", () => {
  const m = codedMachine();
  m.run("code", { key: "s" });
  m.run("skip");
  m.run("code", { key: "o", event_id: "x" });
  m.paint();
  m.run("code", { key: "s" });
  assert.deepEqual(m.sent().map((a) => a.kind), ["skip"]);
  m.run("code", { key: "9", event_id: "y" });
  assert.match(m.state.notice.text, /No class has the code s9/);
  assert.equal(m.sent().length, 1);
});

test("a new class is added only after a second Enter", () => {
  const m = codedMachine();
  assert.deepEqual(m.run("nameClass", { text: " barn  owl " }).map((e) => e.type), ["say"]);
  assert.deepEqual(m.run("nameClass", { text: "barn owl" }).filter((e) => e.type === "addClass"), [{ type: "addClass", name: "barn owl" }]);
  m.run("classes", { classes: [...MANY, "barn owl"], name: "barn owl", mine: true });
  assert.match(m.state.notice.text, /“barn owl” is there now: press b o/);
  assert.equal(m.sent().length, 0);
  m.run("choose", { label: "barn owl" });
  assert.equal(m.sent()[0].label, "barn owl");
});

test("a name that differs only in case, spaces or form is the class that is there", () => {
  assert.equal(classKey("  Snowy\u00a0 OWL"), classKey("snowy owl"));
  const m = codedMachine();
  for (let i = 0; i < 3; i++) m.run("nameClass", { text: "SNOWY  owl" });
  assert.match(m.state.notice.text, /“snowy owl” is there already: press s o/);
  assert.equal(m.effects.filter((e) => e.type === "addClass").length, 0);
});

test("a new class that a busy kernel has not confirmed is asked for again", () => {
  const m = codedMachine();
  m.run("nameClass", { text: "barn owl" });
  m.run("nameClass", { text: "barn owl", now: 100 });
  assert.equal(m.run("tick", { now: 100 + RETRY_MS }).filter((e) => e.type === "addClass").length, 1);
  m.run("declined", { about: "add_class", message: "no" });
  assert.equal(m.state.adding, null);
  assert.equal(m.state.notice.text, "no");
});

test("classes that came from another page are there without a word", () => {
  const m = codedMachine();
  m.run("classes", { classes: [...MANY, "bat"], name: "bat", mine: false });
  assert.equal(m.state.classes.at(-1), "bat");
  assert.equal(m.state.notice, null);
  m.run("cards", { ask: m.state.ask, cards: [], last: true, answered: 0, total: 3, classes: [...MANY, "bat", "cod"] });
  assert.equal(m.state.classes.at(-1), "cod");
});

test("what the source says about an answer is shown, and the next sample stays", () => {
  const m = machine();
  m.run("choose", { label: "owl" });
  m.paint();
  const effects = m.run("saved", { event_id: "e1", notice: "That was a gold question. Its answer is cat (you said owl)." });
  assert.deepEqual(effects.map((e) => e.type).slice(0, 2), ["say", "forget"]);
  assert.match(m.state.notice.text, /answer is cat/);
  assert.equal(m.state.current.sample_id, "b");
});

test("a second opinion says afterwards what each of the others said", () => {
  const reveal = { given: "dog", reasons: [], others: [["ana", "dog"], ["bob", "cat"]] };
  const m = machine([card("a", { mode: "second_opinion", given: null, reveal }), card("b")]);
  m.run("choose", { label: "owl" });
  assert.equal(m.state.notice.text, "You said owl; ana said dog, bob said cat.");
});

test("the panel of annotators is asked for when it opens and forgotten when it closes", () => {
  const m = codedMachine();
  assert.deepEqual(m.run("people").map((e) => e.type), ["askTeam"]);
  m.run("team", { team: { headline: "h" } });
  assert.deepEqual(m.state.team, { headline: "h" });
  m.run("people");
  m.run("team", { team: { headline: "late" } });
  assert.equal(m.state.team, null);
});

test("look-alikes make a page in their order, and a short page takes in others of its suggestion", () => {
  const kin = (id, page, place, suggested = "dog") => card(id, { suggested, kin: [page, place] });
  const first = Array.from({ length: 13 }, (_, i) => kin(`p${i}`, 1, 12 - i));
  assert.deepEqual(group([...first, kin("q", 2, 0), kin("r", 3, 0, "owl")]).map((c) => c.sample_id), first.map((c) => c.sample_id).reverse());
  const short = [kin("a", 1, 1), kin("b", 1, 0), kin("c", 2, 0), kin("d", 3, 0, "owl")];
  assert.deepEqual(group(short).map((c) => c.sample_id), ["b", "a", "c"]);
  assert.ok(group(Array.from({ length: 90 }, (_, i) => kin(`x${i}`, 1, i))).length <= 60);
});

test("in the grid look-alikes are asked for, where the source can tell", () => {
  const m = codedMachine();
  m.run("cards", { ask: m.state.ask, cards: page(4), last: true, answered: 0, total: 9 });
  const want = m.run("view").find((e) => e.type === "want");
  assert.equal(want.alike, true);
  assert.equal(want.classes, MANY.length);
});
