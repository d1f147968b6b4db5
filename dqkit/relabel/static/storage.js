// The page's memory of answers that are not durable yet, one item each, so that two pages never overwrite one another.

// crypto.randomUUID exists on secure origins only; a notebook server is often plain http.
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const NAME = "dqkit/annotator";

export function rememberedName() {
  try {
    return window.localStorage.getItem(NAME) ?? "";
  } catch (error) {
    console.warn("dqkit: no storage in this frame; the name is asked for each time", error);
    return "";
  }
}

export function rememberName(name) {
  try {
    window.localStorage.setItem(NAME, name);
  } catch (error) {
    console.warn("dqkit: no storage in this frame; the name is asked for each time", error);
  }
}

export function answerStore(prefix) {
  let storage = null;
  try {
    storage = prefix.startsWith("dqkit-once/") ? window.sessionStorage : window.localStorage;
  } catch (error) {
    console.warn("dqkit: no storage in this frame; answers that are not saved live as long as the page", error);
  }
  const name = (id) => `${prefix}/${id}`;
  let order = 0;
  return {
    keep(answer) {
      try {
        storage?.setItem(name(answer.event_id), JSON.stringify({ at: Date.now(), order: ++order, answer }));
      } catch (error) {
        console.warn("dqkit: the page's storage is full; the answer is sent all the same", error);
      }
    },
    forget(id) {
      storage?.removeItem(name(id));
    },
    all() {
      return Object.keys(storage ?? {})
        .filter((item) => item.startsWith(`${prefix}/`))
        .map((item) => JSON.parse(storage.getItem(item)))
        .sort((a, b) => a.at - b.at || a.order - b.order)
        .map((kept) => kept.answer);
    },
  };
}
