// What the labeller knows and how it changes: pure functions, no DOM, no clock, no randomness.
// `reduce(state, action)` gives { state, effects }; the effects are carried out by labeler.js.

export const RETRY_MS = 3000;
export const RETRY_MOST_MS = 30000;
export const ASK_MS = 8000;

export function initialState({ prefetch = 24 } = {}) {
  return {
    prefetch,
    connected: false,
    helloAt: null,
    annotator: "",
    classes: [],
    queue: [], // cards in the page, not yet shown
    current: null, // the card to answer
    painted: null, // the sample id that is on the screen
    broken: false, // the painted sample could not be decoded
    awaited: null, // an undone sample that the page does not hold; it comes back from the source
    pending: [], // [{answer, of, sentAt, tries}] not yet durable, oldest first; `of` is the history entry it made or undid
    history: [], // [{event_id, sample_id, kind, label, card, at}] live answers, oldest first
    answered: 0,
    total: 0,
    ask: 0, // the number of the latest request for cards
    askedAt: null, // null: no request is under way
    got: 0, // cards received for the latest request
    exhausted: false, // the source had nothing more
    notice: null, // {tone: "error" | "info", text}
  };
}

const same = (state) => ({ state, effects: [] });
const say = (text) => ({ type: "say", text });
const ANSWERS = new Set(["label", "skip", "flag"]);

/** The ids that the source need not send: shown, waiting, or answered and not yet durable. */
export function held(state) {
  const ids = state.queue.map((card) => card.sample_id);
  if (state.current) ids.push(state.current.sample_id);
  const undone = new Set(state.pending.map((p) => p.answer.undoes).filter(Boolean));
  for (const { answer } of state.pending) {
    if (ANSWERS.has(answer.kind) && !undone.has(answer.event_id)) ids.push(answer.sample_id);
  }
  return ids;
}

export function unsaved(state) {
  return state.pending.length;
}

export function answeredCount(state) {
  const change = { label: 1, skip: 1, flag: 1, undo: -1 };
  const more = state.pending.reduce((sum, { answer }) => sum + (change[answer.kind] ?? 0), 0);
  return Math.max(0, state.answered + more);
}

/** True when a key may answer: the sample on the screen is the current one. */
export function ready(state) {
  return state.current !== null && state.painted === state.current.sample_id;
}

function refill(state, now, effects = []) {
  const short = state.queue.length <= state.prefetch * (2 / 3);
  if (!state.connected || state.askedAt !== null || state.exhausted || !short) return { state, effects };
  const ask = state.ask + 1;
  const n = state.prefetch - state.queue.length + (state.current ? 0 : 1);
  return {
    state: { ...state, ask, askedAt: now, got: 0 },
    effects: [...effects, { type: "want", ask, n, have: held(state) }],
  };
}

function next(state) {
  const [current = null, ...queue] = state.queue;
  return { ...state, current, queue };
}

function post(state, answer, entryOf, now) {
  const entry = { answer, of: entryOf, sentAt: now, tries: 1 };
  return {
    state: { ...state, pending: [...state.pending, entry] },
    effects: [{ type: "keep", answer }, { type: "send", answer }],
  };
}

function decide(state, { kind, label = null, event_id, now }) {
  if (!ready(state)) return same(state);
  if (state.broken && kind === "label") {
    const text = "This sample cannot be shown, so it cannot be labelled. Skip it (Space) or flag it (f).";
    return { state: { ...state, notice: { tone: "error", text } }, effects: [say(text)] };
  }
  const card = state.current;
  const answer = { event_id, sample_id: card.sample_id, kind, label, why: "", undoes: null };
  const entry = { event_id, sample_id: card.sample_id, kind, label, card, at: now };
  const sent = post(state, answer, entry, now);
  const moved = next({ ...sent.state, history: [...state.history, entry], notice: reveal(card, label) });
  return refill(moved, now, sent.effects);
}

function reveal(card, label) {
  if (!card.reveal || label === null) return null;
  const given = card.reveal.given;
  if (given === null) return { tone: "info", text: `You said ${label}; nobody labelled it before.` };
  const verdict = given === label ? "the same as before" : `before it was ${given}`;
  return { tone: "info", text: `You said ${label}; ${verdict}.` };
}

const HANDLERS = {
  // The page starts with the answers that an earlier page could not save.
  restored(state, { answers, now }) {
    const pending = answers.map((answer) => ({ answer, of: null, sentAt: now, tries: 0 }));
    return same({ ...state, pending: [...pending, ...state.pending] });
  },

  welcome(state, { classes, annotator, answered, total, history, now }) {
    const undone = new Set(state.pending.map((p) => p.answer.undoes).filter(Boolean));
    const known = new Map(state.history.map((entry) => [entry.event_id, entry]));
    const live = history.filter((a) => ANSWERS.has(a.kind) && !undone.has(a.event_id));
    const saved = new Set(live.map((a) => a.event_id));
    const waiting = state.pending
      .map((p) => ({ ...p.answer, card: p.of?.card ?? null, at: p.sentAt }))
      .filter((a) => ANSWERS.has(a.kind) && !undone.has(a.event_id) && !saved.has(a.event_id));
    const merged = [...live, ...waiting].map((a) => known.get(a.event_id) ?? { card: null, at: null, ...a });
    const pending = state.pending.map((p) => ({ ...p, sentAt: now, tries: p.tries + 1 }));
    const sends = pending.map(({ answer }) => ({ type: "send", answer }));
    const fresh = { connected: true, classes, annotator, answered, total, history: merged, pending, askedAt: null };
    return refill({ ...state, ...fresh, exhausted: false }, now, sends);
  },

  cards(state, { ask, cards, last, answered, total, now }) {
    if (ask !== state.ask) return same(state);
    const have = new Set(held(state));
    const fresh = cards.filter((card) => !have.has(card.sample_id));
    const back = fresh.find((card) => card.sample_id === state.awaited) ?? null;
    const queue = [...state.queue, ...fresh.filter((card) => card !== back)];
    let after = { ...state, queue, got: state.got + fresh.length, askedAt: last ? null : now };
    if (back) after = { ...after, current: back, awaited: null };
    if (last) {
      if (after.awaited !== null) after.notice = { tone: "info", text: "Undone. That sample is not in this queue any more." };
      after = { ...after, answered, total, awaited: null, exhausted: after.got === 0 };
    }
    return same(after.current || after.awaited !== null ? after : next(after));
  },

  painted(state, { id, broken }) {
    if (state.current?.sample_id !== id) return same({ ...state, painted: id, broken });
    return { state: { ...state, painted: id, broken }, effects: [say(describe(state, broken))] };
  },

  choose(state, { label, event_id, now }) {
    if (!state.classes.includes(label)) return same(state);
    return decide(state, { kind: "label", label, event_id, now });
  },

  accept(state, { event_id, now }) {
    if (!ready(state)) return same(state);
    const label = state.current.suggested;
    if (label === null || !state.classes.includes(label)) {
      const text = "There is no suggestion to take here. Choose a class.";
      return { state: { ...state, notice: { tone: "info", text } }, effects: [say(text)] };
    }
    return decide(state, { kind: "label", label, event_id, now });
  },

  skip: (state, { event_id, now }) => decide(state, { kind: "skip", event_id, now }),
  flag: (state, { event_id, now }) => decide(state, { kind: "flag", event_id, now }),

  // Undo is one more answer; it goes back as far as there is history.
  undo(state, { event_id, now }) {
    if (state.awaited !== null) return same(state);
    const entry = state.history.at(-1);
    if (!entry) {
      const text = "There is nothing to undo.";
      return { state: { ...state, notice: { tone: "info", text } }, effects: [say(text)] };
    }
    const answer = { event_id, sample_id: entry.sample_id, kind: "undo", label: null, why: "", undoes: entry.event_id };
    const sent = post(state, answer, entry, now);
    const queue = state.current ? [state.current, ...state.queue] : state.queue;
    const back = { ...sent.state, history: state.history.slice(0, -1), queue, notice: null, exhausted: false };
    const effects = [...sent.effects, say("Undone.")];
    if (entry.card) return { state: { ...back, current: entry.card }, effects };
    const ask = state.ask + 1;
    const waiting = { ...back, current: null, awaited: entry.sample_id, ask, askedAt: now, got: 0 };
    const n = Math.max(1, state.prefetch - queue.length);
    return { state: waiting, effects: [...effects, { type: "want", ask, n, have: held(waiting) }] };
  },

  saved(state, { event_id, now }) {
    const entry = state.pending.find((p) => p.answer.event_id === event_id);
    const effects = [{ type: "forget", event_id }];
    if (!entry) return { state, effects };
    const change = { label: 1, skip: 1, flag: 1, undo: -1 }[entry.answer.kind] ?? 0;
    const pending = state.pending.filter((p) => p !== entry);
    return refill({ ...state, pending, answered: Math.max(0, state.answered + change) }, now, effects);
  },

  // The source will not have this answer: the card comes back and the reason is shown.
  refused(state, { event_id, message }) {
    const entry = state.pending.find((p) => p.answer.event_id === event_id);
    if (!entry) return same(state);
    const { answer } = entry;
    const isPending = (id) => state.pending.some((p) => p.answer.event_id === id);
    if (answer.kind === "undo" && isPending(answer.undoes)) return same(state);
    const gone = state.pending.filter((p) => p === entry || p.answer.undoes === event_id);
    const pending = state.pending.filter((p) => !gone.includes(p));
    const effects = [...gone.map((p) => ({ type: "forget", event_id: p.answer.event_id })), say(message)];
    const history = state.history.filter((h) => h.event_id !== event_id);
    const after = { ...state, pending, history, notice: { tone: "error", text: message } };
    const shown = after.current?.sample_id === answer.sample_id;
    if (answer.kind === "undo" && entry.of) {
      const kept = { ...after, history: [...history, entry.of] };
      return { state: shown ? next(kept) : kept, effects };
    }
    const card = entry.of?.card;
    if (!ANSWERS.has(answer.kind) || !card || shown || after.queue.includes(card)) return { state: after, effects };
    const queue = after.current ? [after.current, ...after.queue] : after.queue;
    return { state: { ...after, current: card, queue }, effects };
  },

  failed(state, { event_id, message }) {
    if (!state.pending.some((p) => p.answer.event_id === event_id)) return same(state);
    const text = `Not saved, will be tried again: ${message}`;
    return { state: { ...state, notice: { tone: "error", text } }, effects: [say(text)] };
  },

  trouble(state, { ask, message }) {
    if (ask !== state.ask) return same(state);
    return { state: { ...state, notice: { tone: "error", text: message } }, effects: [say(message)] };
  },

  // Another page of the same annotator answered a sample that this page holds.
  elsewhere: (state, { sample_id }) => same(dropAnswered(state, sample_id)),

  lookAgain: (state, { now }) => refill({ ...state, exhausted: false, askedAt: null }, now),
  dismiss: (state) => same({ ...state, notice: null }),

  // What got no reply is asked again: later and later for answers, so that a busy kernel is not flooded.
  tick(state, { now }) {
    const effects = [];
    if (!state.connected) {
      const due = state.helloAt === null || now - state.helloAt >= RETRY_MS;
      return due ? { state: { ...state, helloAt: now }, effects: [{ type: "hello" }] } : same(state);
    }
    const pending = state.pending.map((p) => {
      const wait = Math.min(RETRY_MS * 2 ** Math.max(0, p.tries - 1), RETRY_MOST_MS);
      if (now - p.sentAt < wait) return p;
      effects.push({ type: "send", answer: p.answer });
      return { ...p, sentAt: now, tries: p.tries + 1 };
    });
    const late = state.askedAt !== null && now - state.askedAt > ASK_MS;
    return refill({ ...state, pending, askedAt: late ? null : state.askedAt }, now, effects);
  },
};

function dropAnswered(state, sample_id) {
  return { ...state, queue: state.queue.filter((card) => card.sample_id !== sample_id) };
}

/** One sentence for a screen reader: what is on the screen now. */
export function describe(state, broken = state.broken) {
  const card = state.current;
  if (!card) return "";
  const parts = [`Sample ${answeredCount(state) + 1} of ${state.total}.`];
  if (broken) parts.push("It cannot be shown.");
  if (card.given !== null) parts.push(`Given label ${card.given}.`);
  if (card.suggested !== null) {
    parts.push(`Suggestion ${card.suggested}${card.prob === null ? "" : `, ${Math.round(card.prob * 100)} percent`}.`);
  }
  if (card.reasons.length) parts.push(`${card.reasons.join("; ")}.`);
  return parts.join(" ");
}

export function reduce(state, action) {
  const handler = HANDLERS[action.type];
  if (!handler) throw new Error(`no handler for the action ${action.type}`);
  return handler(state, action);
}
