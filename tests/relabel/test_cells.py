"""Widgets whose cells are gone are let go."""

from __future__ import annotations

import pytest

from dqkit.relabel import cells
from dqkit.relabel.cells import Cells


class Widget:
    """Remembers that it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def notebook(monkeypatch):
    """Runs a cell, as a front end says it, that shows a widget."""
    cells_of, run = Cells(), iter(range(1, 100))

    def show(widget, cell, *deleted):
        told = {"cellId": cell, "deletedCells": list(deleted)} if cell else {}
        running = (next(run), told)
        monkeypatch.setattr(cells, "_running", lambda: running)
        cells_of.add(widget)

    return show


def test_a_widget_is_let_go_when_its_cell_was_run_again(notebook):
    widgets = [Widget() for _ in range(20)]
    for widget in widgets:
        notebook(widget, "a")
    assert [widget.closed for widget in widgets] == [True] * 19 + [False]


def test_a_widget_is_let_go_when_its_cell_was_deleted(notebook):
    first, second = Widget(), Widget()
    notebook(first, "a")
    notebook(second, "b", "a")
    assert (first.closed, second.closed) == (True, False)


def test_a_widget_that_another_cell_still_shows_stays(notebook):
    first, second = Widget(), Widget()
    notebook(first, "a")
    notebook(first, "b")
    notebook(second, "a")
    assert not first.closed
    notebook(Widget(), "b")
    assert first.closed


def test_the_same_widget_shown_again_by_its_cell_stays(notebook):
    first = Widget()
    notebook(first, "a")
    notebook(first, "a")
    assert not first.closed


def test_where_the_front_end_names_no_cells_every_widget_stays(notebook):
    first, second = Widget(), Widget()
    notebook(first, None)
    notebook(second, None)
    assert not first.closed
    assert not second.closed
