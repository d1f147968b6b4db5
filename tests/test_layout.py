"""The order of the stages, read from the imports themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dqkit"
# A stage may import from the stages before it and from no other.
ORDER = [
    "console",
    "bars",
    "errors",
    "later",
    "checks",
    "guard",
    "records",
    "files",
    "arrays",
    "near_copies",
    "export",
    "datasets",
    "store",
    "baselines",
    "signals",
    "findings",
    "acquisition",
    "weak_labels",
    "rounds",
    "relabel",
    "fiftyone_bridge",
    "report",
    "workbench",
    "commands",
    "cli",
]
# These know arrays and `records`, nothing else of dqkit, so that they can be used alone.
PURE = {"near_copies", "export", "signals", "acquisition", "weak_labels"}
HEAVY = ("torch", "fiftyone", "cleanlab", "snorkel", "sklearn", "anywidget", "matplotlib", "transformers", "pandas")
FORBIDDEN_NAMES = {"utils", "util", "core", "manager", "base", "helpers", "helper", "misc", "common"}
FILES = sorted(PACKAGE.rglob("*.py"))
# Folders whose files may import each other in a circle: none.
CIRCLES_LEFT: set[str] = set()
# Public functions that a user calls with keywords; every option has a name of its own there. Nothing else has so many.
MOST_PARAMETERS = 8
FACADE = {
    "dqkit.acquisition.stopping.stopping",
    "dqkit.acquisition.strategies.selection.select",
    "dqkit.baselines.cross_validation.cross_val_predictions",
    "dqkit.datasets.arrays.from_arrays",
    "dqkit.datasets.table.from_table",
    "dqkit.fiftyone_bridge.samples.push",
    "dqkit.report.assemble.health",
    "dqkit.workbench.bench.run_round",
    "dqkit.workbench.exchange.export",
}


def stage_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_stages(file: Path) -> set[str]:
    """The stages a file imports from, wherever in the file; imports for type checkers only do not count."""
    tree = ast.parse(file.read_text())
    typing_only = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    package = ["dqkit", *file.relative_to(PACKAGE).parts[:-1]]
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [module] if module != "dqkit" else [f"dqkit.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("dqkit.")}
    return found


def module_of(file: Path) -> str:
    return ".".join(["dqkit", *file.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


def imported_files(file: Path, modules: set[str]) -> set[str]:
    """The modules that a file imports from, wherever in the file, imports for type checkers too."""
    package = ["dqkit", *file.relative_to(PACKAGE).parts[:-1]]
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            inside = {f"{module}.{alias.name}" for alias in node.names}
            found |= inside & modules or {module}
    return (found & modules) - {module_of(file)}


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that all reach each other through imports: Tarjan's strongly connected components of two
    modules or more."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    waiting: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        waiting.append(name)
        for other in sorted(imports[name]):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in waiting:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            group = waiting[waiting.index(name) :]
            del waiting[waiting.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(imports):
        if name not in order:
            visit(name)
    return sorted(found)


def parameters_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many parameters a caller may pass; self and cls are none of them."""
    plain = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len(plain) + len(function.args.kwonlyargs) - (plain[:1] in (["self"], ["cls"]))


def test_circles_are_found_by_hand_made_imports():
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": {"f"}, "f": {"e"}}) == [
        ["a", "b", "c"],
        ["e", "f"],
    ]


def test_no_two_files_import_each_other_directly_or_through_others():
    modules = {module_of(file) for file in FILES}
    found = circles({module_of(file): imported_files(file, modules) for file in FILES})
    allowed = [circle for circle in found if {".".join(name.split(".")[:2]) for name in circle} <= CIRCLES_LEFT]
    assert [circle for circle in found if circle not in allowed] == []


def test_no_function_outside_the_facade_has_more_than_eight_parameters():
    many = {
        f"{module_of(file)}.{node.name}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and parameters_of(node) > MOST_PARAMETERS
    }
    assert sorted(many - FACADE) == []


def test_the_facade_holds_public_names_with_many_keywords_and_nothing_else():
    import importlib

    import dqkit

    for name in FACADE:
        module, _, function = name.rpartition(".")
        room = importlib.import_module(".".join(module.split(".")[:2]))
        assert function in room.__all__ or hasattr(dqkit.Workbench, function), name
        home = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
        (node,) = (
            node
            for node in ast.walk(ast.parse(home.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef) and node.name == function
        )
        assert parameters_of(node) > MOST_PARAMETERS, name


def test_there_are_files_to_check():
    assert {stage_of(file) for file in FILES} - {"__init__"} == set(ORDER)


@pytest.mark.parametrize(
    "file", [f for f in FILES if stage_of(f) != "__init__"], ids=lambda f: str(f.relative_to(ROOT))
)
def test_imports_go_one_way(file):
    stage = stage_of(file)
    allowed = set(ORDER[: ORDER.index(stage) + 1])
    if stage in PURE:
        allowed = {"bars", "errors", "checks", "records", "files", "arrays", "near_copies", stage}
    assert imported_stages(file) - {"__version__"} <= allowed


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_files_have_plain_names_and_a_readable_length(file):
    assert file.stem not in FORBIDDEN_NAMES
    assert file.stem not in sys.stdlib_module_names - {"__init__"}
    assert len(file.read_text().splitlines()) <= 400


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_dqkit_loads_nothing_heavy():
    loaded = fresh("import sys, dqkit; print(' '.join(sys.modules))").split()
    assert not set(HEAVY) & set(loaded)


def test_importing_dqkit_costs_less_than_half_a_second_of_cpu():
    """CPU time of the import alone, the best of three, so that a busy machine does not decide."""
    costs = [
        float(fresh("import time; t = time.process_time(); import dqkit; print(time.process_time() - t)"))
        for _ in "abc"
    ]
    assert min(costs) < 0.5


def test_every_public_name_can_be_reached_and_an_unknown_one_is_refused():
    import dqkit

    assert all(getattr(dqkit, name) is not None for name in dqkit.__all__)
    assert set(dqkit.__all__) <= set(dir(dqkit))
    with pytest.raises(AttributeError, match="nothing_here"):
        getattr(dqkit, "nothing_" + "here")
