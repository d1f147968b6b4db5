"""The quickstart notebook as a person meets it: opened in JupyterLab, labelled from the keyboard."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

import dqkit as dq

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"


def code_cells_up_to_the_widget() -> list[int]:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    widget = next(i for i, cell in enumerate(cells) if cell.cell_type == "code" and "wb.labeler(" in cell.source)
    return [i for i in range(widget + 1) if cells[i].cell_type == "code"]


def test_ten_samples_labelled_by_key_in_the_quickstart_are_in_the_journal(open_notebook):
    notebook = open_notebook(NOTEBOOK)
    notebook.page.set_default_timeout(240_000)
    notebook.run_cells(*code_cells_up_to_the_widget())
    folder = notebook.lab.root / "work" / "digits"
    with dq.Workbench.open(folder) as wb:
        queue = wb.rounds[-1].queue["sample_id"].tolist()
        classes = wb.dataset.classes
        notebook.labeler().click()
        for i in range(10):
            notebook.painted(queue[i])
            notebook.page.keyboard.press("1234567890"[i])
        notebook.painted(queue[10])
        notebook.page.wait_for_selector("text=All saved")
        events = wb.store.events()
        assert events["sample_id"].tolist() == queue[:10]
        assert events["label"].tolist() == list(classes)
        assert set(events["source"]) == {"human"}
        notebook.page.keyboard.press("Backspace")
        notebook.painted(queue[9])
        notebook.page.wait_for_selector("text=All saved")
        assert len(wb.open_queue()) == len(queue) - 9
    notebook.page.screenshot(path=str(notebook.lab.root / "quickstart.png"))
