"""JupyterLab on a free port and headless Chromium, for every test that drives the widget as a person would."""

from __future__ import annotations

import sys
import uuid
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
def browser_context(playwright, tmp_path_factory: pytest.TempPathFactory):
    """A Chromium with a fresh profile."""
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


@pytest.fixture(scope="session")
def lab_page(jupyterlab: Lab, browser_context):
    """A page that shows the lab, shared by every test that is content with a notebook of its own."""
    page = browser_context.new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{jupyterlab.url}/lab/workspaces/shared")
    page.wait_for_function("() => window.jupyterapp?.started !== undefined")
    page.evaluate("async () => await window.jupyterapp.restored")
    yield page
    page.close()


@pytest.fixture
def open_notebook(jupyterlab: Lab, lab_page):
    """open_notebook(path or cells) copies or writes a notebook into the lab, opens it and gives a `Notebook`.

    Notebooks written from cells share one kernel, which saves its start; a copied one gets its own.
    """
    opened: list[Notebook] = []

    def open_one(what: Path | list[str], *, own_kernel: bool = False) -> Notebook:
        name = what.name if isinstance(what, Path) else f"test-{uuid.uuid4().hex[:8]}.ipynb"
        notebook = Notebook(jupyterlab, lab_page, jupyterlab.put(what, name=name))
        opened.append(notebook)
        notebook.open(own_kernel=own_kernel or isinstance(what, Path))
        return notebook

    yield open_one
    for notebook in opened:
        notebook.close()
