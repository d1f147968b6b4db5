// Joins the parts: actions go through the reducer, its effects go to the kernel, the page's storage and the screen.

import { initialState, reduce } from "./state.js";
import { intent } from "./keys.js";
import { build, drawClasses, drawIdle, drawSample, drawStatus, drawStrip, exhibit } from "./view.js";

const TICK_MS = 500;
const LATE_MS = 700;
const DECODE_AHEAD = 4;

// crypto.randomUUID exists on secure origins only; a notebook server is often plain http.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Answers that are not durable yet, one item each, so that two pages never overwrite one another. */
function answerStore(prefix) {
  let storage = null;
  try {
    storage = prefix.startsWith("dqkit-once/") ? window.sessionStorage : window.localStorage;
  } catch {
    // A sandboxed frame has no storage: answers then live as long as the page.
  }
  const name = (id) => `${prefix}/${id}`;
  return {
    keep: (answer, at) => storage?.setItem(name(answer.event_id), JSON.stringify({ at, answer })),
    forget: (id) => storage?.removeItem(name(id)),
    all: () =>
      Object.keys(storage ?? {})
        .filter((item) => item.startsWith(`${prefix}/`))
        .map((item) => JSON.parse(storage.getItem(item)))
        .sort((a, b) => a.at - b.at)
        .map((kept) => kept.answer),
  };
}

function withBuffers(cards, buffers) {
  let at = 0;
  const take = () => {
    const view = buffers[at++];
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  };
  return cards.map((card) => ({
    ...card,
    media: take(),
    neighbors: card.neighbors.map((label) => ({ label, bytes: take() })),
  }));
}

function render({ model, el }) {
  const client = newId();
  const annotator = model.get("annotator");
  const store = answerStore(`${model.get("_storage")}/${annotator}`);
  const root = document.createElement("div");
  root.className = "dqkit-labeler";
  root.tabIndex = 0;
  root.setAttribute("role", "application");
  root.setAttribute("aria-label", `Labelling queue of ${annotator}`);
  // JupyterLab's shortcuts listen on the document in the capture phase, before any listener here.
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  el.append(root);

  let state = initialState({ prefetch: model.get("_prefetch") });
  let turn = 0;
  let sequence = 0;
  const exhibits = new Map(); // sample id -> {node, decoded, url}
  const parts = build(root, act);

  const now = () => Date.now();

  function send(message) {
    try {
      model.send({ client, ...message });
    } catch (error) {
      console.warn("dqkit: no kernel to send to; will try again", error);
    }
  }

  const EFFECTS = {
    send: ({ answer }) => send({ type: "answer", seq: ++sequence, answer }),
    want: ({ ask, n, have }) => send({ type: "want", ask, n, have }),
    hello: () => send({ type: "hello" }),
    keep: ({ answer }) => store.keep(answer, now() + sequence / 1e6),
    forget: ({ event_id }) => store.forget(event_id),
    say: ({ text }) => {
      parts.live.textContent = text;
    },
  };

  function dispatch(action) {
    const before = state;
    const result = reduce(state, { ...action, now: now() });
    state = result.state;
    draw(before);
    for (const effect of result.effects) EFFECTS[effect.type](effect);
  }

  function draw(before) {
    if (state.classes !== before.classes) drawClasses(parts, state);
    if (state.history !== before.history) drawStrip(parts, state);
    const oldest = state.pending[0];
    drawStatus(parts, state, { late: Boolean(oldest) && now() - oldest.sentAt + (oldest.tries > 1 ? LATE_MS : 0) >= LATE_MS });
    if (state.current !== before.current || state.connected !== before.connected || (!state.current && state.exhausted !== before.exhausted)) {
      show(state.current);
    }
    if (state.queue !== before.queue) decodeAhead();
  }

  function exhibitOf(card) {
    if (!exhibits.has(card.sample_id)) exhibits.set(card.sample_id, exhibit(card));
    return exhibits.get(card.sample_id);
  }

  function decodeAhead() {
    const near = state.queue.slice(0, DECODE_AHEAD);
    near.forEach(exhibitOf);
    const wanted = new Set(near.map((card) => card.sample_id));
    for (const id of [state.current?.sample_id, state.painted, state.history.at(-1)?.sample_id]) wanted.add(id);
    for (const [id, { url }] of exhibits) {
      if (wanted.has(id)) continue;
      if (url) URL.revokeObjectURL(url);
      exhibits.delete(id);
    }
  }

  // The id goes on the root only once the sample has been painted: the frame that follows has begun by then.
  function show(card) {
    const mine = ++turn;
    const afterPaint = (then) =>
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => mine === turn && then();
        channel.port2.postMessage(null);
      });
    if (!card) {
      drawWaiting();
      afterPaint(() => {
        root.removeAttribute("data-sample-id");
        dispatch({ type: "painted", id: null, broken: false });
      });
      return;
    }
    const exhibited = exhibitOf(card);
    exhibited.decoded.then((decoded) => {
      if (mine !== turn) return;
      drawSample(parts, card, exhibited.node);
      afterPaint(() => {
        root.setAttribute("data-sample-id", card.sample_id);
        dispatch({ type: "painted", id: card.sample_id, broken: !decoded });
      });
    });
  }

  function drawWaiting() {
    if (!state.connected) drawIdle(parts, "Waiting for the kernel", model.get("_summary") || "Run this cell to label.");
    else if (state.awaited !== null) drawIdle(parts, "Bringing it back", "The sample is on its way.");
    else if (!state.exhausted) drawIdle(parts, "One moment", "The next samples are on their way.");
    else drawIdle(parts, "The queue is empty", "Every sample here has an answer. Thank you.", { type: "lookAgain", name: "Look again" });
  }

  function act({ type, label, index }) {
    if (type === "choose") {
      dispatch({ type, label: label ?? state.classes[index], event_id: newId() });
      clearSearch();
    } else if (["accept", "skip", "flag", "undo"].includes(type)) dispatch({ type, event_id: newId() });
    else if (type === "lookAgain" || type === "dismiss") dispatch({ type });
    else if (type === "search" && !parts.search.hidden) parts.search.focus();
    else if (type === "stopTyping") clearSearch();
    else if (type === "leave") leave();
  }

  function clearSearch() {
    if (parts.search.hidden) return;
    if (document.activeElement === parts.search) root.focus({ preventScroll: true });
    if (parts.search.value) {
      parts.search.value = "";
      drawClasses(parts, state);
    }
  }

  // Escape gives the focus back to the notebook's own cell, which hears its keys again.
  function leave() {
    const cell = root.closest(".jp-Cell");
    root.blur();
    cell?.focus({ preventScroll: true });
  }

  root.addEventListener(
    "keydown",
    (event) => {
      const typing = event.target === parts.search;
      const onButton = event.target.closest?.("button") !== null;
      if (event.key !== "Tab") event.stopImmediatePropagation();
      const meant = intent(event, { classes: state.classes, typing, onButton });
      if (typing && event.key === "Enter") {
        event.preventDefault();
        const hit = parts.classes.querySelector("button");
        if (hit) act({ type: "choose", label: hit.dataset.label });
        return;
      }
      if (!meant || meant.type === "press") return;
      event.preventDefault();
      act(meant);
    },
    { capture: true },
  );
  for (const type of ["keyup", "keypress"]) {
    root.addEventListener(type, (event) => event.stopImmediatePropagation(), { capture: true });
  }
  parts.search.addEventListener("input", () => drawClasses(parts, state));

  function hear(message, buffers) {
    if (message.client !== client) {
      if (message.type === "saved") dispatch({ type: "elsewhere", sample_id: message.sample_id });
      return;
    }
    const { type } = message;
    if (type === "cards") dispatch({ ...message, cards: withBuffers(message.cards, buffers) });
    else if (type === "welcome") dispatch({ ...message, annotator });
    else if (["saved", "refused", "failed", "trouble"].includes(type)) dispatch(message);
  }

  model.on("msg:custom", hear);
  draw(initialState());
  show(null);
  dispatch({ type: "restored", answers: store.all() });
  dispatch({ type: "tick" });
  const ticking = setInterval(() => {
    const idle = state.connected && !state.pending.length && state.askedAt === null;
    if (!idle) dispatch({ type: "tick" });
  }, TICK_MS);

  return () => {
    clearInterval(ticking);
    model.off("msg:custom", hear);
    for (const { url } of exhibits.values()) if (url) URL.revokeObjectURL(url);
  };
}

export default { render };
