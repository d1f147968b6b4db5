"""`dqkit audit` on folders: the reading is printed, its own output is no sample, groups in two splits are leakage."""

from __future__ import annotations

import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import dqkit as dq
from dqkit import cli
from dqkit.findings.audit import Audit
from dqkit.findings.duplicates import duplicates
from tests.datasets.folder.test_groups import table
from tests.datasets.folder.trees import count_files


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))


def photos(root, *parts, n=6):
    rng = np.random.default_rng(0)
    for k, part in enumerate(parts):
        (root / part).mkdir(parents=True)
        for i in range(n):
            pixels = rng.integers(0, 60, (12, 12, 3)).astype(np.uint8)
            pixels[..., k % 2] += 150
            Image.fromarray(pixels).save(root / part / f"P{i}_{k}.png")
    return root


def audit(root, out, *options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert cli.main(["audit", str(root), "--out", str(out), "--quiet", "--folds", "2", *options]) == 0


@pytest.mark.parametrize("out", ["."])
def test_an_audit_inside_its_own_source_leaves_no_samples_there(tmp_path, out, capsys):
    root = photos(tmp_path / "d", "cat", "dog")
    audit(root, root / out)
    assert capsys.readouterr().out.splitlines()[1] == "2 classes, 12 pictures."
    again = dq.from_folder(root, progress=False)
    assert again.reading.startswith("2 classes, 12 pictures; left out: ")
    assert len(again) + sum(map(int, re.findall(r"(\d+) files?", again.reading))) == count_files(root)


def test_groups_on_the_command_line_are_checked_for_leakage(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    photos(tmp_path / "d", "train/cat", "train/dog", "test/cat", "test/dog")
    audit("~/d", "~/out", "--groups", r"(P\d)_")
    said = capsys.readouterr().out
    assert "6 groups" in said
    assert "of the test split is of groups that are outside it too." in said
    record = json.loads((tmp_path / "out" / "health.json").read_text())
    assert record["metrics"]["group_leakage_rate"] == 1.0
    assert "Leakage by group:" in (tmp_path / "out" / "health.html").read_text()
    assert cli.main(["check", "~/out", "--max", "group_leakage_rate=0"]) == 1


def test_the_finding_counts_the_groups_of_the_dataset_or_of_the_round():
    split = np.where(np.arange(40) % 8 == 0, "test", "train")
    patients = [f"P{i // 4}" for i in range(40)]

    def found(ds, **told):
        return duplicates(Audit.of(ds, signals=pd.DataFrame({"duplicate_group": -1}, index=ds.ids), **told))

    finding = found(table(groups=patients, split=split))
    assert finding.data["shared_groups"] == {
        "groups": 5,
        "test_samples": 5,
        "examples": ["P0", "P2", "P4", "P6", "P8"],
    }
    assert finding.metrics["group_leakage_rate"] == 1.0
    assert finding.severity == "error"
    told = {"group_leakage": {"groups": 1, "test_rows": 2, "test_share": 0.4, "examples": ["P1"]}}
    assert found(table(split=split), summary=told).metrics["group_leakage_rate"] == 0.4
    assert "group_leakage_rate" not in found(table(split=split)).metrics
    apart = found(table(groups=patients))
    assert apart.data["shared_groups"]["groups"] == 0
