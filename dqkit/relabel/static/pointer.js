// A click takes a cell of the grid out or in; a drag does the same to every cell it passes.

/** Listens on the stage; returns what stops it. */
export function pointAtCells(stage, dispatch) {
  let dragging = null;
  const cellOf = (event) => event.target.closest?.(".dq-cell");
  const toggle = (cell, out) => dispatch({ type: "gridToggle", index: Number(cell.dataset.index), out });
  stage.addEventListener("pointerdown", (event) => {
    const cell = cellOf(event);
    if (!cell) return;
    dragging = !cell.classList.contains("dq-out");
    toggle(cell, dragging);
  });
  stage.addEventListener("pointerover", (event) => {
    const cell = cellOf(event);
    if (cell && dragging !== null && event.buttons === 1) toggle(cell, dragging);
  });
  const drop = () => (dragging = null);
  document.addEventListener("pointerup", drop);
  return () => document.removeEventListener("pointerup", drop);
}
