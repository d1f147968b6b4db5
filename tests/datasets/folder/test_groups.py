"""Groups (patients, videos) are told at loading and held out together."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

import dqkit as dq
from dqkit.datasets.groups import group_codes
from dqkit.signals import group_leakage
from tests.datasets.folder.trees import classes, grow


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    "pattern", [r"patient_(\d+)", r"(?P<group>\d+)_\d+\.png", re.compile(r"PATIENT_(\d+)", re.IGNORECASE)]
)
def test_a_pattern_on_the_path_names_the_group(tmp_path, pattern):
    root = grow(tmp_path / "d", "cat/patient_1_0.png", "cat/patient_2_0.png", "dog/patient_1_1.png", "dog/other.png")
    ds = dq.from_folder(root, groups=pattern, progress=False)
    assert dict(zip(ds.ids, ds.groups, strict=True)) == {
        "cat/patient_1_0.png": "1",
        "cat/patient_2_0.png": "2",
        "dog/other.png": None,
        "dog/patient_1_1.png": "1",
    }
    assert "2 groups and 1 without one" in ds.reading


def test_folders_inside_class_folders_may_be_the_groups(tmp_path):
    root = classes(tmp_path / "d", "train/cat/P1", "train/dog/P2/images", "test/cat/P1", "test/dog/images", n=1)
    ds = dq.from_folder(root, groups="folder", progress=False)
    assert dict(zip(ds.ids, ds.groups, strict=True)) == {
        "test/cat/P1/0.png": "P1",
        "test/dog/images/0.png": None,
        "train/cat/P1/0.png": "P1",
        "train/dog/P2/images/0.png": "P2",
    }


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ("(", "groups must be a regular expression; '\\('"),
        ("patient", "is in none of 4"),
        ("folder", "needs folders inside the class folders"),
        (3, "got int"),
        (re.compile(b"x"), "one of bytes"),
    ],
)
def test_groups_that_cannot_be_told_are_refused(tmp_path, groups, words):
    root = classes(tmp_path / "d", "cat", "dog")
    with pytest.raises(dq.InputError, match=words):
        dq.from_folder(root, groups=groups, progress=False)


def table(groups=None, split=None, n=40):
    rng = np.random.default_rng(0)
    labels = ["a", "b"] * (n // 2)
    x = rng.normal(size=(n, 3)) + np.array([[0.0], [3.0]] * (n // 2))
    metadata = pd.DataFrame({"patient": [f"P{i // 4}" for i in range(n)]})
    return dq.from_arrays(x, labels, metadata=metadata, groups=groups, split=split)


@pytest.mark.parametrize("how", ["dataset", "column", "values"])
def test_samples_of_one_group_are_held_out_together(how):
    from sklearn.linear_model import LogisticRegression

    patients = [f"P{i // 4}" for i in range(40)]
    ds = table(groups=patients if how == "dataset" else None)
    groups = {"dataset": None, "column": "patient", "values": patients}[how]
    found = dq.cross_val_predictions(ds, LogisticRegression(), groups=groups, progress=False)
    assert (pd.Series(found.folds).groupby(patients).nunique() == 1).all()
    assert len(set(found.folds)) == 5


def test_a_missing_group_is_a_group_of_one():
    codes = group_codes(table(), ["P1", None, "P1", float("nan"), "", pd.NA, *["P2"] * 34])
    assert codes[0] == codes[2]
    assert (codes[6:] == codes[6]).all()
    assert len(set(codes.tolist())) == 6
    assert group_codes(table(), None) is None


@pytest.mark.parametrize(("groups", "words"), [("nobody", "column of the metadata; got 'nobody'"), (["P1"], "shape")])
def test_groups_that_do_not_fit_are_refused_before_training(tmp_path, groups, words):
    with pytest.raises(dq.InputError, match=words):
        dq.cross_val_predictions(table(), groups=groups, progress=False)
    with dq.Workbench.create(tmp_path / "w", table()) as bench, pytest.raises(dq.InputError, match=words):
        bench.run_round(groups=groups, progress=False)


def test_groups_in_two_splits_are_leakage():
    found = group_leakage(
        ["P2", "P1", "P1", "P2", "P1", None, None, "P3", "P3", "P4", "P4"],
        ["test", "train", "test", "test", "test", "train", "test", "train", "val", "train", "train"],
    )
    assert found.to_dict("list") == {
        "group": ["P1", "P3"],
        "splits": [("test", "train"), ("train", "val")],
        "rows": [(1, 2, 4), (7, 8)],
        "test_rows": [2, 0],
    }
    with pytest.raises(dq.InputError, match="same length"):
        group_leakage(["P1"], ["a", "b"])


@pytest.mark.parametrize("how", ["loading", "round", "column"])
def test_patients_in_train_and_test_are_said_by_a_warning_and_by_the_signals(tmp_path, how):
    patients = [f"P{i // 4}" for i in range(40)]
    split = np.where(np.arange(40) % 8 == 0, "test", "train")
    ds = table(groups=patients if how == "loading" else None, split=split)
    groups = {"loading": None, "round": patients, "column": "patient"}[how]
    with dq.Workbench.create(tmp_path / "w", ds) as bench:
        with pytest.warns(UserWarning, match="5 of 5 test samples are of groups that are outside the test split too"):
            rnd = bench.run_round(budget=3, folds=2, groups=groups, progress=False)
        summary = json.loads((rnd.folder / "summary.json").read_text())
    assert summary["group_leakage"]["test_rows"] == 5
    assert summary["group_leakage"]["groups"] == 5
    assert summary["group_leakage"]["test_share"] == 1.0
