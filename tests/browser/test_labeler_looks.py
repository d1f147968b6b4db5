"""What is seen: sizes that hold still, tiny and huge pictures, zoom, cue words, a page twice as large, less motion."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

SETUP = """
import io, json
import numpy as np
from dataclasses import replace
from PIL import Image
from memory_queue import MemoryQueue, digit_cards
from dqkit.relabel import Card, Labeler
classes = ["zero", "one", "two"]
cards = digit_cards(30, classes=classes)
def picture(width, height, format="PNG"):
    out = io.BytesIO()
    Image.fromarray((np.indices((height, width)).sum(axis=0) % 251).astype(np.uint8)).save(out, format)
    return out.getvalue()
"""
SHOW = 'Labeler(queue, annotator="ana")'
BOX = "(node) => { const r = node.getBoundingClientRect(); return [r.width, r.height]; }"
TOPS = """() => {
    const top = (node) => node.getBoundingClientRect().top;
    const parts = [...document.querySelectorAll('.dq-stage, .dq-classes, .dq-commands, .dq-strip')];
    return parts.map((node) => Math.round(top(node) - top(document.querySelector('.dqkit-labeler'))));
}"""


def start(open_notebook, *cells: str):
    notebook = open_notebook([SETUP, *cells, SHOW])
    notebook.run_all()
    notebook.page.locator(".dqkit-labeler").click(position={"x": 5, "y": 5})
    return notebook


def box(notebook) -> list[float]:
    return notebook.page.locator(".dq-stage .dq-picture").evaluate(BOX)


def test_nothing_jumps_from_sample_to_sample_and_every_picture_fits_the_stage(open_notebook):
    notebook = start(
        open_notebook,
        """
        sizes = [(28, 28), (1, 1), (3000, 40), (900, 700), (160, 20)]
        odd = [replace(card, media=picture(*size)) for card, size in zip(cards, sizes)]
        odd[3] = replace(odd[3], reasons=tuple(f"reason {i}" for i in range(30)))
        queue = MemoryQueue([*odd, *cards[5:]], classes)
        """.replace("\n        ", "\n"),
    )
    page = notebook.page
    seen, tops = [], []
    for i in range(5):
        notebook.painted(f"s{i:03d}")
        seen.append(box(notebook))
        tops.append(page.evaluate(TOPS))
        stage = page.locator(".dq-stage").evaluate(BOX)
        assert stage[1] == 400
        assert seen[-1][0] <= stage[0] - 24
        assert seen[-1][1] <= 376
        assert page.locator(".dq-stage").evaluate("(n) => n.scrollHeight <= n.clientHeight")
        page.keyboard.press("1")
    assert seen[0] == [308, 308]  # eleven times 28
    assert seen[1] == [320, 320]
    assert seen[4] == [320, 40]
    assert all(top == tops[0] for top in tops)


def test_a_large_picture_is_shrunk_to_the_stage_and_zoom_shows_every_pixel_of_it(open_notebook):
    notebook = start(
        open_notebook,
        'large = replace(cards[0], media=picture(2000, 1500, "JPEG"), mime="image/jpeg")',
        "queue = MemoryQueue([large, *cards[1:]], classes)",
    )
    page = notebook.page
    notebook.painted("s000")
    canvas = page.locator(".dq-stage canvas").evaluate("(node) => [node.width, node.height]")
    assert canvas[0] < 600
    page.keyboard.press("z")
    page.wait_for_selector(".dq-zoomed img")
    assert box(notebook) == [2000, 1500]
    before = page.locator(".dq-stage").evaluate("(node) => node.scrollLeft")
    page.keyboard.press("ArrowRight")
    assert page.locator(".dq-stage").evaluate("(node) => node.scrollLeft") > before
    page.keyboard.press("z")
    page.wait_for_selector(".dq-stage canvas")
    page.keyboard.press("z")
    page.wait_for_selector(".dq-zoomed img")
    page.keyboard.press("1")
    notebook.painted("s001")
    assert page.locator(".dq-zoomed").count() == 0


def test_a_picture_of_twenty_thousand_pixels_a_side_is_shown_smaller(open_notebook):
    notebook = start(
        open_notebook,
        "queue = MemoryQueue([replace(cards[0], media=picture(20_000, 300)), *cards[1:]], classes)",
    )
    notebook.painted("s000")
    width, height = box(notebook)
    assert width / height == pytest.approx(20_000 / 300, rel=0.1)


def test_cue_words_are_marked_in_a_text_and_stay_text(open_notebook):
    notebook = start(
        open_notebook,
        """
        text = "The <b>Soup</b> was cold, the soup's waiter <script>cold</script>; naïve café, 寒い."
        card = replace(cards[0], media=text.encode(), mime="text/plain", cues=("cold", "soup", "café", "b"))
        near = ((b"<i>cold</i> soup", "one"), ("a café".encode(), None))
        card = replace(card, margins=(0.5, -0.1, -0.4), neighbors=near)
        queue = MemoryQueue([card, *cards[1:]], classes)
        """.replace("\n        ", "\n"),
    )
    page = notebook.page
    notebook.painted("s000")
    assert page.locator(".dq-text .dq-cue").all_inner_texts() == ["Soup", "cold", "cold", "café"]
    assert (
        page.locator(".dq-text")
        .inner_text()
        .startswith("The <b>Soup</b> was cold, the soup's waiter <script>cold</script>")
    )
    assert page.locator(".dq-text b, .dq-text script, .dq-neighbors i").count() == 0
    assert "Marked words speak for zero" in page.locator(".dq-why").inner_text()
    assert page.locator(".dq-neighbor-text").all_inner_texts() == ["one\n<i>cold</i> soup", "no label\na café"]
    assert page.locator(".dq-margins").get_attribute("aria-label") == "It lost in 2 of 3 epochs; last margin -0.40."


def test_at_twice_the_size_nothing_runs_off_the_page_and_motion_can_be_stilled(open_notebook):
    """200 % zoom of a 1280-pixel window is a window of 640 pixels at two device pixels each."""
    notebook = start(open_notebook, "queue = MemoryQueue(cards, classes)")
    page = notebook.page
    notebook.painted("s000")
    assert page.locator(".dq-meter-fill").evaluate("(node) => getComputedStyle(node).transitionDuration") != "0s"
    page.emulate_media(reduced_motion="reduce")
    assert page.locator(".dq-meter-fill").evaluate("(node) => getComputedStyle(node).transitionDuration") == "0s"
    page.emulate_media(reduced_motion="no-preference")
    root = page.locator(".dqkit-labeler")
    # In place of a window: the widget's own width, as the page beside it takes its share.
    for width in (640, 420, 320):
        root.evaluate("(node, width) => { node.style.width = `${width}px`; }", width)
        for key in ("g", "g"):
            page.keyboard.press(key)
            page.wait_for_timeout(150)
            assert root.evaluate("(node) => node.scrollWidth <= node.clientWidth"), (width, key)
    said = page.locator(".dq-live")
    assert said.get_attribute("aria-live") == "polite"
    page.keyboard.press("1")
    page.wait_for_function("() => document.querySelector('.dq-live').textContent.startsWith('Sample 2 of 30')")


def test_a_drag_takes_a_row_of_the_grid_out_and_a_second_one_takes_it_back(open_notebook):
    notebook = start(open_notebook, "queue = MemoryQueue(cards, classes)")
    page = notebook.page
    notebook.painted("s000")
    page.keyboard.press("g")
    page.wait_for_selector(".dq-cell")
    cells = page.locator(".dq-cell")
    for taken in (4, 0):
        for i in range(4):
            middle = cells.nth(i).bounding_box()
            page.mouse.move(middle["x"] + 20, middle["y"] + 20)
            if i == 0:
                page.mouse.down()
        page.mouse.up()
        assert page.locator(".dq-cell.dq-out").count() == taken
    assert cells.first.get_attribute("aria-selected") == "true"
