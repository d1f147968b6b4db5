"""The labelling widget in a real JupyterLab, driven from the keyboard."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

SETUP = """
from memory_queue import MemoryQueue, digit_cards
from dqkit.relabel import Labeler
classes = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
queue = MemoryQueue(digit_cards(40, classes=classes), classes)
"""
SHOW = 'Labeler(queue, annotator="ana", key="test")'
EVENTS = "[[e.sample_id, e.kind, e.label] for e in queue.events]"


def test_ten_samples_labelled_by_key_are_ten_durable_events(open_notebook):
    notebook = open_notebook([SETUP, SHOW])
    notebook.run_all()
    notebook.labeler().click()
    for i in range(10):
        notebook.painted(f"s{i:03d}")
        notebook.page.keyboard.press("1234567890"[i])
    notebook.painted("s010")
    notebook.saved()
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert notebook.evaluate(EVENTS) == [[f"s{i:03d}", "label", names[i]] for i in range(10)]


def cell_sources(notebook) -> list[str]:
    return notebook.page.evaluate(
        "() => [...window.jupyterapp.shell.currentWidget.content.model.cells].map((c) => c.sharedModel.source)"
    )


def mode(notebook) -> str:
    return notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.mode")


def test_with_the_widget_focused_no_key_reaches_the_notebook(open_notebook):
    notebook = open_notebook([SETUP, SHOW, "'last'"])
    notebook.run_all()
    before = cell_sources(notebook)
    notebook.labeler().click()
    notebook.painted("s000")
    for key in [
        "d",
        "d",
        "a",
        "b",
        "x",
        "m",
        "y",
        "z",
        "Shift+M",
        "j",
        "k",
        "ArrowDown",
        "ArrowUp",
        "c",
        "v",
        "r",
        "l",
        "h",
    ]:
        notebook.page.keyboard.press(key)
    for key in ["Control+Enter", "Shift+Enter", "Alt+Enter", "Control+s", "0", "0", "i", "i"]:
        notebook.page.keyboard.press(key)
    assert mode(notebook) == "command"
    notebook.page.keyboard.press("Enter")
    notebook.page.wait_for_timeout(500)
    assert cell_sources(notebook) == before
    assert mode(notebook) == "command"
    assert notebook.page.evaluate("() => document.activeElement.className").startswith("dqkit-labeler")
    assert notebook.page.locator(".jp-Dialog").count() == 0


def test_escape_gives_the_keys_back_to_the_notebook(open_notebook):
    notebook = open_notebook([SETUP, SHOW, "'last'"])
    notebook.run_all()
    notebook.labeler().click()
    notebook.page.keyboard.press("Escape")
    assert not notebook.page.evaluate("() => document.activeElement.closest('.dqkit-labeler')")
    before = len(cell_sources(notebook))
    notebook.page.keyboard.press("b")
    notebook.page.wait_for_function(
        "(n) => window.jupyterapp.shell.currentWidget.content.model.cells.length === n", arg=before + 1
    )


def test_a_burst_of_keys_loses_nothing_that_was_painted_and_labels_nothing_unpainted(open_notebook):
    """The page notes at every key which sample is painted; the journal must hold exactly those answers."""
    notebook = open_notebook([SETUP, SHOW])
    notebook.run_all()
    notebook.labeler().click()
    notebook.page.evaluate(
        """async () => {
            const root = document.querySelector('.dqkit-labeler');
            window.pressed = [];
            for (let i = 0; i < 30; i++) {
                window.pressed.push(root.dataset.sampleId);
                root.dispatchEvent(new KeyboardEvent('keydown', { key: '3', bubbles: true, cancelable: true }));
                await new Promise((done) => setTimeout(done, 50));
            }
        }"""
    )
    notebook.saved()
    pressed = notebook.page.evaluate("() => window.pressed")
    recorded = [sample for sample, kind, label in notebook.evaluate(EVENTS)]
    assert recorded == list(dict.fromkeys(pressed))
    assert len(recorded) == len(set(recorded))


def test_skip_flag_suggestion_and_undo_are_events_of_their_own(open_notebook):
    notebook = open_notebook([SETUP, SHOW])
    notebook.run_all()
    notebook.labeler().click()
    for i, key in enumerate([" ", "f", "Enter", "4"]):
        notebook.painted(f"s{i:03d}")
        notebook.page.keyboard.press(key)
    for i in (3, 2):
        notebook.painted(f"s{i + 1:03d}")
        notebook.page.keyboard.press("Backspace")
        notebook.painted(f"s{i:03d}")
    notebook.page.keyboard.press("1")
    notebook.painted("s003")
    notebook.saved()
    assert notebook.evaluate(EVENTS) == [
        ["s000", "skip", None],
        ["s001", "flag", None],
        ["s002", "label", "two"],
        ["s003", "label", "three"],
        ["s003", "undo", None],
        ["s002", "undo", None],
        ["s002", "label", "zero"],
    ]


def test_a_refused_answer_brings_the_card_back_with_the_reason(open_notebook):
    notebook = open_notebook([SETUP, 'queue.refuse.add("s000")', SHOW])
    notebook.run_all()
    notebook.labeler().click()
    notebook.page.keyboard.press("1")
    notebook.page.wait_for_selector("text=the sample s000 is closed")
    notebook.painted("s000")
    assert notebook.evaluate(EVENTS) == []


def test_two_views_of_one_queue_do_not_ask_for_the_same_sample_twice(open_notebook):
    """The sample on screen in both views may be answered in both; what waits behind it is dropped in the other."""
    notebook = open_notebook([SETUP, f"widget = {SHOW}", "widget", "widget"])
    notebook.run_all()
    first, second = notebook.page.locator(".dqkit-labeler").all()
    first.click()
    for i in range(3):
        notebook.page.wait_for_selector(f'.dqkit-labeler[data-sample-id="s{i:03d}"]')
        notebook.page.wait_for_timeout(100)
        notebook.page.keyboard.press("1")
    notebook.page.wait_for_selector('.dqkit-labeler[data-sample-id="s003"]')
    notebook.page.wait_for_timeout(300)
    second.click()
    notebook.page.keyboard.press("2")
    notebook.page.wait_for_function(
        "() => document.querySelectorAll('.dqkit-labeler')[1].dataset.sampleId === 's003'", timeout=5000
    )


REGISTERED = "[type(w).__name__ for w in __import__('ipywidgets').widgets.widget._instances.values()].count('Labeler')"


def test_a_cell_that_is_run_again_or_deleted_lets_its_widget_go(open_notebook):
    notebook = open_notebook([SETUP, SHOW, SHOW], own_kernel=True)  # others leave their widgets in the shared one
    notebook.run_all()
    assert notebook.evaluate(REGISTERED) == 2
    for _ in range(4):
        notebook.run_cells(1)
    assert notebook.evaluate(REGISTERED) == 2
    notebook.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 2; }")
    notebook.command("notebook:delete-cell")
    notebook.run_cells(1)
    assert notebook.evaluate(REGISTERED) == 1
    notebook.labeler().click()
    notebook.painted("s000")
    notebook.page.keyboard.press("1")
    notebook.saved()
    assert notebook.evaluate(EVENTS) == [["s000", "label", "zero"]]
