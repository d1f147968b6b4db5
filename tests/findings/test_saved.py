"""Findings come back from disk as they were, and files from elsewhere cannot mislead the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dqkit.findings import Finding, find, load, save
from dqkit.findings.saved import SCHEMA
from dqkit.records import StoreError
from tests.findings.test_find import make_audit


def same(a: Finding, b: Finding) -> None:
    for part in ("name", "title", "summary", "severity", "status", "metrics", "data"):
        assert getattr(a, part) == getattr(b, part), part
    assert tuple(a.sample_ids) == tuple(b.sample_ids)
    pd.testing.assert_frame_equal(a.table, b.table)
    assert (a.scores is None) == (b.scores is None)
    if a.scores is not None and b.scores is not None:
        pd.testing.assert_series_equal(a.scores, b.scores)


def test_all_findings_of_a_small_dataset_come_back_as_they_were(tmp_path: Path) -> None:
    found = find(make_audit())
    save(tmp_path / "deep" / "findings", found)
    back = load(tmp_path / "deep" / "findings")
    assert len(back) == len(found)
    for a, b in zip(found, back, strict=True):
        same(a, b)


def test_odd_tables_scores_and_texts_come_back_as_they_were(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "whole": [1, 2],
            "real": [0.5, np.nan],
            "yes": [True, False],
            "mixed": [1, "two"],
            "lists": pd.Series([[1, 2], None], index=["r", "s"]),
            "late": pd.to_datetime(["2026-01-01", None]),
            "kinds": pd.Categorical(["a", None]),
            "maybe": pd.array([1, None], dtype="Int64"),
            "odd": pd.Series(["\ud800", "ok"], dtype=object, index=["r", "s"]),
        },
        index=["r", "s"],
    )
    scores = np.array([np.nan, 0.25] + [1.0] * 10)

    def odd(audit: Any) -> Finding:
        index = [str(i) for i in audit.dataset.ids]
        data = {"nan": float("nan"), "array": np.arange(3), 5: {"deep": (1, 2)}, "text": "é 数"}
        return Finding("odd", "Odd", "Ünder", table=table, scores=pd.Series(scores, index=index), data=data)

    found = find(make_audit(), {"odd": odd, "empty": lambda _: Finding("e", "Empty", table=pd.DataFrame({"a": []}))})
    assert [f.status for f in found] == ["ok", "ok"], found
    save(tmp_path, found)
    for a, b in zip(found, load(tmp_path), strict=True):
        same(a, b)
    assert found[0].data == {"nan": None, "array": [0, 1, 2], "5": {"deep": [1, 2]}, "text": "é 数"}


def test_saving_again_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    save(tmp_path, find(make_audit()))
    save(tmp_path, ())
    assert load(tmp_path) == ()


def test_a_folder_without_findings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no findings"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": SCHEMA + 1}, "upgrade dqkit"),
        ({"findings": 3}, "no list"),
        ({"findings": [{"name": "../up"}]}, "no name of a finding"),
        ({"findings": [{"name": "x", "severity": "dire", "status": "ok"}]}, "unknown severity"),
        ({"findings": [{"name": "x"}]}, "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    save(tmp_path, ())
    record = json.loads((tmp_path / "findings.json").read_text()) | change
    (tmp_path / "findings.json").write_text(json.dumps(record))
    with pytest.raises(StoreError, match=why):
        load(tmp_path)


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    save(tmp_path, find(make_audit()))
    (tmp_path / "balance.parquet").write_bytes(b"no parquet")
    with pytest.raises(StoreError, match="cannot be read"):
        load(tmp_path)


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match="cannot be written"):
        save(tmp_path / "file", ())
