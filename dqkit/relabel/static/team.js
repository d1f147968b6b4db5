// The panel of annotators: how far they agree, and how good each one's answers are.

import { h } from "./element.js";

const TABLES = [
  ["people", ["Annotator", "Answers", "Agrees", "Quality", "Gold right"]],
  ["pairs", ["Two people", "Shared", "Agree", "Cohen's kappa"]],
  ["classes", ["Class", "Answers", "Kappa"]],
];

export function drawTeam(parts, team) {
  parts.team.hidden = team === null;
  if (team === null) return;
  if (team === "asked") {
    parts.team.replaceChildren(h("p", { class: "dq-hint" }, "Asking the kernel …"));
    return;
  }
  const tables = TABLES.filter(([name]) => team[name].length).map(([name, heads]) => tableOf(heads, team[name]));
  const how = team.method && team.people.length ? h("p", { class: "dq-hint" }, `Quality: ${team.method}. Kappa: 1 is full agreement, 0 what chance gives.`) : null;
  parts.team.replaceChildren(h("p", { class: "dq-team-head" }, team.headline), h("div", { class: "dq-team-tables", tabindex: 0, role: "group", "aria-label": "Figures" }, ...tables), how ?? "");
}

function tableOf(heads, rows) {
  const cells = (row) => row.map((text, i) => (i === 0 ? h("th", { scope: "row", dir: "auto" }, text) : h("td", {}, text)));
  return h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, ...rows.map((row) => h("tr", {}, ...cells(row)))));
}
