"""What several folders of tests share."""

from __future__ import annotations

import os
import shutil

import pytest

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
