"""What the columns of a table say about one row."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import dqkit as dq
from dqkit.workbench.columns import Columns, coded
from dqkit.workbench.labelling import QueueCards
from tests.workbench.conftest import quick

ROWS = pd.DataFrame({"colour": ["red", "red", "red", "blue", None, "blue"], "size": [1, 2, 1, 2, 1, 2]})
LABELS = np.array([0, 0, 0, 1, 1, -1])


def test_log_odds_of_a_value_are_those_of_a_hand_calculation():
    found = Columns(ROWS, LABELS, ["a", "b"]).log_odds(5, "b", "a")
    # colours: missing, red, blue. Class a counts 0, 3, 0 and class b 1, 0, 1, each with a half added.
    assert found["colour"] == pytest.approx(np.log((1.5 / 3.5) / (0.5 / 4.5)))
    # size 2 (codes: none, 1, 2): a 1 of 3, b 1 of 2
    assert found["size"] == pytest.approx(np.log((1.5 / 3.5) / (1.5 / 4.5)))


def test_the_same_class_or_one_that_is_unknown_leans_nowhere():
    columns = Columns(ROWS, LABELS, ["a", "b"])
    assert set(columns.log_odds(0, "a", "a").values()) == {0.0}
    assert set(columns.log_odds(0, "a", "new").values()) == {0.0}


def test_numbers_are_cut_into_equally_full_bins_and_what_is_missing_has_its_own():
    codes = coded(pd.Series([*range(100), np.nan]))
    assert codes[-1] == 0
    assert np.bincount(codes[:-1])[1:].tolist() == [10] * 10


def test_differences_name_the_columns_that_weigh_most_first():
    columns = Columns(ROWS, LABELS, ["a", "b"])
    assert columns.differences(0, 3, {"colour": 0.1, "size": -2.0}) == "size 2, colour blue"
    assert columns.differences(0, 2, {}) == "the same in every column"
    assert columns.differences(0, 4, {}) == "colour missing"


def test_a_table_card_begins_with_what_tells_most_and_says_what_similar_rows_differ_in(tmp_path):
    rng = np.random.default_rng(0)
    truth = np.arange(120) % 2
    rows = pd.DataFrame({f"noise {i}": rng.normal(size=120).round(3) for i in range(6)})
    rows["signal"] = (truth * 4 + rng.normal(size=120)).round(3)
    given = np.where(np.arange(120) < 8, 1 - truth, truth)
    with dq.Workbench.create(tmp_path / "wb", dq.from_arrays(rows, given, classes=["low", "high"])) as bench:
        bench.run_round(budget=12, estimators=quick(), progress=False, audit_share=0)
        cards = QueueCards(bench.state).cards(8, "ana", ())
        first = [next(iter(json.loads(card.media))) for card in cards]
        assert first.count("signal") >= 6
        for card in cards:
            assert set(json.loads(card.media)) == set(rows)
            assert card.about == (card.sample_id, "train split", "7 columns")
            assert card.neighbors
            assert all("signal" in text.decode() or "noise" in text.decode() for text, _ in card.neighbors)
            assert set(card.leans.values()) <= {"low", "high"}
