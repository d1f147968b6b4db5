"""Flags and the rate from error probabilities: the count that serves F1 best, and shifts that keep the order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqkit.arrays.log_odds import from_log_odds, log_odds, shift_to_mean
from dqkit.signals.label_noise.flagging import best_count, cut_after, decide


@settings(max_examples=50, deadline=None)
@given(probs=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=40))
def test_the_best_count_is_the_best_of_all_counts(probs):
    falling = np.sort(np.array(probs))[::-1]
    total = falling.sum()
    count = best_count(log_odds(falling))
    if total <= 0.49:
        assert count == sum(p > 0.5 for p in falling)
    elif total > 0.51:
        values = [2 * falling[:k].sum() / (k + total) for k in range(1, len(falling) + 1)]
        assert values[count - 1] == pytest.approx(max(values))


def test_the_best_count_threshold_is_half_of_the_f1_it_reaches():
    falling = np.sort(np.random.default_rng(0).random(5000))[::-1]
    count = best_count(log_odds(falling))
    reached = 2 * falling[:count].sum() / (count + falling.sum())
    assert falling[count - 1] == pytest.approx(reached / 2, abs=2e-3)


def test_a_rate_that_may_be_off_is_averaged_over():
    odds = np.sort(np.random.default_rng(2).normal(-1.5, 1.5, 800))[::-1]
    shifts = np.random.default_rng(3).normal(0, 1.2, 4000)
    slow = np.zeros(800)
    for shift in shifts:
        hits = np.cumsum(from_log_odds(odds + shift))
        slow += 2 * hits / (np.arange(1, 801) + hits[-1])
    slow /= len(shifts)
    assert slow[best_count(odds, 1.2) - 1] == pytest.approx(slow.max(), abs=2e-3)
    assert best_count(odds, 1.2) != best_count(odds)


def test_shifted_logits_have_the_mean_and_the_order():
    logits = np.random.default_rng(0).normal(size=300)
    moved = shift_to_mean(logits, 0.13)
    assert from_log_odds(moved).mean() == pytest.approx(0.13, abs=1e-6)
    np.testing.assert_allclose(moved - logits, (moved - logits)[0])
    np.testing.assert_allclose(from_log_odds(log_odds(np.array([0.2, 0.9]))), [0.2, 0.9])


@pytest.mark.parametrize(("count", "above"), [(0, 0), (1, 1), (2, 2), (4, 4)])
def test_a_cut_leaves_as_many_rows_above_it_as_asked(count, above):
    falling = np.array([0.9, 0.6, 0.4, 0.1])
    assert (falling > cut_after(falling, count)).sum() == above


def test_tied_rows_at_the_cut_are_left_unflagged():
    assert (np.array([0.9, 0.5, 0.5]) > cut_after(np.array([0.9, 0.5, 0.5]), 2)).sum() == 1


def test_a_flag_is_a_score_above_a_half_and_higher_probability_is_higher_score():
    odds = np.random.default_rng(1).normal(-2, 2, 2000)
    found = decide(odds, (0.5, 0.8))
    assert (found.flag == (found.score > 0.5)).all()
    assert (np.diff(found.score[np.argsort(odds)]) >= 0).all()
    assert found.rate == pytest.approx(from_log_odds(odds).mean())
    low, high = found.interval
    assert log_odds(np.array([low, found.rate, high])) == pytest.approx(
        log_odds(np.array(found.rate)) + np.array([-0.5, 0, 0.8])
    )


def test_rows_that_are_all_but_surely_right_get_no_flag():
    found = decide(np.full(300, -9.0), (1.0, 1.0))
    assert not found.flag.any()
    assert found.rate < 1e-3


def test_no_row_is_no_decision():
    found = decide(np.empty(0), (1.0, 1.0))
    assert (len(found.flag), found.rate, found.interval) == (0, 0.0, (0.0, 1.0))
