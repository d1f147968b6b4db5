"""A column that gives the label away is named first, and one word leaves it out."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import dqkit as dq
from dqkit.cli import main


def leaky(n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, n)
    wrong = rng.random(n) < 0.1
    given = np.where(wrong, 1 - true, true)
    table = pd.DataFrame({f"x{k}": true * 2.0 + rng.normal(size=n) for k in range(4)})
    return table.assign(closed_code=given + 3, label=np.array(["no", "yes"])[given]), wrong


def test_it_is_named_first_and_excluded_by_one_word(tmp_path):
    table, wrong = leaky()
    dataset = dq.from_table(table, features="auto", label="label")
    with dq.Workbench.create(tmp_path / "wb", dataset) as bench:
        first = bench.run_round(budget=10, progress=False)
        facts = json.loads(bench.report(tmp_path / "a.html").with_suffix(".json").read_text())
        assert "'closed_code' gives the label away" in facts["verdict"]["sentences"][0]
        assert "exclude=['closed_code']" in facts["verdict"]["sentences"][0]
        assert facts["metrics"]["leaky_columns"] == 1
        assert "closed_code" in facts["sections"]["next_steps"]["steps"][0]["do"]
        flagged = first.signals["label_flag"].astype(bool)
        words = "judged with closed_code, which gives the label away"
        assert first.signals.loc[flagged, "reasons"].str.startswith(words).all()
        second = bench.run_round(budget=10, exclude=["closed_code"], progress=False)
        facts = json.loads(bench.report(tmp_path / "b.html").with_suffix(".json").read_text())
        assert facts["metrics"]["leaky_columns"] == 0
        flags = [rnd.signals["label_flag"].to_numpy(bool) for rnd in (first, second)]
        assert not second.signals["reasons"].fillna("").str.contains("gives the label away").any()
        recall = [float(flag[wrong].mean()) for flag in flags]
        assert recall[1] > recall[0] + 0.3
        again = bench.rerank(budget=12)
        assert next(f for f in again.findings if f.name == "column_power").data["suspects"] == []


def test_excluded_columns_stay_in_the_metadata_and_the_reading_says_so():
    table, _ = leaky(60)
    for features in ("auto", ["x0", "closed_code"]):
        dataset = dq.from_table(table, features=features, label="label", exclude=["closed_code"])
        assert "closed_code" not in dataset.content.columns
        assert "closed_code" in dataset.metadata.columns
        assert "Left out by exclude: closed_code." in dataset.reading


def test_a_name_that_is_no_column_is_refused(tmp_path):
    table, _ = leaky(60)
    with pytest.raises(dq.InputError, match="exclude"):
        dq.from_table(table, features="auto", label="label", exclude=["nothing"])
    with pytest.raises(dq.InputError, match="Write exclude="):
        dq.from_table(table, features="auto", label="label", exclude="closed_code")
    dataset = dq.from_table(table, features="auto", label="label")
    with dq.Workbench.create(tmp_path / "wb", dataset) as bench:
        for bad in (["nothing"], "closed_code", list(dataset.content.columns)):
            with pytest.raises(dq.InputError, match="exclude"):
                bench.run_round(exclude=bad, progress=False)
        assert bench.rounds == []


def test_the_shell_names_it_and_leaves_it_out(tmp_path, capsys):
    table, _ = leaky()
    table.to_csv(tmp_path / "t.csv", index=False)
    assert main(["audit", str(tmp_path / "t.csv"), "--label", "label", "--out", str(tmp_path / "a"), "--quiet"]) == 0
    assert "'closed_code' gives the label away" in capsys.readouterr().out
    options = ["--label", "label", "--exclude", "closed_code", "--quiet"]
    assert main(["audit", str(tmp_path / "t.csv"), *options, "--out", str(tmp_path / "b")]) == 0
    assert "gives the label away" not in capsys.readouterr().out


def test_rows_that_repeat_an_id_are_all_kept_and_named():
    table = {"key": ["a", "b", "a", "a (2)", "a"], "text": ["one", "two", "three", "four", "five"], "y": list("nynyn")}
    dataset = dq.from_table(table, text="text", label="y", id="key")
    assert dataset.ids.tolist() == ["a", "b", "a (3)", "a (2)", "a (4)"]
    assert dataset.problems["sample_id"].tolist() == ["a (3)", "a (4)"]
    assert set(dataset.problems["kind"]) == {"duplicate_id"}
    assert not dataset.problems["fatal"].any()
    assert "2 rows of column 'key' repeat an id" in dataset.reading
    assert dq.from_table(pd.DataFrame(table), text="text", label="y", id="key").ids.tolist() == dataset.ids.tolist()
