// One sample at a time: choosing, undoing, going back. Each handler is (state, action) -> { state, effects }.

import { answeredCount, next, post, postAnswer, postUndo, proposalOf, putBack, ready, refill, remember, request, same, tell } from "./state.js";

function decide(state, action) {
  if (!ready(state)) return same(state);
  if (state.broken && action.kind === "label") {
    return tell(state, "This sample cannot be shown, so it cannot be labelled. Skip it (Space) or flag it (f).", "error");
  }
  if (state.revisiting !== null) return decideAgain(state, action);
  const { entry, ...sent } = postAnswer(state, state.current, action);
  const history = remember(state.history, entry);
  const moved = next({ ...sent.state, history, notice: reveal(state.current, entry.label) });
  return refill(moved, action.now, sent.effects);
}

// A second thought about a past sample: the old answer is undone and the new one takes its place in the history.
function decideAgain(state, action) {
  const old = state.history.find((entry) => entry.event_id === state.revisiting);
  const asBefore = action.kind === "skip" || (action.kind === old.kind && (action.label ?? null) === old.label);
  if (asBefore) return tell(next(state), "Left as it was.");
  const undone = postUndo(state, old, `${action.event_id}-undo`, action.now);
  const { entry, ...sent } = postAnswer(undone.state, state.current, action, undone.effects);
  const history = state.history.map((other) => (other === old ? entry : other));
  return refill(next({ ...sent.state, history, notice: null }), action.now, sent.effects);
}

function reveal(card, label) {
  if (!card.reveal || label === null) return null;
  const { given, others = [] } = card.reveal;
  if (others.length) return { tone: "info", text: `You said ${label}; ${others.map(([who, said]) => `${who} said ${said}`).join(", ")}.` };
  if (given === null) return { tone: "info", text: `You said ${label}; nobody labelled it before.` };
  return { tone: "info", text: `You said ${label}; ${given === label ? "the same as before" : `before it was ${given}`}.` };
}

// Takes one past answer back and brings its sample to the screen.
function takeBack(state, entry, { event_id, now }) {
  const sent = postUndo(state, entry, event_id, now);
  const history = state.history.filter((other) => other !== entry);
  const open = { ...putBack(sent.state), history, notice: null };
  const effects = [...sent.effects, { type: "say", text: "Undone." }];
  if (entry.card) return { state: { ...open, current: entry.card }, effects };
  const waiting = { ...open, awaited: entry.sample_id, exhausted: false };
  return request(waiting, state.prefetch - open.queue.length, now, effects);
}

function takeBackBatch(state, batch, { event_id, now }) {
  let step = { state: putBack(state), effects: [] };
  const entries = state.history.filter((entry) => entry.batch === batch && entry.card);
  entries.forEach((entry, i) => {
    step = postUndo(step.state, entry, `${event_id}-${i}`, now, step.effects);
  });
  const queue = [...entries.map((entry) => entry.card), ...step.state.queue];
  const history = state.history.filter((entry) => !entries.includes(entry));
  return tell(next({ ...step.state, queue, history, prefer: entries[0].card.suggested }), `${entries.length} answers undone.`, "info", step.effects);
}

export const SINGLE = {
  painted(state, { id, broken }) {
    const painted = { ...state, painted: id, broken };
    if (id === null || state.current?.sample_id !== id) return same(painted);
    return { state: painted, effects: [{ type: "say", text: describe(painted) }] };
  },

  choose(state, action) {
    return state.classes.includes(action.label) ? decide(state, { ...action, kind: "label" }) : same(state);
  },

  accept(state, action) {
    if (!ready(state)) return same(state);
    const label = state.current.suggested;
    if (label === null || !state.classes.includes(label)) {
      return tell(state, "There is no suggestion to take here. Choose a class.");
    }
    return decide(state, { ...action, kind: "label", label });
  },

  keep(state, action) {
    if (!ready(state)) return same(state);
    const { given, mode } = state.current;
    if (given === null || !state.classes.includes(given)) {
      return tell(state, mode === "review" ? "There is no given label to keep. Choose a class." : "The given label is hidden here, so it cannot be kept unseen. Choose a class.");
    }
    return decide(state, { ...action, kind: "label", label: given });
  },

  skip: (state, action) => decide(state, { ...action, kind: "skip", label: null }),
  flag: (state, action) => decide(state, { ...action, kind: "flag", label: null }),

  // Undo is one more answer; it goes back as far as there is history. A confirmed grid page is taken back whole.
  undo(state, action) {
    if (state.awaited !== null) return same(state);
    const revisited = state.history.find((entry) => entry.event_id === state.revisiting);
    const entry = revisited ?? state.history.at(-1);
    if (!entry) return tell(state, "There is nothing to undo.");
    if (entry.batch && entry.card && !revisited) return takeBackBatch(state, entry.batch, action);
    return takeBack(state, entry, action);
  },

  // A past sample is shown again with its answer; nothing is recorded until the answer changes.
  revisit(state, action) {
    if (state.awaited !== null || state.grid) return same(state);
    const entry = state.history.find((past) => past.event_id === action.past);
    if (!entry || entry.event_id === state.revisiting) return same(state);
    if (!entry.card) return takeBack(state, entry, action);
    return same({ ...putBack(state), current: entry.card, revisiting: entry.event_id, notice: null });
  },

  // Left and right walk through the past; right of the newest is the sample that waits.
  step(state, { by, ...action }) {
    const known = state.history.filter((entry) => entry.card);
    const at = state.revisiting === null ? known.length : known.findIndex((e) => e.event_id === state.revisiting);
    const to = at + by;
    if (state.revisiting !== null && to >= known.length) return same(next({ ...state, notice: null }));
    return to in known ? SINGLE.revisit(state, { ...action, past: known[to].event_id }) : same(state);
  },

  note(state, { text, event_id, now }) {
    if (!ready(state) || !text.trim()) return same(state);
    const { sample_id } = state.current;
    const answer = { event_id, sample_id, kind: "note", label: null, why: text.trim(), undoes: null };
    const sent = post(state, answer, null, now);
    return tell(sent.state, "Note kept.", "info", sent.effects);
  },

  dismiss: (state) => same({ ...state, notice: null }),
};

/** One sentence for a screen reader: what is on the screen now. */
export function describe(state) {
  const card = state.current;
  if (!card) return "";
  const past = state.history.find((entry) => entry.event_id === state.revisiting);
  const parts = [past ? `Again: your answer was ${past.label ?? past.kind}.` : `Sample ${Math.min(state.total, answeredCount(state) + 1)} of ${state.total}.`];
  if (state.broken) parts.push("It cannot be shown.");
  if (card.given !== null) parts.push(`Given label ${card.given}.`);
  const proposal = proposalOf(card);
  if (proposal) {
    parts.push(`Enter: ${proposal.verb.toLowerCase()} ${proposal.label}${card.prob === null ? "" : `, ${Math.round(card.prob * 100)} percent`}.`);
  }
  if (card.sentence) parts.push(card.sentence);
  else if (card.reasons.length) parts.push(`${card.reasons[0]}.`);
  return parts.join(" ");
}
