// What the kernel says, and what is said again when it is silent. Handlers are (state, action) -> { state, effects }.

import { ANSWERS, change, held, next, putBack, refill, same, say, tell, undoneIds } from "./state.js";

export const RETRY_MS = 3000;
export const RETRY_MOST_MS = 30000;
export const ASK_MS = 8000;

export const KERNEL = {
  // The page starts with the answers that an earlier page could not save.
  restored(state, { answers, now }) {
    const pending = answers.map((answer) => ({ answer, of: null, sentAt: now, tries: 0 }));
    return same({ ...state, pending: [...pending, ...state.pending] });
  },

  welcome(state, { classes, annotator, answered, total, history, offers = [], now }) {
    const undone = undoneIds(state);
    const known = new Map(state.history.map((entry) => [entry.event_id, entry]));
    const live = history.filter((a) => ANSWERS.has(a.kind) && !undone.has(a.event_id));
    const saved = new Set(history.map((a) => a.event_id));
    // What the source already has needs no second sending; the acknowledgement was lost with the earlier page.
    const durable = state.pending.filter((p) => saved.has(p.answer.event_id));
    const left = state.pending.filter((p) => !durable.includes(p));
    const waiting = left
      .map((p) => ({ ...p.answer, card: p.of?.card ?? null, at: p.sentAt }))
      .filter((a) => ANSWERS.has(a.kind) && !undone.has(a.event_id));
    const merged = [...live, ...waiting].map((a) => known.get(a.event_id) ?? { card: null, at: null, batch: null, ...a });
    const pending = left.map((p) => ({ ...p, sentAt: now, tries: p.tries + 1 }));
    const sends = [
      ...durable.map((p) => ({ type: "forget", event_id: p.answer.event_id })),
      ...pending.map(({ answer }) => ({ type: "send", answer })),
    ];
    const fresh = { connected: true, offers, classes, annotator, answered, total, history: merged, pending, askedAt: null };
    return refill({ ...state, ...fresh, exhausted: false }, now, sends);
  },

  cards(state, { ask, cards, last, answered, total, classes = null, now }) {
    if (ask !== state.ask) return same(state);
    const have = new Set(held(state));
    const fresh = cards.filter((card) => !have.has(card.sample_id));
    const back = fresh.find((card) => card.sample_id === state.awaited) ?? null;
    const queue = [...state.queue, ...fresh.filter((card) => card !== back)];
    let after = { ...state, queue, got: state.got + fresh.length, askedAt: last ? null : now };
    if (back) after = { ...after, current: back, awaited: null };
    if (last) {
      if (after.awaited !== null) after.notice = { tone: "info", text: "Undone. That sample is not in this queue any more." };
      after = { ...after, answered, total, awaited: null, exhausted: after.got === 0, classes: classes ?? after.classes };
    }
    return same(after.current || after.awaited !== null || after.grid ? after : next(after));
  },

  saved(before, { event_id, notice = null, now }) {
    const said = notice ? tell(before, notice) : same(before);
    const { state } = said;
    const effects = [...said.effects, { type: "forget", event_id }];
    const entry = state.pending.find((p) => p.answer.event_id === event_id);
    if (!entry) return { state, effects };
    const pending = state.pending.filter((p) => p !== entry);
    const answered = Math.max(0, state.answered + change(entry.answer));
    return refill({ ...state, pending, answered }, now, effects);
  },

  // The source will not have this answer: the card comes back and the reason is shown.
  refused(state, { event_id, message }) {
    const entry = state.pending.find((p) => p.answer.event_id === event_id);
    if (!entry) return same(state);
    const { answer } = entry;
    // An undo that overtook its answer is not wrong, only early.
    if (answer.kind === "undo" && state.pending.some((p) => p.answer.event_id === answer.undoes)) return same(state);
    const gone = state.pending.filter((p) => p === entry || p.answer.undoes === event_id);
    const pending = state.pending.filter((p) => !gone.includes(p));
    const forget = gone.map((p) => ({ type: "forget", event_id: p.answer.event_id }));
    const history = state.history.filter((past) => past.event_id !== event_id);
    const step = tell({ ...state, pending, history }, message, "error", forget);
    const after = step.state;
    const id = answer.sample_id;
    const answeredSince = history.some((past) => past.sample_id === id);
    const shown = state.revisiting === null && after.current?.sample_id === id;
    const waits = shown || after.queue.some((card) => card.sample_id === id);
    if (answer.kind === "undo") {
      if (!entry.of || answeredSince) return step;
      const queue = after.queue.filter((card) => card.sample_id !== id);
      const kept = { ...after, queue, history: [...history, entry.of] };
      return { ...step, state: shown ? next(kept) : kept };
    }
    const card = entry.of?.card;
    if (!ANSWERS.has(answer.kind) || !card || waits || answeredSince) return step;
    if (state.grid) return { ...step, state: { ...after, queue: [card, ...after.queue], aside: [...after.aside, id] } };
    return { ...step, state: { ...putBack(after), current: card } };
  },

  failed(state, { event_id, message }) {
    if (!state.pending.some((p) => p.answer.event_id === event_id)) return same(state);
    return tell(state, `Not saved, will be tried again: ${message}`, "error");
  },

  trouble: (state, { ask, message }) => (ask === state.ask ? tell(state, message, "error") : same(state)),

  // Another page of the same annotator answered a sample that this page holds.
  elsewhere(state, { sample_id }) {
    return same({ ...state, queue: state.queue.filter((card) => card.sample_id !== sample_id) });
  },

  lookAgain: (state, { now }) => refill({ ...state, exhausted: false, askedAt: null }, now, [say("Looking again.")]),

  // What got no reply is asked again: answers later and later, so that a busy kernel is not flooded.
  tick(state, { now }) {
    if (!state.connected) {
      const due = state.helloAt === null || now - state.helloAt >= RETRY_MS;
      return due ? { state: { ...state, helloAt: now }, effects: [{ type: "hello" }] } : same(state);
    }
    const effects = [];
    const pending = state.pending.map((p) => {
      const wait = Math.min(RETRY_MS * 2 ** Math.max(0, p.tries - 1), RETRY_MOST_MS);
      if (now - p.sentAt < wait) return p;
      effects.push({ type: "send", answer: p.answer });
      return { ...p, sentAt: now, tries: p.tries + 1 };
    });
    let { adding } = state;
    if (adding && now - adding.sentAt >= RETRY_MS) {
      effects.push({ type: "addClass", name: adding.name });
      adding = { ...adding, sentAt: now };
    }
    const late = state.askedAt !== null && now - state.askedAt > ASK_MS;
    return refill({ ...state, pending, adding, askedAt: late ? null : state.askedAt }, now, effects);
  },
};
