"""What `pip install dqkit` brings, and that the built wheel works by itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib.metadata import requires
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
OPTIONAL = {
    "datasets", "fiftyone", "jupyter-server", "jupyterlab", "marimo", "mypy", "nbconvert", "notebook", "playwright",
    "protobuf", "pydantic", "pytest", "requests", "skorch", "snorkel", "sphinx", "tensorboard", "transformers",
}  # fmt: skip
# PYTHONPATH would lead back to the checkout.
OUTSIDE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
SHIPPED = (".py", ".js", ".css", ".html", ".json", ".npz", ".typed")


def installed_by(wanted: list[str]) -> set[str]:
    """The names of all packages that these requirements pull in, as the installed packages declare them."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in wanted]
    while waiting:
        one = waiting.pop()
        name = one.name.lower().replace("_", "-")
        marks = [{"extra": extra} for extra in (*one.extras, "")]
        if one.marker is not None and not any(one.marker.evaluate(mark) for mark in marks):
            continue
        key = f"{name}[{','.join(sorted(one.extras))}]" if one.extras else name
        if key in found:
            continue
        found.add(key)
        for text in requires(name) or []:
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate(mark) for mark in marks):
                needed.marker = None
                waiting.append(needed)
    return {key.split("[")[0] for key in found}


def test_a_bare_install_is_lean():
    """No notebook server, no FiftyOne, no Snorkel, no TensorBoard: what only some people use is an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    brought = installed_by(project["dependencies"])
    assert {"numpy", "torch", "cleanlab", "anywidget"} <= brought
    assert brought & OPTIONAL == set()
    assert len(brought) < 70, sorted(brought)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built from a copy, so that no earlier build can put anything into it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    left_out = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for name in ("dqkit", "notebooks"):
        shutil.copytree(ROOT / name, source / name, ignore=left_out)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(source)], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of a new environment that holds the wheel; its dependencies come from this one, dqkit does not."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, str(wheel)], check=True, env=OUTSIDE)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    said = subprocess.run([python, "-c", where], check=True, env=OUTSIDE, capture_output=True, text=True)
    (Path(said.stdout.strip()) / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return scripts


def run(environment: Path, command: str, *arguments: str, cwd: Path) -> str:
    """What a command of the new environment prints."""
    call = [environment / command, *arguments]
    done = subprocess.run(call, cwd=cwd, env=OUTSIDE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package_and_the_notebooks(wheel: Path):
    inside = set(zipfile.ZipFile(wheel).namelist())
    files = [f for f in (ROOT / "dqkit").rglob("*") if f.suffix in SHIPPED and "__pycache__" not in f.parts]
    wanted = {f.relative_to(ROOT).as_posix() for f in files} | {"dqkit/py.typed"}
    wanted |= {f"dqkit/notebooks/{f.name}" for f in (ROOT / "notebooks").glob("*.ipynb")}
    assert len(wanted) > 150
    assert sorted(wanted - inside) == []


@pytest.mark.slow
def test_the_installed_wheel_audits_a_table(environment: Path, tmp_path: Path):
    where = run(environment, "python", "-c", "import dqkit; print(dqkit.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(environment.parent)
    rng = np.random.default_rng(0)
    label = np.arange(120) % 2
    table = pd.DataFrame(
        {"a": rng.normal(3 * label), "b": rng.normal(size=120), "label": np.array(["no", "yes"])[label]}
    )
    table.to_csv(tmp_path / "table.csv", index=False)
    run(environment, "dqkit", "audit", "table.csv", "--label", "label", "--out", "audit", "--quiet", cwd=tmp_path)
    assert json.loads((tmp_path / "audit" / "health.json").read_text(encoding="utf-8"))["metrics"]["n_samples"] == 120
    assert "<html" in (tmp_path / "audit" / "health.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_installed_wheel_brings_the_notebooks_of_dqkit_lab(environment: Path, tmp_path: Path):
    """JupyterLab is not started; the folder that it would open holds every notebook."""
    code = "from dqkit.cli import _notebooks; print(_notebooks(None))"
    folder = Path(run(environment, "python", "-c", code, cwd=tmp_path).strip())
    assert folder == tmp_path / "notebooks"
    assert {f.name for f in folder.glob("*.ipynb")} == {f.name for f in (ROOT / "notebooks").glob("*.ipynb")}
