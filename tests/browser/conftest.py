"""JupyterLab on a free port and headless Chromium, for every test that drives the widget as a person would."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lab import CHROMIUM, CHROMIUM_FLAGS, Lab, Notebook


@pytest.fixture(scope="session")
def jupyterlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab without a token: `.url`, and `.root`, the folder it shows."""
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def browser_context(tmp_path_factory: pytest.TempPathFactory):
    """A Chromium with a fresh profile."""
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"{CHROMIUM} is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("chromium"),
            executable_path=CHROMIUM,
            headless=True,
            args=list(CHROMIUM_FLAGS),
            viewport={"width": 1280, "height": 1000},
        )
        yield context
        context.close()


@pytest.fixture
def browser_page(browser_context):
    """An empty page; it is closed after the test."""
    page = browser_context.new_page()
    page.set_default_timeout(30_000)
    yield page
    page.close()


@pytest.fixture
def open_notebook(jupyterlab: Lab, browser_page):
    """open_notebook(path or cells) copies or writes a notebook into the lab, opens it and gives a `Notebook`."""
    opened: list[Notebook] = []

    def open_one(what: Path | list[str], *, name: str = "test.ipynb") -> Notebook:
        notebook = Notebook(jupyterlab, browser_page, jupyterlab.put(what, name=name))
        opened.append(notebook)
        notebook.open()
        return notebook

    yield open_one
    for notebook in opened:
        notebook.shut_down()
