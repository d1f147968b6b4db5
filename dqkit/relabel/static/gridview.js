// Draws a page of samples that share one suggestion.

import { count, h, percent } from "./element.js";
import { BOUND, expected } from "./grid.js";
import { markClasses } from "./view.js";

// The fewer cells, the larger: [up to so many, pixels].
const TEXT_SIZE = 180;
const SIZES = [[16, 120], [32, 96], [Infinity, 72]];

/** The page's cells, not yet in the document, and a promise of the sample ids that could not be decoded. */
export function gridCells(grid, exhibitOf) {
  const made = grid.cards.map((card) => ({ card, shown: exhibitOf(card) }));
  const decoded = Promise.all(made.map(({ shown }) => shown.decoded)).then((all) => made.filter((_, i) => !all[i]).map(({ card }) => card.sample_id));
  const cells = () =>
    made.map(({ card, shown }, index) => {
      const given = card.given ?? "no label";
      const name = h("span", { class: "dq-cell-name", dir: "auto" }, given);
      return h("div", { class: "dq-cell", role: "option", "data-index": index, id: `dq-cell-${index}` }, h("div", { class: "dq-cell-picture" }, shown.node), name, h("span", { class: "dq-cell-mark", "aria-hidden": "true" }));
    });
  return { cells, decoded };
}

export function drawGrid(parts, grid, cells) {
  const texts = grid.cards.some((card) => !card.mime.startsWith("image/"));
  const list = h("div", { class: "dq-grid", role: "listbox", tabindex: 0, "aria-multiselectable": "true", "aria-label": `Samples that look like ${grid.label}` }, ...cells);
  list.style.setProperty("--dq-cell", `${texts ? TEXT_SIZE : SIZES.find(([most]) => cells.length <= most)[1]}px`);
  parts.stage.replaceChildren(h("p", { class: "dq-grid-title" }, ...title(grid)), list);
  parts.why.replaceChildren();
  parts.action.textContent = "Check together";
  markClasses(parts, { suggested: grid.label });
  markGrid(parts, grid);
}

function title(grid) {
  const given = new Map();
  for (const card of grid.cards) given.set(card.given, (given.get(card.given) ?? 0) + 1);
  const most = [...given].sort(([, a], [, b]) => b - a).slice(0, 4);
  const parts = most.map(([name, n]) => (name === null ? `${count(n)} without a label` : `${count(n)} given ${name}`));
  const sure = `${percent(expected(grid.cards))} of them expected right (a page needs ${percent(BOUND)})`;
  return [h("strong", {}, `${count(grid.cards.length)} samples look like ${grid.label}`), h("span", { class: "dq-hint" }, sure), h("span", { class: "dq-hint" }, `${parts.join(" · ")}${given.size > 4 ? " …" : ""}`)];
}

/** The cursor and what is taken out; cells stay where they are. */
export function markGrid(parts, grid) {
  const out = new Set(grid.excluded);
  for (const cell of parts.stage.querySelectorAll(".dq-cell")) {
    const index = Number(cell.dataset.index);
    const card = grid.cards[index];
    const excluded = out.has(card.sample_id);
    cell.classList.toggle("dq-out", excluded);
    cell.classList.toggle("dq-cursor", index === grid.cursor);
    cell.setAttribute("aria-selected", String(!excluded));
    cell.setAttribute("aria-label", `given ${card.given ?? "no label"}${excluded ? ", taken out" : ""}`);
    cell.lastChild.textContent = excluded ? "✕" : "";
    if (index === grid.cursor) cell.scrollIntoView({ block: "nearest" });
  }
}

/** How many cells stand in a row. */
export function columnsOf(parts) {
  const cells = [...parts.stage.querySelectorAll(".dq-cell")];
  const below = cells.findIndex((cell) => cell.offsetTop > cells[0].offsetTop);
  return below < 0 ? Math.max(1, cells.length) : below;
}
