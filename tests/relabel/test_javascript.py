"""The widget's JavaScript, run by node's own test runner, and the one module that reaches the page."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dqkit.relabel.labeler import SCRIPTS, script, stylesheet

HERE = Path(__file__).parent
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


@needs_node
def test_the_reducer_and_the_keys_pass_their_node_tests():
    run = subprocess.run(["node", "--test", "state.test.mjs"], cwd=HERE, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr


@needs_node
def test_the_joined_module_parses_and_imports_nothing(tmp_path):
    joined = tmp_path / "labeler.mjs"
    joined.write_text(script())
    run = subprocess.run(["node", "--check", joined], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert not [line for line in script().splitlines() if line.startswith("import ")]
    assert [line for line in script().splitlines() if line.startswith("export ")] == ["export default { render };"]


def test_no_text_from_data_can_become_markup():
    folder = Path(__import__("dqkit.relabel").relabel.__file__).parent / "static"
    for name in SCRIPTS:
        source = (folder / name).read_text("utf-8")
        for hole in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert hole not in source, (name, hole)


def test_the_stylesheet_follows_the_notebook_theme_and_never_loads_anything():
    css = stylesheet()
    assert "--jp-layout-color1" in css
    assert "prefers-reduced-motion" in css
    assert "url(" not in css
    assert "@import" not in css
