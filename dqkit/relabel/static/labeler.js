// Joins the parts: actions go through the reducer, its effects go to the kernel, the page's storage and the screen.

import { exhibit, thumbnail } from "./exhibit.js";
import { columnsOf, drawGrid, gridCells, markGrid } from "./gridview.js";
import { intent } from "./keys.js";
import { pointAtCells } from "./pointer.js";
import { reduce } from "./reduce.js";
import { initialState, typedCode } from "./state.js";
import { answerStore, newId } from "./storage.js";
import { drawTeam } from "./team.js";
import { build, drawClasses, drawCommands, drawIdle, drawSample, drawStatus, drawStrip, markClasses, zoom } from "./view.js";
import { whyItIsHere } from "./why.js";

const TICK_MS = 500;
const LATE_MS = 700;
const DECODE_AHEAD = 4;
const HIDDEN_MS = 100;
const PAN = 120; // pixels of a zoomed picture an arrow key moves

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

/** Runs `then` after the frame that shows the latest change of the DOM has been painted. */
function afterPaint(then) {
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = then;
    channel.port2.postMessage(null);
  });
}

/** Exhibits by sample id, decoded ahead and let go when they are far from the screen. */
function exhibitions(make) {
  const made = new Map();
  return {
    of(card) {
      if (!made.has(card.sample_id)) made.set(card.sample_id, make(card));
      return made.get(card.sample_id);
    },
    keepOnly(ids) {
      for (const [id, { url }] of made) {
        if (ids.has(id)) continue;
        if (url) URL.revokeObjectURL(url);
        made.delete(id);
      }
    },
  };
}

function makeRoot(annotator) {
  const root = document.createElement("div");
  root.className = "dqkit-labeler";
  root.tabIndex = 0;
  root.setAttribute("role", "application");
  root.setAttribute("aria-label", `Labelling queue of ${annotator}`);
  // JupyterLab's shortcuts listen on the document in the capture phase, before any listener here.
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  return root;
}

/** The labeller of this person in `el`; returns what ends it. `rename`: what to do when they are somebody else. */
export function labelling({ model, el, annotator, focus = false, rename = null }) {
  const client = newId();
  const store = answerStore(`${model.get("_storage")}/${annotator}`);
  const root = makeRoot(annotator);
  el.append(root);

  let state = { ...initialState({ prefetch: model.get("_prefetch") }), annotator };
  let turns = 0; // what is being painted; an older turn that comes late is dropped
  let sequence = 0;
  let picked = 0; // the hit of the class search that Enter takes
  // All that a sample needs on the screen is made before its turn comes.
  const exhibits = exhibitions((card) => {
    const box = { width: parts.stage.clientWidth || 560, height: parts.stage.clientHeight || 400 };
    return Object.assign(exhibit(card, box), { why: whyItIsHere(card) });
  });
  const thumbnails = exhibitions(thumbnail);
  const parts = build(root, act, { canRename: rename !== null });
  drawCommands(parts, { grid: false, offers: [] });

  // What the next picture need not wait for is done once it is painted, or soon where nothing is painted (a hidden page).
  let waiting = [];
  function later(work) {
    if (!waiting.length) {
      afterPaint(() => setTimeout(catchUp));
      setTimeout(catchUp, HIDDEN_MS);
    }
    waiting.push(work);
  }

  function catchUp() {
    const works = waiting;
    waiting = [];
    works.forEach((work) => work());
  }

  function send(message) {
    try {
      model.send({ client, annotator, ...message });
    } catch (error) {
      console.warn("dqkit: no kernel to send to; it will be tried again", error);
    }
  }

  const EFFECTS = {
    // It is kept in the page by now; the next sample comes first.
    send: ({ answer }) => later(() => send({ type: "answer", seq: ++sequence, answer })),
    want: ({ ask, n, have, classes, alike }) => later(() => send({ type: "want", ask, n, have, classes, alike })),
    addClass: ({ name }) => send({ type: "add_class", name }),
    askTeam: () => send({ type: "team" }),
    hello: () => send({ type: "hello" }),
    keep: ({ answer }) => store.keep(answer),
    forget: ({ event_id }) => store.forget(event_id),
    say: ({ text }) => (parts.live.textContent = text),
  };

  function dispatch(action) {
    const before = state;
    const step = reduce(state, { ...action, now: Date.now() });
    state = step.state;
    draw(before);
    for (const effect of step.effects) EFFECTS[effect.type](effect);
  }

  function isLate() {
    const now = Date.now();
    return state.pending.some((p) => p.tries !== 1 || now - p.sentAt >= LATE_MS);
  }

  function draw(before) {
    const changed = (...names) => names.some((name) => state[name] !== before[name]);
    if (changed("classes") || typedCode(state) !== typedCode(before)) redrawClasses();
    if (changed("team")) drawTeam(parts, state.team);
    if (changed("history", "revisiting")) drawStrip(parts, state);
    if (Boolean(state.grid) !== Boolean(before.grid) || changed("offers")) {
      drawCommands(parts, { grid: Boolean(state.grid), offers: state.offers });
      root.dataset.view = state.grid ? "grid" : "single";
    }
    drawStatus(parts, state, { late: isLate() });
    if (changed("pending")) root.dataset.pending = state.pending.length;
    if (state.grid) {
      if (state.grid.page !== before.grid?.page) showGrid(state.grid);
      else if (state.grid !== before.grid) pointAt(state.grid);
    } else if (before.grid || changed("current", "connected", "revisiting") || (!state.current && changed("exhausted", "awaited"))) {
      show(state.current);
    }
    if (changed("queue", "grid")) later(decodeAhead);
  }

  function decodeAhead() {
    const near = state.grid ? [] : state.queue.slice(0, DECODE_AHEAD);
    near.forEach(exhibits.of);
    const kept = near.map((card) => card.sample_id);
    exhibits.keepOnly(new Set([...kept, state.current?.sample_id, state.painted, state.history.at(-1)?.sample_id]));
    thumbnails.keepOnly(new Set(state.grid?.cards.map((card) => card.sample_id) ?? []));
  }

  function painted(mine, id, action) {
    afterPaint(() => {
      if (mine !== turns) return;
      if (id === null) root.removeAttribute("data-sample-id");
      else root.setAttribute("data-sample-id", id);
      dispatch(action);
    });
  }

  // The id goes on the root only once the sample has been painted.
  function show(card) {
    const mine = ++turns;
    if (!card) {
      drawWaiting();
      painted(mine, null, { type: "painted", id: null, broken: false });
      return;
    }
    const exhibited = exhibits.of(card);
    exhibited.decoded.then((decoded) => {
      if (mine !== turns) return;
      drawSample(parts, card, exhibited, state.history.find((entry) => entry.event_id === state.revisiting));
      painted(mine, card.sample_id, { type: "painted", id: card.sample_id, broken: !decoded });
    });
  }

  function showGrid(grid) {
    const mine = ++turns;
    if (!grid.cards.length) {
      drawIdle(parts, "One moment", "The next samples are on their way.");
      painted(mine, null, { type: "painted", id: null, broken: false });
      return;
    }
    const { cells, decoded } = gridCells(grid, thumbnails.of);
    decoded.then((broken) => {
      if (mine !== turns) return;
      for (const id of broken) dispatch({ type: "gridToggle", index: grid.cards.findIndex((card) => card.sample_id === id), out: true });
      drawGrid(parts, state.grid, cells());
      painted(mine, state.grid.cards[state.grid.cursor].sample_id, { type: "gridPainted", page: grid.page });
    });
  }

  function pointAt(grid) {
    markGrid(parts, grid);
    if (grid.painted && grid.cards.length) root.setAttribute("data-sample-id", grid.cards[grid.cursor].sample_id);
  }

  function drawWaiting() {
    if (!state.connected) drawIdle(parts, "Waiting for the kernel", `${model.get("_summary")} Run this cell to label.`);
    else if (state.awaited !== null) drawIdle(parts, "Bringing it back", "The sample is on its way.");
    else if (!state.exhausted) drawIdle(parts, "One moment", "The next samples are on their way.");
    else drawIdle(parts, "The queue is empty", "Every sample here has an answer. Thank you.", { type: "lookAgain", name: "Look again" });
  }

  const DOES = {
    choose({ label, index }) {
      const name = label ?? state.classes[index];
      dispatch({ type: state.grid ? "gridRelabel" : "choose", label: name, event_id: newId() });
      stopTyping();
    },
    gridMove({ columns = 0, rows = 0, to }) {
      dispatch({ type: "gridMove", by: columns + rows * columnsOf(parts), to });
    },
    step({ by }) {
      if (parts.stage.classList.contains("dq-zoomed")) parts.stage.scrollBy({ left: by * PAN });
      else dispatch({ type: "step", by });
    },
    zoom: zoomed,
    details: () => (root.dataset.details = root.dataset.details === "open" ? "" : "open"),
    search: () => !parts.search.hidden && parts.search.focus(),
    write: () => state.current && openField(parts.note),
    newClass: () => state.offers.includes("add_class") && openField(parts.fresh),
    rename: () => rename?.(),
    stopTyping,
    leave,
  };

  function act(meant) {
    if (meant.type in DOES) DOES[meant.type](meant);
    else dispatch({ ...meant, event_id: newId() });
  }

  // The picture on the stage is as small as its place; enlarged, it is decoded anew at its full size.
  function zoomed() {
    const card = state.current;
    const full = card && !parts.stage.classList.contains("dq-zoomed") ? exhibits.of(card).full?.() : null;
    if (!full) return zoom(parts);
    return full.decoded.then((decoded) => {
      if (!decoded || state.current !== card) URL.revokeObjectURL(full.url);
      else zoom(parts, full);
    });
  }

  const fields = [parts.note, parts.fresh, parts.search];
  const focused = () => root.getRootNode().activeElement;

  function openField(field) {
    field.hidden = false;
    field.focus();
  }

  function stopTyping() {
    if (fields.includes(focused())) root.focus({ preventScroll: true });
    for (const field of [parts.note, parts.fresh]) {
      field.hidden = true;
      field.value = "";
    }
    dispatch({ type: "endNaming" });
    if (!parts.search.value) return;
    parts.search.value = "";
    redrawClasses();
  }

  function redrawClasses() {
    picked = 0;
    drawClasses(parts, state);
    mark();
  }

  function mark() {
    const past = state.history.find((entry) => entry.event_id === state.revisiting);
    if (state.grid) markClasses(parts, { suggested: state.grid.label });
    else markClasses(parts, { given: state.current?.given ?? null, suggested: state.current?.suggested ?? null, answered: past?.label ?? null });
  }

  // Escape gives the focus back to the notebook's own cell, which hears its keys again.
  function leave() {
    root.blur();
    root.closest(".jp-Cell")?.focus({ preventScroll: true });
  }

  function enterTyped(field) {
    if (field === parts.note) {
      dispatch({ type: "note", text: parts.note.value, event_id: newId() });
      stopTyping();
    } else if (field === parts.fresh) {
      dispatch({ type: "nameClass", text: parts.fresh.value });
      // It stays open while the second Enter is awaited.
      if (state.naming === null) stopTyping();
    } else {
      const hit = parts.classes.querySelectorAll("button")[picked];
      if (hit && parts.search.value.trim()) DOES.choose({ label: hit.dataset.label });
    }
  }

  function pickHit(by) {
    const hits = parts.classes.querySelectorAll("button").length;
    picked = Math.max(0, Math.min(hits - 1, picked + by));
    drawClasses(parts, state, picked);
    mark();
    const hit = parts.classes.querySelector(".dq-picked");
    hit?.scrollIntoView({ block: "nearest" });
    if (hit) parts.live.textContent = hit.dataset.label;
  }

  function hearKey(event) {
    if (event.key !== "Tab") event.stopImmediatePropagation();
    const typing = fields.includes(event.target);
    const onButton = Boolean(event.target.closest?.("button"));
    if (typing && event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      enterTyped(event.target);
      return;
    }
    if (event.target === parts.search && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      pickHit(event.key === "ArrowDown" ? 1 : -1);
      return;
    }
    const meant = intent(event, { classes: state.classes, typing, onButton, grid: Boolean(state.grid), code: typedCode(state) });
    if (!meant || meant.type === "press") return;
    event.preventDefault();
    act(meant);
  }

  root.addEventListener("keydown", hearKey, { capture: true });
  for (const type of ["keyup", "keypress"]) {
    root.addEventListener(type, (event) => event.stopImmediatePropagation(), { capture: true });
  }
  parts.search.addEventListener("input", redrawClasses);
  const stopPointing = pointAtCells(parts.stage, dispatch);

  function hear(message, buffers) {
    const { type } = message;
    if (type === "classes") dispatch({ ...message, mine: message.client === client });
    if (message.client !== client) {
      // Somebody else's answer closes nothing here: where several are wanted, this person is asked all the same.
      if (type === "saved" && (message.annotator ?? annotator) === annotator) dispatch({ type: "elsewhere", sample_id: message.sample_id });
      return;
    }
    if (type === "cards") dispatch({ ...message, cards: withBuffers(message.cards, buffers) });
    else if (type === "welcome") dispatch({ ...message, annotator });
    else if (["saved", "refused", "failed", "trouble", "declined", "team"].includes(type)) dispatch(message);
  }

  model.on("msg:custom", hear);
  if (focus) root.focus({ preventScroll: true });
  show(null);
  dispatch({ type: "restored", answers: store.all() });
  dispatch({ type: "tick" });
  const ticking = setInterval(() => {
    const idle = state.connected && !state.pending.length && state.askedAt === null;
    if (!idle) dispatch({ type: "tick" });
  }, TICK_MS);

  return () => {
    catchUp();
    turns += 1;
    clearInterval(ticking);
    model.off("msg:custom", hear);
    stopPointing();
    root.remove();
    exhibits.keepOnly(new Set());
    thumbnails.keepOnly(new Set());
  };
}
