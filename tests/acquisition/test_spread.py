"""Labels looked at again are spread out: a copy of a pick is worth half, a row far from all picks keeps its value."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from dqkit.acquisition import build_queue
from dqkit.acquisition.queue.spread import spread_picks
from dqkit.records import Predictions


def _rows(value: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"value": value}, index=pd.Index([f"r{i:03d}" for i in range(len(value))]))


@pytest.mark.parametrize("seed", range(4))
def test_picks_are_those_of_the_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(size=(30, 3)), 3, axis=0).astype(np.float32) + 0.05 * rng.normal(size=(90, 3)).astype("f4")
    value, groups = rng.random(90), np.where(rng.random(90) < 0.3, rng.integers(0, 8, 90), -1)
    best = sorted(range(90), key=lambda i: -value[i])[:60]
    squared = [[sum((float(a) - float(b)) ** 2 for a, b in zip(x[i], x[j], strict=True)) for j in best] for i in best]
    nearest = [min(d for k, d in enumerate(row) if k != i) for i, row in enumerate(squared)]
    width = float(np.median(nearest)) / 8
    expected: list[int] = []
    for _ in range(20):
        worth = {}
        for i, row in enumerate(best):
            if i in expected:
                continue
            near = [
                1.0 if groups[row] >= 0 and groups[row] == groups[best[j]] else math.exp(-squared[i][j] / width)
                for j in expected
            ]
            worth[i] = value[row] * (1 - max(near, default=0) / 2)
        expected.append(max(worth, key=lambda i: worth[i]))
    got = spread_picks(_rows(value), 20, features=x, groups=groups)
    assert got.index.tolist() == [f"r{best[i]:03d}" for i in expected]


def test_without_features_and_groups_the_rows_go_by_value() -> None:
    value = np.array([0.1, 0.9, 0.5, 0.5])
    got = spread_picks(_rows(value), 3, features=None, groups=None)
    assert got.index.tolist() == ["r001", "r002", "r003"]


def test_identical_rows_are_still_picked_each_once() -> None:
    got = spread_picks(
        _rows(np.full(40, 0.5)), 12, features=np.ones((40, 2), np.float32), groups=np.zeros(40, np.int64)
    )
    assert got.index.is_unique
    assert len(got) == 12


def test_a_queue_does_not_ask_about_ten_copies_before_anything_else() -> None:
    ids = [f"copy{i}" for i in range(10)] + [f"other{i}" for i in range(10)]
    signals = pd.DataFrame(
        {
            "label_score": [0.9] * 10 + [0.6] * 10,
            "given_label": "a",
            "suggested_label": "b",
            "duplicate_group": [0] * 10 + [-1] * 10,
        },
        index=ids,
    )
    asked = build_queue(signals, budget=8, audit_share=0)["sample_id"]
    assert sum(name.startswith("copy") for name in asked) == 1
    x = np.concatenate([np.zeros((10, 2)), np.random.default_rng(0).normal(size=(10, 2)) * 9 + 20]).astype(np.float32)
    predictions = Predictions.from_arrays(np.full((20, 2), 0.5), ids=ids, classes=["a", "b"], features=x)
    plain = signals.drop(columns="duplicate_group")
    asked = build_queue(plain, budget=8, audit_share=0, predictions=predictions)["sample_id"]
    assert sum(name.startswith("copy") for name in asked) <= 2
