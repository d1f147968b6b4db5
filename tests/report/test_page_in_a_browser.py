"""The page as Chromium shows it. Set DQKIT_AXE to axe-core's axe.min.js to have accessibility checked by it too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_the_page_fits_its_window_asks_for_nothing_and_does_not_complain(
    browser: Any, address: str, width: int
) -> None:
    page, heard = open_page(browser, address, width=width)
    page.evaluate("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
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


@pytest.mark.skipif(not AXE, reason="DQKIT_AXE does not name axe-core's axe.min.js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 1280])
def test_axe_finds_nothing(browser: Any, address: str, scheme: str, width: int) -> None:
    page, _ = open_page(browser, address, scheme=scheme, width=width)
    page.evaluate(Path(AXE or "").read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])")
    assert found == []
    page.context.close()
