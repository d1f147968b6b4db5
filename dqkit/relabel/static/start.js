// Who is labelling? The widget's own name, else the one this browser remembers, else it is asked for once.

import { h } from "./element.js";
import { labelling } from "./labeler.js";
import { rememberedName, rememberName } from "./storage.js";

function askName(el, suggested, done) {
  const field = h("input", { class: "dq-input dq-your-name", type: "text", value: suggested, placeholder: "Your name", "aria-label": "Your name", maxlength: 100 });
  const form = h("form", { class: "dq-ask" },
    h("p", { class: "dq-idle-title" }, "Who is labelling?"),
    h("p", { class: "dq-hint" }, "Your name is written on every answer. This browser remembers it."),
    field, h("button", { class: "dq-command dq-begin", type: "submit" }, "Start labelling"));
  const root = h("div", { class: "dqkit-labeler", role: "group", "aria-label": "Labelling queue", "data-lm-suppress-shortcuts": "true" }, form);
  for (const type of ["keydown", "keyup", "keypress"]) root.addEventListener(type, (event) => event.stopPropagation());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = field.value.trim().replace(/\s+/g, " ");
    if (name) done(name);
    else field.focus();
  });
  el.append(root);
  return () => root.remove();
}

function render({ model, el }) {
  const own = model.get("annotator");
  let stop = null;
  const begin = (annotator, focus) => {
    stop?.();
    stop = labelling({ model, el, annotator, focus, rename: own ? null : () => ask(annotator) });
  };
  const ask = (suggested) => {
    stop?.();
    stop = askName(el, suggested, (name) => {
      rememberName(name);
      begin(name, true);
    });
  };
  const name = own || rememberedName();
  if (name) begin(name, false);
  else ask("");
  return () => stop();
}

export default { render };
