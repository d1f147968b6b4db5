// The queue panel of the FiftyOne App: the notebook's labeller in a React frame, its messages carried by an operator.
// `open_app` puts the labeller's own script (as `labeler`) and the styles (as `STYLE`) in front of this file.

const OPERATOR = "@dqkit/relabel/queue_messages";
const GATHER_MS = 15; // answers given within it travel together
const REFRESH_MS = 1500; // after the last answer the grid beside is brought up to date
const LOOK_MS = 1500; // a server that is gone is looked for this often
const NAME = "dqkit/annotator";
const { React } = window;
const h = React.createElement;

// One per tab, and the same after a reload: what the tab held is dealt to it again.
function tabId() {
  const known = window.sessionStorage.getItem("dqkit/tab");
  if (known) return known;
  const made = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  window.sessionStorage.setItem("dqkit/tab", made);
  return made;
}

async function exchange(dataset, annotator, messages) {
  const params = { tab: tabId(), annotator, messages };
  const post = window.__fou__.getFetchFunction();
  const answer = await post("POST", "/operators/execute", { operator_uri: OPERATOR, dataset_name: dataset, params });
  const trouble = answer.error_message ?? answer.error ?? answer.result?.error;
  if (trouble) throw new Error(trouble);
  return answer.result;
}

// --- a server that is gone

const storageOf = (dataset) => `dqkit-fiftyone/${dataset}`;
const unsaved = (dataset) => Object.keys(window.localStorage).filter((name) => name.startsWith(`${storageOf(dataset)}/`)).length;

async function isServed() {
  try {
    await window.__fou__.getFetchFunction()("GET", "/fiftyone");
    return true;
  } catch (error) {
    console.warn("dqkit: FiftyOne's App does not answer", error);
    return false;
  }
}

function lostText(dataset) {
  const left = unsaved(dataset);
  const kept = left ? `${left} ${left === 1 ? "answer is" : "answers are"} not saved yet: kept in this browser, sent when it runs again.` : "Every answer is saved.";
  return `FiftyOne's App is not running any more. ${kept} Run wb.open_fiftyone(port=${window.location.port || 80}) in the notebook; this page then goes on by itself.`;
}

/** A bar over the whole page, which a screen reader says at once. */
function barOver(text, name) {
  const style = "position:fixed;top:0;left:0;right:0;z-index:2147483647;padding:12px 16px;font:600 14px/1.4 sans-serif;text-align:center;color:#fff;background:#b3261e";
  const bar = Object.assign(document.createElement("div"), { className: name, style, textContent: text });
  bar.setAttribute("role", "alert");
  document.body.append(bar);
  return bar;
}

let lookout = null; // the timer while the server is gone

/** Without an answer from the server, a bar says so until there is one; the queue then comes back by itself. */
async function lookForServer(dataset) {
  if (lookout || await isServed() || lookout) return;
  const bar = barOver(lostText(dataset), "dqkit-lost");
  lookout = setInterval(async () => {
    const text = lostText(dataset);
    if (bar.textContent !== text) bar.textContent = text; // said again only when it changed
    if (!lookout || !(await isServed())) return;
    clearInterval(lookout);
    lookout = null;
    bar.remove();
    // The App took the panel away with the server. The new one knows what to show.
    if (!document.querySelector(".dqkit-panel")) window.location.reload();
  }, LOOK_MS);
}

// --- an edit that FiftyOne refused

/** FiftyOne's own editor shows a label as changed that the server refused, because the sample was changed meanwhile. */
function watchRefusals() {
  const refused = (entry) => entry.responseStatus === 412 && entry.name.includes("/sample/");
  new PerformanceObserver((list) => {
    if (!list.getEntries().some(refused) || document.querySelector(".dqkit-refused")) return;
    const bar = barOver("That change was not saved: the sample was changed elsewhere meanwhile. Close the sample and open it again. ", "dqkit-refused");
    const close = Object.assign(document.createElement("button"), { textContent: "Close", style: "margin-left:12px;font:inherit", onclick: () => bar.remove() });
    bar.append(close);
  }).observe({ type: "resource" });
}

// --- the queue

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

/** What the labeller takes for its model in the notebook: the same messages, gathered and sent through the operator. */
function remoteModel(dataset, annotator, onSaved) {
  const settings = { annotator, _storage: storageOf(dataset), _prefetch: 24, _summary: "" };
  const hearers = new Set();
  let waiting = [];
  let timer = null;
  let busy = false;

  const tell = (message, buffers = []) => hearers.forEach((hear) => hear(message, buffers));

  async function flush() {
    timer = null;
    if (busy || !waiting.length) return;
    const sent = waiting;
    waiting = [];
    busy = true;
    try {
      const { replies } = await exchange(dataset, annotator, sent);
      for (const { message, buffers } of replies) tell(message, buffers.map((part) => new DataView(bytesOf(part).buffer)));
      if (replies.some(({ message }) => message.type === "saved" && message.event_id)) onSaved();
    } catch (error) {
      // The labeller keeps what is not saved and sends it again; here it only learns why.
      for (const { type, client, answer, ask } of sent) {
        const text = `FiftyOne does not answer (${error.message ?? error})`;
        if (type === "answer") tell({ type: "failed", client, event_id: answer.event_id, message: text });
        if (type === "want") tell({ type: "trouble", client, ask, message: text });
      }
      lookForServer(dataset);
    } finally {
      busy = false;
      if (waiting.length) timer ??= setTimeout(flush, GATHER_MS);
    }
  }

  return {
    get: (name) => settings[name],
    on: (_, hear) => hearers.add(hear),
    off: (_, hear) => hearers.delete(hear),
    send(message) {
      waiting.push(message);
      timer ??= setTimeout(flush, GATHER_MS);
    },
  };
}

// The grid keeps showing the old state until it is told. It is told once the person pauses, not at every answer.
function refresher() {
  let timer = null;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => window.__foo__.executeOperator("reload_dataset", {}), REFRESH_MS);
  };
}

function NameForm({ suggested, onName }) {
  const [name, setName] = React.useState(suggested);
  const submit = (event) => {
    event.preventDefault();
    if (name.trim()) onName(name.trim());
  };
  return h("form", { className: "dqp-who", onSubmit: submit },
    h("h2", null, "Who is labelling?"),
    h("p", null, "Your name is written on every answer. It stays in this browser and in your database."),
    h("div", { className: "dqp-row" },
      h("input", { value: name, autoFocus: true, placeholder: "Your name", "aria-label": "Your name", onChange: (event) => setName(event.target.value) }),
      h("button", { type: "submit", disabled: !name.trim() }, "Start labelling")));
}

function Queue({ dataset, annotator }) {
  const place = React.useRef(null);
  React.useEffect(() => {
    const stop = labeler.render({ model: remoteModel(dataset, annotator, refresher()), el: place.current });
    const root = place.current.firstChild;
    if (!document.activeElement || document.activeElement === document.body) root.focus({ preventScroll: true });
    return () => {
      stop();
      root.remove();
      lookForServer(dataset);
    };
  }, [dataset, annotator]);
  return h("div", { ref: place });
}

function QueuePanel() {
  const dataset = window.recoil.useRecoilValue(window.__fos__.datasetName);
  const [annotator, setAnnotator] = React.useState(() => window.localStorage.getItem(NAME) ?? "");
  const [known, setKnown] = React.useState(null);
  const [editing, setEditing] = React.useState(false);

  // Also wakes the operator, so that the first answer does not wait for FiftyOne to load it.
  React.useEffect(() => {
    let here = true;
    exchange(dataset, "", []).then(
      (result) => here && setKnown({ suggested: result.annotator }),
      (error) => here && setKnown({ trouble: String(error.message ?? error) }),
    );
    return () => {
      here = false;
    };
  }, [dataset]);

  const take = (name) => {
    window.localStorage.setItem(NAME, name);
    setAnnotator(name);
    setEditing(false);
  };
  let content;
  if (!known) content = h("p", { className: "dqp-hint" }, "Opening the queue…");
  else if (known.trouble) content = h("p", { className: "dqp-hint", role: "alert" }, known.trouble);
  else if (!annotator || editing) content = h(NameForm, { suggested: annotator || known.suggested || "", onName: take });
  else {
    content = h(React.Fragment, null,
      h(Queue, { dataset, annotator }),
      h("button", { type: "button", className: "dqp-link", onClick: () => setEditing(true) }, `Not ${annotator}?`));
  }
  return h("div", { className: "dqkit-panel" }, h("style", null, STYLE), content);
}

/** Workers of the App (they read the frames of a video) make requests of their own, with the headers that it tells them. */
function admitWorkers() {
  const { getFetchParameters, setFetchFunction } = window.__fou__;
  const key = window.localStorage.getItem("dqkit/key");
  if (!key || !getFetchParameters || !setFetchFunction) return;
  const { origin, headers, pathPrefix } = getFetchParameters();
  setFetchFunction(origin, { ...headers, "x-dqkit-key": key }, pathPrefix);
}

watchRefusals();
admitWorkers();

window.__fop__.registerComponent({
  name: "DqkitQueue",
  label: "Labelling queue",
  component: QueuePanel,
  type: 2, // a panel
  Icon: ({ size = 16, style = {} }) => h("svg", { width: size, height: size, viewBox: "0 0 16 16", style, "aria-hidden": true },
    h("path", { d: "M2 3h7v1.5H2zM2 7h7v1.5H2zM2 11h4v1.5H2zM8.2 11.6l1-1 1.6 1.6 3.3-3.6 1.1 1-4.4 4.7z", fill: "currentColor" })),
  panelOptions: { allowDuplicates: false, category: "curate", surfaces: "grid" },
});
