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
    notebook.page.wait_for_selector("text=All saved")
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert notebook.evaluate(EVENTS) == [[f"s{i:03d}", "label", names[i]] for i in range(10)]
