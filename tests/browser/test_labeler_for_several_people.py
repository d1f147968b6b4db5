"""One workbench, two people, two real kernels; names, new classes, gold questions and the panel of annotators."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import dqkit as dq

pytestmark = pytest.mark.browser

SHOW = """
import dqkit as dq
wb = dq.Workbench.open({path!r})
wb.labeler({options})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A workbench of twelve-class pictures with a queue of forty."""
    rng = np.random.default_rng(0)
    truth = np.arange(120) % 12
    images = (rng.integers(0, 40, size=(120, 6, 6)) + 17 * truth[:, None, None]).astype(np.uint8)
    classes = [f"bird {name}" for name in "abcdefghij"] + ["snowy owl", "sea eagle"]
    path = tmp_path_factory.mktemp("people") / "wb"
    with dq.Workbench.create(path, dq.from_arrays(images, truth, classes=classes)) as bench:
        bench.run_round(budget=40, estimators={"plain": LogisticRegression()}, progress=False, audit_share=0)
    return path


def start(open_notebook, path, options):
    notebook = open_notebook([SHOW.format(path=str(path), options=options)], own_kernel=True)
    notebook.run_all()
    return notebook


def answer(notebook, *keys):
    """Press one key a sample, each once its sample is painted; the ids that were answered."""
    root = notebook.labeler()
    root.click(position={"x": 5, "y": 5})
    done = []
    for key in keys:
        done.append(root.get_attribute("data-sample-id"))
        notebook.page.keyboard.press(key)
        notebook.page.wait_for_function(
            "(id) => document.querySelector('.dqkit-labeler').dataset.sampleId !== id", arg=done[-1]
        )
    notebook.saved()
    return done


def test_two_people_in_two_kernels_share_a_queue_and_then_check_each_other(open_notebook, browser_context, folder):
    """First nobody gets what the other has; with an overlap of two, both get the same, the other's label hidden."""
    first = start(open_notebook, folder, 'annotator="ana"')
    mine = answer(first, "Enter", "Enter", "Enter")
    other_page = browser_context.new_page()
    other_page.set_default_timeout(30_000)
    try:
        from lab import Notebook

        cells = [SHOW.format(path=str(folder), options='annotator="bob"')]
        second = Notebook(first.lab, other_page, first.lab.put(cells, name="bob.ipynb"))
        second.open()
        second.run_all()
        theirs = answer(second, "1", "Enter", "Enter")
        assert not set(mine) & set(theirs)
        with dq.Workbench.open(folder) as bench:
            events = bench.store.events()
            assert events.groupby("annotator")["sample_id"].apply(list).to_dict() == {"ana": mine, "bob": theirs}
            bench.store.release("ana")
            bench.store.release("bob")
            bench.store.overlap(2)
            assert bench.store.progress() == (6, 80)
        second.run_all()
        root = second.labeler()
        assert root.get_attribute("data-sample-id") == mine[0]
        assert other_page.locator(".dq-action").inner_text() == "Second opinion"
        assert "hidden until you answer" in other_page.locator(".dq-why").inner_text()
        answer(second, "2")
        assert "ana said" in other_page.locator(".dq-notice").inner_text()
        other_page.keyboard.press("p")
        other_page.wait_for_selector(".dq-team table")
        panel = other_page.locator(".dq-team").inner_text()
        assert "Fleiss' kappa" in panel
        assert "ana and bob" in panel
        second.close()
    finally:
        other_page.close()


def test_a_name_is_asked_for_once_a_class_is_added_and_codes_choose(open_notebook, folder):
    notebook = start(open_notebook, folder, "")
    page = notebook.page
    page.locator(".dq-your-name").fill(" cy ")
    page.keyboard.press("Enter")
    root = notebook.labeler()
    first = root.get_attribute("data-sample-id")
    page.keyboard.press("s")
    page.wait_for_selector(".dq-coded")
    page.keyboard.press("o")
    page.wait_for_function("(id) => document.querySelector('.dqkit-labeler').dataset.sampleId !== id", arg=first)
    second = root.get_attribute("data-sample-id")
    for name in ("SNOWY  owl", "barn owl"):
        page.keyboard.press("+")
        page.keyboard.type(name)
        page.keyboard.press("Enter")
    page.wait_for_selector("text=Enter again adds it")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=The class “barn owl” is there now: press b o")
    page.keyboard.press("b")
    page.keyboard.press("o")
    page.wait_for_function("(id) => document.querySelector('.dqkit-labeler').dataset.sampleId !== id", arg=second)
    notebook.saved()
    with dq.Workbench.open(folder) as bench:
        events = bench.store.events().query("annotator == 'cy'")
        assert events[["sample_id", "label"]].to_numpy().tolist() == [[first, "snowy owl"], [second, "barn owl"]]
        assert bench.dataset.classes[-2:] == ("sea eagle", "barn owl")
    notebook.run_all()
    assert notebook.labeler().locator(".dq-who").inner_text() == "cy"
    page.locator("button.dq-who").click()
    assert page.locator(".dq-your-name").input_value() == "cy"
    page.evaluate("() => localStorage.removeItem('dqkit/annotator')")


def test_a_wrong_answer_to_a_gold_question_is_met_with_a_gentle_notice(open_notebook, folder):
    with dq.Workbench.open(folder) as bench:
        queued = set(bench.rounds[-1].queue["sample_id"])
        asked_for_sure = next(i for i in bench.dataset.ids if i not in queued)
    notebook = start(open_notebook, folder, f'annotator="dora", gold={{{asked_for_sure!r}: "sea eagle"}}')
    asked = answer(notebook, *["1"] * 6)
    assert asked[5] == asked_for_sure
    notebook.page.wait_for_selector("text=That was a gold question. Its answer is sea eagle")
    with dq.Workbench.open(folder) as bench:
        assert asked_for_sure not in set(bench.store.events()["sample_id"])
        assert bench.agreement().annotators.loc["dora", ["known", "known_right"]].tolist() == [1, 0]
        bench.labeler(gold={})
