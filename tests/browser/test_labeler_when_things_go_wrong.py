"""The labelling widget while the kernel is busy, after a reload of the page and after a restart of the kernel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
KEYS = "1234567890"
SETUP = """
import time
from memory_queue import MemoryQueue, digit_cards
from dqkit.relabel import Labeler
classes = {names!r}
queue = MemoryQueue(digit_cards(60, classes=classes), classes, path={path!r})
"""
SHOW = 'Labeler(queue, annotator="ana", key={key!r})'
BUSY = "start = time.time()\ntime.sleep({seconds})\nduring = len(queue.events)"


def setup(path: Path) -> list[str]:
    return [SETUP.format(names=NAMES, path=str(path)), SHOW.format(key=str(path))]


def events(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [(event["sample_id"], event["label"] or event["kind"]) for event in map(json.loads, lines)]


def expected(n: int) -> list[tuple[str, str]]:
    return [(f"s{i:03d}", NAMES[i % 10]) for i in range(n)]


def label(notebook, start: int, stop: int) -> None:
    for i in range(start, stop):
        notebook.painted(f"s{i:03d}")
        notebook.page.keyboard.press(KEYS[i % 10])
    notebook.painted(f"s{stop:03d}")


def all_saved(notebook, *, timeout: float = 30) -> None:
    notebook.saved(timeout=timeout)


@pytest.mark.parametrize("subshells", [True, False], ids=["comms over subshells", "comms wait for the cell"])
def test_labelling_goes_on_while_a_cell_runs_and_nothing_is_lost(open_notebook, tmp_path, subshells):
    path = tmp_path / "events.jsonl"
    notebook = open_notebook([*setup(path), BUSY.format(seconds=5)])
    notebook.comms_over_subshells(subshells)
    notebook.run_cells(0, 1)
    notebook.labeler().click()
    notebook.run_cell(2)
    notebook.labeler().click()
    notebook.page.wait_for_timeout(500)
    label(notebook, 0, 12)
    if not subshells:
        notebook.page.wait_for_selector("text=12 not saved yet")
        assert events(path) == []
    all_saved(notebook)
    notebook.wait_for_kernel()
    assert events(path) == expected(12)
    assert notebook.evaluate("during") == (12 if subshells else 0)


def test_a_reload_of_the_page_goes_on_at_the_right_sample(open_notebook, tmp_path):
    path = tmp_path / "events.jsonl"
    notebook = open_notebook(setup(path), own_kernel=True)
    notebook.run_all()
    notebook.labeler().click()
    label(notebook, 0, 5)
    all_saved(notebook)
    notebook.save()
    notebook.reload()
    notebook.painted("s005", timeout=30)
    notebook.labeler().click()
    label(notebook, 5, 8)
    for i in (7, 6, 5, 4, 3):
        notebook.page.keyboard.press("Backspace")
        notebook.painted(f"s{i:03d}")
    all_saved(notebook)
    undone = [(f"s{i:03d}", "undo") for i in (7, 6, 5, 4, 3)]
    assert events(path) == expected(8) + undone


def test_answers_that_wait_for_a_busy_kernel_survive_a_reload(open_notebook, tmp_path):
    """Nobody runs the cell again: the widget comes back when the kernel is free, and sends what it had kept."""
    path = tmp_path / "events.jsonl"
    notebook = open_notebook([*setup(path), BUSY.format(seconds=8)], own_kernel=True)
    notebook.comms_over_subshells(False)
    notebook.run_cells(0, 1)
    notebook.labeler().click()
    notebook.save()
    notebook.run_cell(2)
    notebook.labeler().click()
    notebook.page.wait_for_timeout(500)
    label(notebook, 0, 4)
    assert events(path) == []
    notebook.reload()
    notebook.painted("s004", timeout=40)
    all_saved(notebook)
    assert events(path) == expected(4)


def test_answers_that_a_killed_kernel_never_saw_are_recorded_after_its_restart(open_notebook, tmp_path):
    path = tmp_path / "events.jsonl"
    notebook = open_notebook([*setup(path), BUSY.format(seconds=60)], own_kernel=True)
    notebook.comms_over_subshells(False)
    notebook.run_cells(0, 1)
    notebook.labeler().click()
    label(notebook, 0, 3)
    all_saved(notebook)
    notebook.run_cell(2)
    notebook.labeler().click()
    notebook.page.wait_for_timeout(500)
    label(notebook, 3, 7)
    notebook.page.wait_for_selector("text=4 not saved yet")
    notebook.restart_kernel()
    notebook.page.wait_for_selector("text=4 not saved yet")
    notebook.run_cells(0, 1)
    notebook.painted("s007", timeout=30)
    all_saved(notebook)
    assert events(path) == expected(7)
    notebook.labeler().click()
    label(notebook, 7, 9)
    all_saved(notebook)
    assert events(path) == expected(9)
