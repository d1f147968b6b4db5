"""The grid view, the kinds of samples, odd data, and accessibility, in a real JupyterLab."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

SETUP = """
import json
from dataclasses import replace
from memory_queue import MemoryQueue, digit_cards
from dqkit.relabel import Card, Labeler
classes = ["zero", "one", "two"]
cards = digit_cards(30, classes=classes)
queue = MemoryQueue(cards, classes)
def plain(id, media, mime):
    return Card(id, "label", None, None, None, (), media, mime)
"""
SHOW = 'Labeler(queue, annotator="ana")'
EVENTS = "[[e.sample_id, e.kind, e.label] for e in queue.events]"
AXE = os.environ.get("DQKIT_AXE", "")


def start(open_notebook, *cells: str):
    notebook = open_notebook([SETUP, *cells, SHOW])
    notebook.run_all()
    notebook.page.locator(".dqkit-labeler").click(position={"x": 5, "y": 5})
    return notebook


def test_a_grid_page_is_confirmed_without_what_was_taken_out_and_undone_whole(open_notebook):
    notebook = start(open_notebook)
    page = notebook.page
    notebook.painted("s000")
    page.keyboard.press("g")
    page.wait_for_selector(".dq-grid")
    shown = page.locator(".dq-cell")
    assert shown.count() == 10
    assert page.locator(".dq-cell canvas.dq-picture").count() == 10
    notebook.painted("s000")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    notebook.painted("s003")
    page.locator(".dq-cell").nth(4).click()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=8 samples labelled zero")
    notebook.saved()
    zeros = [f"s{i:03d}" for i in range(0, 30, 3)]
    taken = [i for k, i in enumerate(zeros) if k not in (1, 4)]
    assert notebook.evaluate(EVENTS) == [[i, "label", "zero"] for i in taken]
    page.keyboard.press("Backspace")
    page.wait_for_selector("text=8 answers undone")
    notebook.saved()
    assert notebook.evaluate(EVENTS)[8:] == [[i, "undo", None] for i in taken]
    page.wait_for_selector("text=8 samples look like zero")
    page.keyboard.press("2")
    page.wait_for_selector("text=8 samples labelled one")
    notebook.saved()
    assert notebook.evaluate(EVENTS)[16:] == [[i, "label", "one"] for i in taken]


def test_markup_in_a_text_is_shown_as_text_and_never_run(open_notebook):
    notebook = start(
        open_notebook,
        """
        evil = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
        classes = ['<b onmouseover="window.hacked=1">x</b>', "two"]
        card = plain("t1", evil.encode(), "text/plain")
        card = replace(card, reasons=(evil,), given_label=classes[0], votes={evil: 1.0})
        row = json.dumps({evil: evil, "age": 41, "city": None}).encode()
        svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='window.hacked=1'></svg>"
        queue = MemoryQueue([card, plain("t2", row, "application/json"), plain("t3", svg, "image/svg+xml")], classes)
        """.replace("\n        ", "\n"),
    )
    notebook.painted("t1")
    assert notebook.page.locator(".dq-text").inner_text().startswith("<img src=x")
    assert notebook.page.locator(".dq-class").first.inner_text().startswith("1")
    notebook.page.keyboard.press("1")
    notebook.painted("t2")
    assert notebook.page.locator(".dq-row td").all_inner_texts()[1:] == ["41", "missing"]
    notebook.page.keyboard.press("2")
    notebook.painted("t3")
    notebook.page.wait_for_timeout(200)
    assert notebook.page.evaluate("() => window.hacked") is None
    assert notebook.evaluate(EVENTS)[0][2].startswith("<b onmouseover")


def test_a_vanished_or_broken_picture_is_never_labelled_only_skipped_or_flagged(open_notebook):
    notebook = start(
        open_notebook,
        'odd = [plain("gone", b"", "image/png"), plain("bad", b"no png", "image/png")]',
        "queue = MemoryQueue([*odd, cards[0]], classes)",
    )
    for sample_id, key in (("gone", " "), ("bad", "f")):
        notebook.painted(sample_id)
        notebook.page.keyboard.press("1")
        notebook.page.wait_for_selector("text=cannot be labelled")
        notebook.page.keyboard.press(key)
    notebook.painted("s000")
    notebook.saved()
    assert notebook.evaluate(EVENTS) == [["gone", "skip", None], ["bad", "flag", None]]


def test_a_thousand_classes_are_found_by_typing_whatever_their_script(open_notebook):
    notebook = start(
        open_notebook,
        'classes = [f"species {i}" for i in range(997)] + ["🦉 owl", "בית", "snowy owl"]',
        "queue = MemoryQueue(cards, classes)",
    )
    notebook.painted("s000")
    assert notebook.page.locator(".dq-class").count() == 60
    for i, typed in enumerate(["בי", "owl"]):
        notebook.painted(f"s{i:03d}")
        notebook.page.keyboard.press("/")
        notebook.page.keyboard.type(typed)
        notebook.page.keyboard.press("Enter")
    notebook.painted("s002")
    notebook.page.keyboard.press("3")
    notebook.painted("s003")
    notebook.page.keyboard.press("/")
    notebook.page.keyboard.type("species 99")
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "Enter"):
        notebook.page.keyboard.press(key)
    notebook.painted("s004")
    code = notebook.page.locator(".dq-class kbd").nth(40).inner_text()
    assert len(code) == 2
    notebook.page.keyboard.type(code)
    notebook.painted("s005")
    notebook.saved()
    assert [label for _, _, label in notebook.evaluate(EVENTS)] == [
        *("בית", "🦉 owl", "species 2"),
        *("species 990", "species 40"),
    ]


def test_an_empty_queue_says_so_and_undo_still_works(open_notebook):
    notebook = start(open_notebook, "queue = MemoryQueue(cards[:1], classes)")
    notebook.painted("s000")
    notebook.page.keyboard.press("1")
    notebook.page.wait_for_selector("text=The queue is empty")
    assert notebook.page.locator(".dqkit-labeler").get_attribute("data-sample-id") is None
    notebook.page.keyboard.press("1")
    notebook.page.keyboard.press("Backspace")
    notebook.painted("s000")
    notebook.saved()
    assert notebook.evaluate(EVENTS) == [["s000", "label", "zero"], ["s000", "undo", None]]


def test_a_blind_card_shows_no_suggestion_and_enter_takes_none(open_notebook):
    notebook = start(open_notebook, 'queue = MemoryQueue(digit_cards(3, classes=classes, mode="blind"), classes)')
    notebook.painted("s000")
    notebook.page.keyboard.press("Enter")
    notebook.page.wait_for_selector("text=There is no suggestion to take here")
    assert notebook.page.locator(".dq-is-suggested, .dq-is-given, .dq-vote").count() == 0
    assert notebook.evaluate(EVENTS) == []


def test_enter_keeps_or_changes_as_its_button_says_and_k_keeps(open_notebook):
    notebook = start(
        open_notebook,
        """
        keeps = replace(cards[0], suggested_label=cards[0].given_label, sentence="3 of 4 models say one.")
        keeps = replace(keeps, about=("box/a file.png", "train split", "28 x 28 pixels"))
        queue = MemoryQueue([keeps, *cards[1:4]], classes)
        """.replace("\n        ", "\n"),
    )
    page = notebook.page
    notebook.painted("s000")
    assert page.locator(".dq-enter").inner_text().split() == ["Enter", "Keep", "one", "93", "%"]
    said = page.locator(".dq-why").inner_text()
    assert "3 of 4 models say one." in said
    assert "box/a file.png · train split · 28 x 28 pixels" in said
    assert not page.locator(".dq-details").is_visible()
    page.keyboard.press("?")
    assert page.locator(".dq-details .dq-vote").first.is_visible()
    page.keyboard.press("Enter")
    notebook.painted("s001")
    assert page.locator(".dq-enter").inner_text().split() == ["Enter", "Change", "to", "one", "93", "%"]
    assert page.locator(".dq-details").is_visible()
    page.keyboard.press("k")
    notebook.painted("s002")
    page.locator(".dq-enter").click()
    notebook.painted("s003")
    notebook.saved()
    assert notebook.evaluate(EVENTS) == [["s000", "label", "one"], ["s001", "label", "two"], ["s002", "label", "two"]]


def test_rows_of_a_table_say_what_they_speak_for_scroll_and_stand_in_the_grid(open_notebook):
    notebook = start(
        open_notebook,
        """
        def row(i, card):
            cells = {f"column {k}": k + i for k in range(40)}
            near = ((b"column 3 7 and 2 more", "one"),)
            leans = {"column 0": "zero", "column 2": "one"}
            media = json.dumps(cells).encode()
            return replace(card, media=media, mime="application/json", leans=leans, neighbors=near)
        queue = MemoryQueue([row(i, card) for i, card in enumerate(cards)], classes)
        """.replace("\n        ", "\n"),
    )
    page = notebook.page
    notebook.painted("s000")
    lines = page.locator(".dq-row tbody tr")
    assert lines.nth(0).inner_text().split("\t") == ["column 0", "0", "zero"]
    assert lines.nth(1).inner_text().split("\t")[:2] == ["column 1", "1"]
    assert page.locator(".dq-rows").evaluate("(n) => n.scrollHeight > n.clientHeight")
    assert page.locator(".dq-stage").evaluate("(n) => n.scrollHeight <= n.clientHeight")
    assert "column 3 7 and 2 more" in page.locator(".dq-why").inner_text()
    page.keyboard.press("g")
    page.wait_for_selector(".dq-cell")
    assert page.locator(".dq-cell").count() == 10
    assert "column 4 4" in page.locator(".dq-cell").first.inner_text()
    title = page.locator(".dq-grid-title").inner_text().replace("\u00a0", " ")
    assert "93 % of them expected right (a page needs 90 %)" in title
    page.keyboard.press("k")
    page.wait_for_selector("text=10 samples keep their labels")
    notebook.saved()
    assert {label for _, _, label in notebook.evaluate(EVENTS)} == {"one"}


def test_a_past_answer_is_changed_by_going_back_to_it(open_notebook):
    notebook = start(open_notebook)
    for i in range(3):
        notebook.painted(f"s{i:03d}")
        notebook.page.keyboard.press("1")
    notebook.painted("s003")
    notebook.page.locator(".dq-past").nth(1).click()
    notebook.painted("s001")
    notebook.page.keyboard.press("2")
    notebook.painted("s003")
    notebook.page.keyboard.press("n")
    notebook.page.keyboard.type("d d x f 1")
    notebook.page.keyboard.press("Enter")
    notebook.page.wait_for_selector("text=Note kept")
    notebook.saved()
    assert notebook.evaluate(EVENTS)[3:] == [["s001", "undo", None], ["s001", "label", "one"], ["s003", "note", None]]
    assert notebook.evaluate("queue.events[-1].why") == "d d x f 1"


@pytest.mark.skipif(not AXE, reason="DQKIT_AXE does not name axe-core's axe.min.js")
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_in_any_view(open_notebook, theme):
    """The question for a name; a text with cue words, margins and text neighbours; every field; the panel; the grid."""
    notebook = open_notebook(
        [
            SETUP,
            """
            near = ((b"a colder soup", "one"),)
            text = replace(cards[0], media=b"The cold soup", mime="text/plain", cues=("cold",), neighbors=near)
            classes = [*classes, *(f"class {i}" for i in range(9))]
            queue = MemoryQueue([cards[1], replace(text, margins=(0.2, -0.3, -0.1)), *cards[2:]], classes)
            """.replace("\n            ", "\n"),
            "Labeler(queue)",
        ]
    )
    notebook.run_all()
    page = notebook.page
    page.evaluate(
        "async (theme) => await window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme
    )
    page.wait_for_selector(".dq-your-name")
    page.wait_for_timeout(600)
    page.evaluate(Path(AXE).read_text("utf-8"))
    found = violations(notebook)
    page.locator(".dq-your-name").fill("ana")
    page.keyboard.press("Enter")
    notebook.painted("s001")
    page.keyboard.press("1")
    notebook.painted("s000")
    page.keyboard.press("p")
    page.wait_for_selector(".dq-team table")
    page.keyboard.press("n")
    found += violations(notebook)
    page.keyboard.press("Escape")
    page.keyboard.press("+")
    page.keyboard.type("new")
    page.keyboard.press("Enter")
    found += violations(notebook)
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.wait_for_selector(".dq-coded")
    found += violations(notebook)
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.wait_for_selector(".dq-grid")
    page.keyboard.press("x")
    found += violations(notebook)
    page.evaluate(
        """async () => {
            localStorage.removeItem('dqkit/annotator');
            await window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' });
        }"""
    )
    assert found == []


def violations(notebook) -> list[str]:
    result = notebook.page.evaluate("async () => JSON.stringify(await window.axe.run('.dqkit-labeler'))")
    return [
        f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for rule in json.loads(result)["violations"]
        for node in rule["nodes"]
    ]
