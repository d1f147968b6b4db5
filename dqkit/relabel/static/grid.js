// A page of samples that share one suggestion, answered together. Handlers are (state, action) -> { state, effects }.

import { GRID_PREFETCH, next, postAnswer, putBack, refill, remember, same, tell } from "./state.js";

export const PAGE = 48;
export const MOST = 60;
export const FEWEST = 2;
export const WORTHWHILE = 12;
export const WAIT_MS = 1500;
export const BOUND = 0.9; // a page is offered where so much of it is expected to be as suggested

/** The cards that may stand in a grid: with a suggestion, nothing hidden, and not taken out of a page before. */
function candidates(state) {
  const aside = new Set(state.aside);
  return state.queue.filter((card) => card.mode === "review" && card.suggested !== null && !aside.has(card.sample_id));
}

/** The share of a page that is expected to be as suggested. */
export const expected = (cards) => cards.reduce((sum, card) => sum + (card.prob ?? 0), 0) / cards.length;

/** As many of the cards, the surest first, as are expected to be right in `BOUND` of all cases; they keep their order. */
export function trusted(cards) {
  const kept = new Set();
  let total = 0;
  for (const card of [...cards].sort((a, b) => (b.prob ?? 0) - (a.prob ?? 0))) {
    total += card.prob ?? 0;
    if (total < (BOUND - 1e-9) * (kept.size + 1)) break;
    kept.add(card);
  }
  return cards.filter((card) => kept.has(card));
}

/**
 * A page: the largest trusted group with one suggestion, or that of `prefer`. Where the source says what looks alike, it
 * is the fullest page of look-alikes, filled up with others of that suggestion while it is short; else the same given
 * labels stand together, surest first.
 */
export function group(cards, prefer = null) {
  const largest = largestBy(cards, (card) => card.suggested, prefer);
  if (!cards.some((card) => card.kin)) return byGivenLabel(largest).slice(0, PAGE);
  const pool = prefer !== null && largest.length ? cards.filter((card) => card.suggested === largest[0].suggested) : cards;
  const first = largestBy(pool, (card) => `${card.kin?.[0] ?? "none"} ${card.suggested}`);
  let page = inPlace(first);
  let rest = first.length ? cards.filter((card) => card.suggested === first[0].suggested && !first.includes(card)) : [];
  while (page.length < WORTHWHILE && rest.length) {
    const more = largestBy(rest, (card) => card.kin?.[0] ?? "none");
    if (!more.length) break;
    page = [...page, ...inPlace(more)];
    rest = rest.filter((card) => !more.includes(card));
  }
  return page.slice(0, MOST);
}

function largestBy(cards, nameOf, prefer = null) {
  const groups = new Map();
  for (const card of cards) groups.set(nameOf(card), [...(groups.get(nameOf(card)) ?? []), card]);
  for (const [name, some] of groups) groups.set(name, trusted(some));
  return groups.get(prefer) ?? [...groups.values()].reduce((best, some) => (some.length > best.length ? some : best), []);
}

const inPlace = (cards) => [...cards].sort((a, b) => (a.kin?.[1] ?? 0) - (b.kin?.[1] ?? 0));

function byGivenLabel(cards) {
  const count = new Map();
  for (const { given } of cards) count.set(given, (count.get(given) ?? 0) + 1);
  const rank = (card) => [-count.get(card.given), card.given ?? "", -(card.prob ?? 0), card.sample_id];
  return cards
    .map((card) => ({ card, rank: rank(card) }))
    .sort((a, b) => {
      const at = a.rank.findIndex((value, i) => value !== b.rank[i]);
      return at < 0 ? 0 : a.rank[at] < b.rank[at] ? -1 : 1;
    })
    .map(({ card }) => card);
}

/** True when more cards may soon make a fuller page: the source has some, and it has not kept us waiting long. */
function worthWaiting(state, cards, now) {
  if (cards.length >= WORTHWHILE || !state.connected || state.exhausted) return false;
  if (state.queue.length > GRID_PREFETCH * (2 / 3)) return false;
  return state.askedAt === null || now - state.askedAt < WAIT_MS || cards.length < FEWEST;
}

/** The state with its next page, or back in the single view when no two samples share a suggestion. */
function turn(state, now, effects = []) {
  const cards = group(candidates(state), state.prefer);
  const wait = worthWaiting(state, cards, now);
  if (cards.length < FEWEST && !wait) {
    return tell(next({ ...state, grid: null }), `No samples with one suggestion are expected to be ${100 * BOUND} % right now; they come one by one.`, "info", effects);
  }
  const page = (state.grid?.page ?? 0) + 1;
  const label = wait ? null : cards[0].suggested;
  const grid = { page, label, cards: wait ? [] : cards, excluded: [], cursor: 0, painted: false };
  return refill({ ...state, grid, current: null, prefer: wait ? state.prefer : null }, now, effects);
}

const chosen = ({ cards, excluded }) => cards.filter((card) => !excluded.includes(card.sample_id));

/** Answers what is left of the page; labelOf: the label of a card, or null for a card that is asked by itself instead. */
function answerPage(state, labelOf, { event_id, now }, done) {
  const { grid } = state;
  if (!grid.painted) return same(state);
  const taken = chosen(grid).filter((card) => state.classes.includes(labelOf(card)));
  const left = chosen(grid).filter((card) => !taken.includes(card)).map((card) => card.sample_id);
  if (left.length && !taken.length) return tell(state, "No sample of this page has such a label. Space goes on to the next page.");
  if (!taken.length) return tell(state, "Every sample of this page is taken out. Space goes on to the next page.");
  let step = { state, effects: [] };
  let { history } = state;
  taken.forEach((card, i) => {
    const action = { kind: "label", label: labelOf(card), event_id: `${event_id}-${i}`, now, batch: event_id };
    const { entry, ...sent } = postAnswer(step.state, card, action, step.effects);
    history = remember(history, entry);
    step = sent;
  });
  const queue = state.queue.filter((card) => !taken.includes(card));
  const aside = [...state.aside, ...grid.excluded, ...left];
  const told = tell({ ...step.state, queue, history, aside }, done(taken.length), "info", step.effects);
  return turn(told.state, now, told.effects);
}

export const GRID = {
  view(state, { now }) {
    if (state.grid) return refill(next({ ...state, grid: null, notice: null }), now);
    if (state.awaited !== null) return same(state);
    return turn({ ...putBack(state), notice: null }, now);
  },

  gridPainted(state, { page }) {
    if (state.grid?.page !== page || !state.grid.cards.length) return same(state);
    const { cards, label } = state.grid;
    const text = `${cards.length} samples look like ${label}, about ${Math.round(100 * expected(cards))} percent of them expected right. Enter confirms, K keeps all given labels, x takes one out.`;
    return { state: { ...state, grid: { ...state.grid, painted: true } }, effects: [{ type: "say", text }] };
  },

  gridMove(state, { by, to }) {
    const { grid } = state;
    const cursor = Math.max(0, Math.min(grid.cards.length - 1, to ?? grid.cursor + by));
    if (!grid.cards.length || cursor === grid.cursor) return same(state);
    const card = grid.cards[cursor];
    const out = grid.excluded.includes(card.sample_id) ? ", taken out" : "";
    const text = `${cursor + 1} of ${grid.cards.length}, given ${card.given ?? "no label"}${out}`;
    return { state: { ...state, grid: { ...grid, cursor } }, effects: [{ type: "say", text }] };
  },

  gridToggle(state, { index, out }) {
    const { grid } = state;
    const card = grid.cards[index ?? grid.cursor];
    if (!card) return same(state);
    const id = card.sample_id;
    const isOut = grid.excluded.includes(id);
    const excluded = (out ?? !isOut) ? [...new Set([...grid.excluded, id])] : grid.excluded.filter((other) => other !== id);
    const text = excluded.includes(id) ? "Taken out." : "Back in.";
    const cursor = index ?? grid.cursor;
    return { state: { ...state, grid: { ...grid, excluded, cursor } }, effects: [{ type: "say", text }] };
  },

  gridConfirm: (state, action) => GRID.gridRelabel(state, { ...action, label: state.grid.label }),
  gridRelabel: (state, { label, ...action }) => answerPage(state, () => label, action, (n) => `${n} samples labelled ${label}.`),
  gridKeep: (state, action) => answerPage(state, (card) => card.given, action, (n) => `${n} samples keep their labels.`),

  // The whole page is put aside: its samples are asked one by one later.
  gridPass(state, { now }) {
    if (!state.grid.painted) return same(state);
    return turn({ ...state, aside: [...state.aside, ...state.grid.cards.map((card) => card.sample_id)] }, now);
  },
};

/** Keeps the page and the queue in step after an action of the single view (an undo) or of the kernel. */
export function settle(step, now) {
  const { state, effects } = step;
  if (!state.grid || state.awaited !== null) return step;
  if (state.current) return turn(putBack(state), now, effects);
  if (!state.grid.cards.length) {
    return worthWaiting(state, group(candidates(state)), now) ? refill(state, now, effects) : turn(state, now, effects);
  }
  const queued = new Set(state.queue);
  return state.grid.cards.every((card) => queued.has(card)) ? step : turn(state, now, effects);
}
