"""The page as Chromium shows it. Set DQKIT_AXE to axe-core's axe.min.js to have accessibility checked by it too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqkit.report import health, render, write
from tests.browser.lab import CHROMIUM, CHROMIUM_FLAGS
from tests.report.pets import make_dataset, make_inputs

AXE = os.environ.get("DQKIT_AXE")

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report on disk that holds every section, a failed one included."""
    dataset, inputs = make_dataset(), make_inputs()
    inputs["predictions"].baselines["model"] = ["chance", "ensemble"]
    inputs["predictions"].baselines["accuracy"] = [1 / 3, 0.9]
    found = health(dataset, **inputs, title="Pets", description="Twelve animals.", tags=["small"])
    del found["sections"]["outliers"]["samples"]
    page, _ = write(tmp_path_factory.mktemp("report") / "health.html", found, render(found, dataset))
    return page.as_uri()


@pytest.fixture(scope="module")
def browser(playwright: Any) -> Iterator[Any]:
    launched = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(CHROMIUM_FLAGS))
    yield launched
    launched.close()


def open_page(browser: Any, address: str, *, width: int = 1280, scheme: str = "light") -> tuple[Any, list[str]]:
    """The page, and what it asked for beside itself or complained about."""
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    heard: list[str] = []
    page.on("request", lambda r: heard.append(r.url) if r.url != address and not r.url.startswith("data:") else None)
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(address)
    return page, heard


@pytest.mark.parametrize("width", [320, 400, 768, 1100, 1280])
def test_the_page_fits_its_window_asks_for_nothing_and_does_not_complain(
    browser: Any, address: str, width: int
) -> None:
    page, heard = open_page(browser, address, width=width)
    page.wait_for_function("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert heard == []
    page.context.close()


def test_light_and_dark_follow_the_reader(browser: Any, address: str) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        page, _ = open_page(browser, address, scheme=scheme)
        grounds[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.context.close()
    assert grounds == {"light": "rgb(248, 247, 244)", "dark": "rgb(19, 22, 25)"}


def test_the_contents_lead_to_every_section_and_a_failed_one_shows_its_error(browser: Any, address: str) -> None:
    page, _ = open_page(browser, address)
    for link in page.locator("nav a").all():
        assert page.locator(link.get_attribute("href") or "").count() == 1
    assert "could not be made" in page.locator("#outliers").inner_text()
    assert page.locator("#duplicates img").count() == 4
    page.context.close()


def test_tiny_pictures_are_enlarged_without_blur(browser: Any, address: str) -> None:
    page, _ = open_page(browser, address)
    shown = page.locator("#duplicates img").first
    assert shown.evaluate("i => getComputedStyle(i).imageRendering") == "pixelated"
    assert shown.evaluate("i => i.clientWidth") >= 60
    page.context.close()


def test_it_prints(browser: Any, address: str) -> None:
    page, _ = open_page(browser, address)
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("#balance table").is_visible()
    page.context.close()


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report on sixteen classes with long names."""
    names = ("cat", "dog", "owl", *(f"long-sleeved shirt of kind {i}" for i in range(13)))
    inputs = make_inputs()
    inputs["summary"]["label_errors"] |= {"noise_matrix": np.full((16, 16), 1 / 16).tolist(), "classes": names}
    inputs.pop("predictions")
    dataset = make_dataset(classes=names)
    found = health(dataset, **inputs, title="Wide")
    page, _ = write(tmp_path_factory.mktemp("wide") / "health.html", found, render(found, dataset))
    return page.as_uri()


# Boxes of headings and table cells that leave their region, or their window where they are in none.
CUT = """() => [...document.querySelectorAll('h1, h2, h3, caption, figcaption, th, td, .heat span:not(.hidden)')]
  .filter(e => e.getBoundingClientRect().width > 0 && !e.closest('.hidden'))
  .filter(e => {
    const box = e.getBoundingClientRect(), around = e.closest('.scroll');
    const held = around ? around.getBoundingClientRect() : {left: 0, right: document.documentElement.clientWidth};
    return box.right > held.right + 1 || box.left < held.left - 1;
  }).map(e => e.textContent)"""


@pytest.mark.parametrize("width", [1100, 1280])
def test_no_heading_and_no_cell_of_the_noise_matrix_is_cut_off(browser: Any, wide: str, width: int) -> None:
    page, _ = open_page(browser, wide, width=width)
    assert page.locator(".heat tbody tr").count() == 16
    assert page.evaluate(CUT) == []
    page.context.close()


def test_on_a_telephone_the_noise_matrix_scrolls_and_the_page_does_not(browser: Any, wide: str) -> None:
    page, _ = open_page(browser, wide, width=400)
    region = page.locator(".scroll:has(.heat)")
    assert region.evaluate("e => e.scrollWidth > e.clientWidth")
    region.evaluate("e => e.scrollTo(e.scrollWidth, 0)")
    last, held = page.locator(".heat thead th").last.bounding_box(), region.bounding_box()
    assert last is not None
    assert held is not None
    assert last["x"] + last["width"] <= held["x"] + held["width"] + 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.context.close()


def test_a_printed_page_of_paper_width_cuts_nothing_off(browser: Any, wide: str) -> None:
    page, _ = open_page(browser, wide, width=718)  # A4 less its margins, at 96 dots an inch
    page.emulate_media(media="print")
    assert page.evaluate(CUT) == []
    page.context.close()


def test_pictures_far_below_the_window_are_there_without_scrolling(browser: Any, address: str) -> None:
    page, _ = open_page(browser, address)
    assert page.locator("img").count() > 10
    assert page.locator("img[loading]").count() == 0
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    page.context.close()


@pytest.mark.skipif(not AXE, reason="DQKIT_AXE does not name axe-core's axe.min.js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 1280])
def test_axe_finds_nothing(browser: Any, address: str, scheme: str, width: int) -> None:
    page, _ = open_page(browser, address, scheme=scheme, width=width)
    page.evaluate(Path(AXE or "").read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])")
    assert found == []
    page.context.close()
