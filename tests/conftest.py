"""What several folders of tests share."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

from tests import postgres as postgres_server
from tests.browser.lab import CHROMIUM


def together(nodeid: str) -> str:
    """What shares a process: tests of one server (a mongod, a JupyterLab); a notebook goes by itself, a file in one."""
    file = nodeid.split("::")[0]
    if "/fiftyone_bridge/" in file:
        return "fiftyone"
    if "/browser/" in file:
        return "jupyterlab"
    return nodeid if "/notebooks/" in file else file


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Servers and notebooks begin, so that no process is left waiting for them at the end."""
    items.sort(key=lambda item: together(item.nodeid) == item.nodeid.split("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out what belongs together as one piece, whatever --dist says. (The groups of pytest-xdist 3.8 have no effect
    under pytest 9.)
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByServer(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    return ByServer(config, log)


@pytest.fixture(autouse=True)
def _words_alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are judged by their words, as without the sentence encoder; tests of the encoder itself have it."""
    if request.node.get_closest_marker("sentence_encoder") is None:
        monkeypatch.setattr("dqkit.baselines.embedding.texts.PACKAGE", "no_such_package_of_a_sentence_encoder")


@pytest.fixture(scope="session")
def playwright():
    """Playwright, once for all: a second one cannot start while the first is running."""
    if shutil.which(CHROMIUM) is None:
        # Where the browser is promised, a test that cannot run has failed.
        refuse = pytest.fail if os.environ.get("DQKIT_REQUIRE_BROWSER") else pytest.skip
        refuse(f"{CHROMIUM} is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for all tests; see tests/postgres.py."""
    reason = postgres_server.why_not()
    if reason is not None:
        # Where the server is promised, a test that cannot run has failed.
        refuse = pytest.fail if os.environ.get("DQKIT_REQUIRE_POSTGRES") else pytest.skip
        refuse(reason)
    server = postgres_server.Server(postgres_server.programs())
    yield server
    server.remove()
