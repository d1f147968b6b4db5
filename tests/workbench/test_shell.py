"""`dqkit audit` and `dqkit check` on a workbench judge the corrected labels; an exported table is known as one."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import dqkit as dq
from dqkit.cli import main
from tests.workbench.conftest import quick, small


@pytest.fixture
def corrected(tmp_path):
    """A workbench in which people corrected every wrong label."""
    dataset = small(noise=0.2, hidden=0.0)
    with dq.Workbench.create(tmp_path / "wb", dataset, title="Blobs") as bench:
        bench.run_round(budget=20, estimators=quick(), progress=False)
        for sample, label, true in zip(dataset.ids, dataset.labels, dataset.true_labels, strict=True):
            if label != true:
                bench.record(sample, dataset.classes[true], annotator="ana")
        wrong = int((dataset.labels != dataset.true_labels).sum())
    return tmp_path / "wb", wrong


def test_audit_of_a_workbench_sees_the_fixes_and_changes_nothing(corrected, tmp_path, capsys):
    folder, wrong = corrected
    before = sorted((p.relative_to(folder), p.stat().st_size) for p in folder.rglob("*.parquet"))
    assert main(["audit", str(folder), "--out", str(tmp_path / "out"), "--quiet", "--folds", "3"]) == 0
    facts = json.loads((tmp_path / "out" / "health.json").read_text())
    assert facts["title"] == "Blobs"
    assert facts["metrics"]["confirmed_errors"] == wrong
    assert facts["metrics"]["n_human"] == wrong
    assert facts["metrics"]["label_errors_open"] < wrong / 2
    assert facts["metrics"]["oos_accuracy"] > 0.9
    assert sorted((p.relative_to(folder), p.stat().st_size) for p in folder.rglob("*.parquet")) == before
    assert main(["check", str(tmp_path / "out"), "--min", "confirmed_errors=1"]) == 0
    assert "wrote" in capsys.readouterr().out


def test_check_of_a_workbench_holds_the_labels_of_now_to_rules(corrected, capsys):
    folder, wrong = corrected
    assert main(["check", str(folder), "--min", f"confirmed_errors={wrong}"]) == 0
    assert main(["check", str(folder), "--min", f"confirmed_errors={wrong + 1}"]) == 1
    capsys.readouterr()


def test_check_of_a_workbench_without_a_round_says_what_to_do(tmp_path, capsys):
    dq.Workbench.create(tmp_path / "wb", small()).close()
    assert main(["check", str(tmp_path / "wb"), "--max", "label_error_rate=0.1"]) == 2
    assert "without a round" in capsys.readouterr().err


def test_an_exported_table_is_audited_on_its_content_and_says_so(tmp_path, capsys):
    out = tmp_path / "fixed.csv"
    frame = pd.DataFrame({"a": range(60), "b": [1.5, 2.5, 3.5] * 20, "y": ["n", "y"] * 30})
    dataset = dq.from_table(frame.assign(a=frame["a"] % 7), features=["a", "b"], label="y")
    with dq.Workbench.create(tmp_path / "table", dataset) as bench:
        bench.run_round(budget=5, progress=False)
        bench.export(out, "csv")
    assert main(["audit", str(out), "--label", "label", "--out", str(tmp_path / "o"), "--quiet", "--folds", "2"]) == 0
    said = capsys.readouterr().out
    assert "dqkit exported" in said
    assert "taking 2 columns as features, as --features a,b would" in said
    auto = dq.from_table(out, features="auto", label="label", id="sample_id")
    assert list(auto.content.columns) == ["a", "b"]
    assert auto.ids.tolist() == dataset.ids.tolist()
