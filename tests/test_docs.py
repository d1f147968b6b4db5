"""Every example in a docstring runs, and what the README shows is what there is."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import dqkit as dq

# Rooms whose public docstrings are in numpydoc sections: those of the reference.
NUMPYDOC = [
    "acquisition",
    "baselines",
    "datasets",
    "export",
    "fiftyone_bridge",
    "findings",
    "near_copies",
    "relabel",
    "report",
    "rounds",
    "signals",
    "store",
    "weak_labels",
    "workbench",
]
# Of numpydoc's checks: no docstring, no summary, a parameter that is missing, unknown or in another order, no Returns.
ASKED = {"GL08", "SS01", "SS03", "PR01", "PR02", "PR03", "RT01"}
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
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
    assert len(used) > 6
    assert [f"{owner}.{name}" for owner, name in sorted(used) if not hasattr(objects[owner], name)] == []


def test_pictures_and_files_the_readme_names_are_there():
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    files = re.findall(r"`((?:dqkit|notebooks|tests|benchmarks|data|docs)/[\w./]+)`", README)
    assert pictures
    assert [name for name in [*pictures, *files] if not (ROOT / name).exists()] == []


def test_every_result_of_the_readme_is_a_line_of_the_benchmarks_and_its_script_is_there():
    """A figure has one source: what the README shows of it stands in the long table too."""
    rows = re.findall(r"^\| (.+) \| `benchmarks/(\w+\.py)` \|$", README, re.MULTILINE)
    assert len(rows) == 6
    lines = RESULTS.splitlines()
    for said, script in rows:
        assert (ROOT / "benchmarks" / script).exists()
        theirs = " ".join(line for line in lines if f"`{script}" in line)
        known = {round(float(number), 1) for number in re.findall(r"\d*\.\d+", theirs)}
        figures = [float(number) for cell in said.split(" | ")[1:] for number in re.findall(r"\d*\.\d+", cell)]
        assert figures
        assert [number for number in figures if round(number, 1) not in known] == []


def test_scripts_named_among_the_results_are_there_and_no_script_is_left_out():
    named = set(re.findall(r"`(\w+\.py)", RESULTS))
    assert [name for name in sorted(named) if not (ROOT / "benchmarks" / name).exists()] == []


def test_make_targets_named_in_the_documents_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for text in [README, *(page.read_text(encoding="utf-8") for page in PAGES)]:
        assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets


def test_files_and_rooms_named_in_the_documents_are_there():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        files = re.findall(r"`((?:dqkit|notebooks|tests|benchmarks|data|docs)/[\w./]+)`", text)
        assert [name for name in files if not (ROOT / name).exists()] == [], page.name


def test_every_guided_notebook_has_a_line_among_the_guides():
    guides = (ROOT / "docs" / "guides" / "index.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\((\d\d_\w+\.ipynb)\)", guides))
    assert named == {file.name for file in (ROOT / "notebooks").glob("*.ipynb")}


def test_the_map_names_every_room_and_no_room_that_is_not_there():
    """Top-level rooms of the package, and the rooms inside them, each with its paragraph."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = {name.rstrip("/") for name in re.findall(r"\*\*`([\w./]+)`\*\*", text)}
    there = {
        file.name
        for file in (ROOT / "dqkit").iterdir()
        if file.name not in ("__init__.py", "py.typed", "__pycache__", "notebooks")
    }
    assert there <= named


def test_the_environments_for_pip_and_conda_say_the_same():
    extras = re.search(r"--editable '\.\[([\w,]+)\]'", (ROOT / "Makefile").read_text())
    assert extras is not None
    conda = (ROOT / "environment.yml").read_text()
    assert f".[{extras.group(1)}]" in conda
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    for name, version in re.findall(r"^\s+- ([\w-]+)==(\S+)$", conda, re.MULTILINE):
        assert pins[name] == version


def public_names(room: str) -> list[str]:
    module = importlib.import_module(f"dqkit.{room}")
    named = {name: getattr(module, name) for name in module.__all__}
    return [
        f"dqkit.{room}.{name}" for name, value in named.items() if inspect.isfunction(value) or inspect.isclass(value)
    ]


@pytest.mark.parametrize("name", [name for room in NUMPYDOC for name in public_names(room)])
def test_public_names_say_each_parameter_and_what_comes_back(name):
    """Functions only: a plain class says its attributes, which numpydoc does not compare with anything."""
    from numpydoc.validate import validate

    room, _, last = name.rpartition(".")
    value = getattr(importlib.import_module(room), last)
    assert value.__doc__
    if inspect.isfunction(value):
        errors = validate(f"{value.__module__}.{last}")["errors"]
        together = "As in" in value.__doc__  # parameters that another function explains are named in one entry
        assert [e for e in errors if e[0] in ASKED - ({"PR01", "PR02", "PR03"} if together else set())] == []


FACADE = sorted(name for name, _ in inspect.getmembers(dq.Workbench, inspect.isroutine) if not name.startswith("_"))


@pytest.mark.parametrize("name", FACADE)
def test_methods_of_the_workbench_say_each_parameter_and_what_comes_back(name):
    from numpydoc.validate import validate

    home = next(base for base in dq.Workbench.__mro__ if name in vars(base))
    errors = validate(f"{home.__module__}.{home.__name__}.{name}")["errors"]
    asked = ASKED - {"PR03"}  # parameters that belong together may share one entry, whatever stands between them
    assert [e for e in errors if e[0] in asked] == []


# Classes of the reference whose methods take arguments of their own. Their docstrings are in sections too.
WITH_METHODS = sorted(
    {
        value
        for room in NUMPYDOC
        for value in vars(importlib.import_module(f"dqkit.{room}")).values()
        if inspect.isclass(value) and value.__module__.startswith("dqkit.")
    }
    | {dq.Dataset, dq.Predictions},
    key=lambda value: value.__qualname__,
)
METHODS = sorted(
    f"{home.__module__}.{home.__qualname__}.{name}"
    for home in {home for value in WITH_METHODS for home in value.__mro__ if home.__module__.startswith("dqkit.")}
    for name, member in vars(home).items()
    if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, classmethod | staticmethod))
)


@pytest.mark.parametrize("name", METHODS)
def test_methods_of_public_classes_say_each_parameter_and_what_comes_back(name):
    from numpydoc.validate import validate

    assert [e for e in validate(name)["errors"] if e[0] in ASKED - {"PR03"}] == []
