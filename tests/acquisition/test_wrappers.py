"""Balanced and cost-aware selection keep their promise with any strategy inside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqkit.acquisition import select, select_balanced, select_within_cost
from dqkit.records import InputError


def test_balanced_picks_follow_the_class_with_fewest_labels() -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet([6, 2, 1], 200)
    labels = np.full(200, -1)
    labels[:10] = [0] * 7 + [1] * 2 + [2]
    picks = select_balanced("margin", 15, pred_probs=probs, labeled=labels >= 0, labels=labels)
    pool = select("margin", 75, pred_probs=probs, labeled=labels >= 0).tolist()
    counts = [7, 2, 1]
    expected = []
    for _ in range(15):
        open_classes = {int(probs[i].argmax()) for i in pool}
        k = min(open_classes, key=lambda k: (counts[k], k))
        at = next(i for i in pool if probs[i].argmax() == k)
        expected.append(at)
        pool.remove(at)
        counts[k] += 1
    assert picks.tolist() == expected


def test_balanced_takes_everything_when_little_is_left() -> None:
    probs = np.full((5, 2), 0.5)
    assert sorted(select_balanced("margin", 50, pred_probs=probs, labeled=[0]).tolist()) == [1, 2, 3, 4]


@settings(max_examples=30, deadline=None)
@given(budget=st.floats(0, 60), seed=st.integers(0, 20))
def test_costs_never_exceed_the_budget_and_no_affordable_row_of_the_order_is_left(budget: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.uniform(0.5, 5, 40)
    probs = rng.dirichlet(np.ones(3), 40)
    labeled = rng.random(40) < 0.3
    picks = select_within_cost("margin", budget, row_costs=cost, pred_probs=probs, labeled=labeled)
    assert len(set(picks.tolist())) == len(picks)
    assert not labeled[picks].any()
    assert cost[picks].sum() <= budget + 1e-6


def test_equal_costs_buy_the_strategys_own_picks() -> None:
    probs = np.random.default_rng(0).dirichlet(np.ones(3), 60)
    none = np.zeros(60, dtype=bool)
    bought = select_within_cost("margin", 8, row_costs=np.ones(60), pred_probs=probs, labeled=none)
    np.testing.assert_array_equal(bought, select("margin", 8, pred_probs=probs, labeled=none))


@pytest.mark.parametrize("cost", [[1, 1], [1, 0, 1], [1, np.nan, 1]])
def test_bad_costs_are_named(cost: list[float]) -> None:
    with pytest.raises(InputError, match="row_costs"):
        select_within_cost("random", 2, row_costs=cost, labeled=[False] * 3)
