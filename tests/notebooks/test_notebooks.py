"""The guided notebooks run from top to bottom, and leave behind what they promise."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import dqkit as dq
from dqkit.fiftyone_bridge.mongod import mongod_problem

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The notebook after all its cells ran; a cell that fails fails the test."""
    monkeypatch.setenv("DQKIT_WORK", str(folder))
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    return NotebookClient(notebook, timeout=280, kernel_name="python3").execute(cwd=str(folder))


def run_scored(name: str, part: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the notebook says of itself, in the folder of its own that it works in."""
    run(name, folder, monkeypatch)
    return json.loads((folder / part / "score.json").read_text())


@pytest.mark.parametrize("file", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda file: str(file.name))
def test_a_notebook_is_kept_without_outputs_and_every_cell_has_a_name_of_its_own(file: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
    assert len({cell["id"] for cell in notebook.cells}) == len(notebook.cells)


@pytest.mark.slow
def test_the_notebook_on_labelling_leaves_the_answers_of_two_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("02_labelling.ipynb", tmp_path, monkeypatch)
    with dq.Workbench.open(tmp_path / "digits-together") as wb:
        assert {"ana", "bob"} <= set(wb.labels()["annotator"].dropna())
        assert wb.dataset.classes[-1] == "not a digit"


@pytest.mark.slow
def test_the_notebook_on_texts_gains_by_weak_labels_and_finds_planted_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = run_scored("03_texts_and_weak_labels.ipynb", "texts", tmp_path, monkeypatch)
    given, _, answered = score["test accuracy"]
    assert answered > given
    assert score["weak labels right"] > 0.7
    assert score["errors met"] > score["errors planted"] / 2
    assert (tmp_path / "texts" / "health.html").exists()


@pytest.mark.slow
def test_the_notebook_on_a_model_of_your_own_mends_labels_by_its_probabilities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = run_scored("04_your_own_model.ipynb", "own-model", tmp_path, monkeypatch)
    before, after = score["wrong labels"]
    assert after < before / 4
    assert score["test accuracy"][1] >= score["test accuracy"][0]


@pytest.mark.slow
def test_the_notebook_on_a_folder_finds_nearly_all_that_was_planted_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = run_scored("05_a_folder_of_images.ipynb", "folder", tmp_path, monkeypatch)
    planted, found = score.pop("wrong folder")
    assert found > 0.9 * planted
    assert all(planted == found > 0 for planted, found in score.values()), score


@pytest.mark.slow
def test_the_notebook_on_fiftyone_mends_labels_beside_those_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = mongod_problem()
    if problem is not None:
        pytest.skip(problem)
    monkeypatch.setenv("FIFTYONE_DATABASE_DIR", str(tmp_path / "mongo"))
    score = run_scored("06_a_dataset_in_fiftyone.ipynb", "fiftyone", tmp_path, monkeypatch)
    before, after = score["wrong labels"]
    assert after < before / 4
    assert before - after <= score["changed"] <= score["answers"] == 80


@pytest.mark.slow
def test_the_notebook_without_labels_gets_further_than_random_samples_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = run_scored("07_no_labels_yet.ipynb", "no-labels", tmp_path, monkeypatch)
    assert score["answers"] == [30, 60, 90, 120, 150]
    assert sum(score["queue"]) > sum(score["random"])
    assert score["queue"][-1] > 0.95
    assert (tmp_path / "no-labels" / "health.html").exists()


@pytest.mark.parametrize("file", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda file: str(file.name))
def test_a_notebook_asks_for_flags_that_signals_have(file: Path) -> None:
    import numpy as np

    from dqkit.signals import image_properties, text_properties

    known = {"label_flag", "check_flag", *image_properties(np.zeros((1, 8, 8), np.uint8)), *text_properties(["a"])}
    code = "\n".join("".join(c["source"]) for c in json.loads(file.read_text())["cells"] if c["cell_type"] == "code")
    asked = set(re.findall(r"[\"'](\w+_flag)[\"']", code))
    for names in re.findall(r"\(([a-z_|]+)\)_flag", code):
        asked |= {f"{name}_flag" for name in names.split("|")}
    assert asked <= known
