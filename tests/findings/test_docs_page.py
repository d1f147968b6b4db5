"""The page on findings shows code that runs and prints what it says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from dqkit.findings import CHECKS
from dqkit.findings import registry as registry_file

PAGE = (Path(__file__).parents[2] / "docs" / "findings.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _nothing_is_left_registered():
    yield
    registry_file._registered.clear()


def test_the_examples_run_and_print_what_the_page_shows() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    shown = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 3
    said = io.StringIO()
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(said):
        for block in blocks:
            exec(compile(block, "docs/findings.md", "exec"), names)
    assert said.getvalue() == shown[0]
    own = names["find"](names["Audit"].of(names["ds"]))[-1]  # type: ignore[operator,attr-defined]
    assert (own.name, own.status) == ("longest_class", "ok")
    # "What is it?" and "Tell me." have 11 and 8 characters, "Who was it?" has 11.
    assert own.metrics == {"spread": 1.5}


def test_the_number_of_checks_is_right() -> None:
    assert len(CHECKS) == 17
    assert "has seventeen of its own" in PAGE
