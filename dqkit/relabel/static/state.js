// What the labeller knows, and the small steps every change is made of: pure, no DOM, no clock, no randomness.

export const GRID_PREFETCH = 96;
export const HISTORY_CARDS = 60;
export const ANSWERS = new Set(["label", "skip", "flag"]);

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
    revisiting: null, // the event_id of the past answer whose sample is shown again
    pending: [], // [{answer, of, sentAt, tries}] not durable yet, oldest first; `of` is the history entry it made or undid
    history: [], // [{event_id, sample_id, kind, label, card, at, batch}] live answers, oldest first
    answered: 0,
    total: 0,
    ask: 0, // the number of the latest request for cards
    askedAt: null, // null: no request is under way
    got: 0, // cards received for the latest request
    exhausted: false, // the source had nothing more
    offers: [], // what the source can do besides: "alike", "add_class", "team"
    code: null, // {text, on}: the first key of a class code, typed on that sample or page
    naming: null, // the new class name that waits for a second Enter
    adding: null, // {name, sentAt}: a new class the source has not confirmed
    team: null, // null: the panel is closed; "asked"; or what the source said
    grid: null, // a page of cards with one suggestion (see grid.js), or null in the single view
    prefer: null, // the suggestion of a page that was taken back: the next page is that one again
    aside: [], // sample ids that a person took out of a grid page: they are asked one by one
    notice: null, // {tone: "error" | "info", text}
  };
}

export const same = (state) => ({ state, effects: [] });
export const say = (text) => ({ type: "say", text });

/** The state with a message on screen, which is also read out. */
export function tell(state, text, tone = "info", effects = []) {
  return { state: { ...state, notice: { tone, text } }, effects: [...effects, say(text)] };
}

/** The ids that the source need not send: shown, waiting, or answered and not yet durable. */
export function held(state) {
  const ids = state.queue.map((card) => card.sample_id);
  if (state.current) ids.push(state.current.sample_id);
  const undone = undoneIds(state);
  for (const { answer } of state.pending) {
    if (ANSWERS.has(answer.kind) && !undone.has(answer.event_id)) ids.push(answer.sample_id);
  }
  return ids;
}

export function undoneIds(state) {
  return new Set(state.pending.map((p) => p.answer.undoes).filter(Boolean));
}

const CHANGE = { label: 1, skip: 1, flag: 1, undo: -1 };
export const change = (answer) => CHANGE[answer.kind] ?? 0;

/** Answers of this queue, those on their way to the disk included. */
export function answeredCount(state) {
  return Math.max(0, state.pending.reduce((sum, { answer }) => sum + change(answer), state.answered));
}

/** What Enter does on this card: keep the given label, change it, or give one; null where nothing is suggested. */
export function proposalOf(card) {
  if (card === null || card.suggested === null) return null;
  if (card.mode === "second_opinion" || card.given === null) return { verb: "Label", label: card.suggested };
  return { verb: card.given === card.suggested ? "Keep" : "Change to", label: card.suggested };
}

/** True when a key may answer: the sample on the screen is the current one. */
export function ready(state) {
  return state.current !== null && state.painted === state.current.sample_id;
}

/** What a class code typed now would be meant for: the painted sample or grid page, or null. */
export function codeTarget(state) {
  if (state.grid) return state.grid.painted ? `page ${state.grid.page}` : null;
  return ready(state) ? `sample ${state.current.sample_id}` : null;
}

/** The first key of a class code, when it was typed on what is on the screen now; else "". */
export function typedCode(state) {
  return state.code !== null && state.code.on === codeTarget(state) ? state.code.text : "";
}

/** Asks for more cards when few are left and no request is under way. */
export function refill(state, now, effects = []) {
  const target = state.grid ? Math.max(state.prefetch, GRID_PREFETCH) : state.prefetch;
  const short = state.queue.length <= target * (2 / 3);
  if (!state.connected || state.askedAt !== null || state.exhausted || !short) return { state, effects };
  return request(state, target - state.queue.length + (state.current ? 0 : 1), now, effects);
}

export function request(state, n, now, effects = []) {
  const ask = state.ask + 1;
  const alike = state.grid !== null && state.offers.includes("alike");
  const want = { type: "want", ask, n: Math.max(1, n), have: held(state), classes: state.classes.length, alike };
  return { state: { ...state, ask, askedAt: now, got: 0 }, effects: [...effects, want] };
}

/** The next card of the queue becomes the current one. */
export function next(state) {
  const [current = null, ...queue] = state.queue;
  return { ...state, current, queue, revisiting: null };
}

/** The current card goes back to the front of the queue; a revisited one is only put down. */
export function putBack(state) {
  if (state.revisiting !== null || !state.current) return { ...state, current: null, revisiting: null };
  return { ...state, current: null, queue: [state.current, ...state.queue] };
}

/** One more answer on its way: kept in the page first, then sent. */
export function post(state, answer, of, now, effects = []) {
  const pending = [...state.pending, { answer, of, sentAt: now, tries: 1 }];
  return { state: { ...state, pending }, effects: [...effects, { type: "keep", answer }, { type: "send", answer }] };
}

export function postUndo(state, entry, event_id, now, effects = []) {
  const answer = { event_id, sample_id: entry.sample_id, kind: "undo", label: null, why: "", undoes: entry.event_id };
  return post(state, answer, entry, now, effects);
}

export function postAnswer(state, card, { kind, label = null, event_id, now, batch = null }, effects = []) {
  const answer = { event_id, sample_id: card.sample_id, kind, label, why: "", undoes: null, ...(batch && { page: batch }) };
  const entry = { event_id, sample_id: card.sample_id, kind, label, card, at: now, batch };
  return { ...post(state, answer, entry, now, effects), entry };
}

/** History with one entry more; the cards of old entries are let go, for they hold pictures. */
export function remember(history, entry) {
  const longer = [...history, entry];
  const old = longer.length - 1 - HISTORY_CARDS;
  return old >= 0 && longer[old].card ? longer.map((e, i) => (i <= old ? { ...e, card: null } : e)) : longer;
}
