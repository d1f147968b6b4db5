"""Every example in a docstring runs, and what the README shows is what there is."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

import dqkit as dq

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
EXAMPLE = re.compile(r"^\s*>>> (?!.*doctest: \+SKIP)", re.MULTILINE)  # one that needs a database is skipped
WITH_EXAMPLES = [f for f in sorted((ROOT / "dqkit").rglob("*.py")) if EXAMPLE.search(f.read_text())]


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("file", WITH_EXAMPLES, ids=module_name)
def test_examples_in_docstrings_run(file):
    module = importlib.import_module(module_name(file))
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0


def test_python_in_the_readme_uses_names_that_exist():
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    tree = ast.parse("\n".join(blocks))
    objects = {"dq": dq, "wb": dq.Workbench, "rnd": dq.Round}
    used = {
        (node.value.id, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in objects
    }
    assert len(used) > 8
    assert [f"{owner}.{name}" for owner, name in sorted(used) if not hasattr(objects[owner], name)] == []


def test_pictures_and_files_the_readme_names_are_there():
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    files = re.findall(r"`((?:dqkit|notebooks|tests|benchmarks|data)/[\w./]+)`", README)
    assert pictures
    assert [name for name in [*pictures, *files] if not (ROOT / name).exists()] == []


def test_make_targets_named_in_the_readme_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", README)) <= targets


def test_the_environments_for_pip_and_conda_say_the_same():
    extras = re.search(r"--editable '\.\[([\w,]+)\]'", (ROOT / "Makefile").read_text())
    assert extras is not None
    conda = (ROOT / "environment.yml").read_text()
    assert f".[{extras.group(1)}]" in conda
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    for name, version in re.findall(r"^\s+- ([\w-]+)==(\S+)$", conda, re.MULTILINE):
        assert pins[name] == version
