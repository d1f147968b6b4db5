"""What several folders of tests share."""

from __future__ import annotations

import os
import shutil

import pytest

from tests import postgres as postgres_server
from tests.browser.lab import CHROMIUM


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
