"""Flags and error probabilities from a posterior: the count that serves F1 best, and shifts that keep the order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqkit.arrays.log_odds import from_log_odds, log_odds, shift_to_mean
from dqkit.signals.label_noise.flagging import best_count, cut_after, decide
from dqkit.signals.label_noise.noise_share import NoiseShare
from dqkit.signals.label_noise.posterior import Disagreement, Posterior, posterior


@settings(max_examples=50, deadline=None)
@given(probs=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=40))
def test_the_best_count_is_the_best_of_all_counts(probs):
    falling = np.sort(np.array(probs))[::-1]
    total = falling.sum()
    if total <= 0.5:
        assert best_count(falling) == sum(p > 0.5 for p in falling)
        return
    values = [2 * falling[:k].sum() / (k + total) for k in range(1, len(falling) + 1)]
    assert values[best_count(falling) - 1] == pytest.approx(max(values))


def test_the_best_count_threshold_is_half_of_the_f1_it_reaches():
    falling = np.sort(np.random.default_rng(0).random(5000))[::-1]
    count = best_count(falling)
    reached = 2 * falling[:count].sum() / (count + falling.sum())
    assert falling[count - 1] == pytest.approx(reached / 2, abs=2e-3)


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


def test_right_labels_of_a_sure_model_get_no_flag():
    labels = np.arange(300) % 3
    probs = (0.97 * np.eye(3)[labels] + 0.01).astype(np.float32)
    found = decide(posterior(probs, labels, np.arange(300), 0), NoiseShare(0.0, 0.02))
    assert not found.flag.any()
    assert found.rate == 0
    assert found.interval[0] == pytest.approx(0, abs=1e-9)


def test_a_flag_is_a_score_above_a_half_and_higher_probability_is_higher_score():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 4, 2000)
    logits = rng.normal(size=(2000, 4)) * 1.5 + 1.5 * np.eye(4)[truth]
    probs = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    for share in (NoiseShare(0.02, 0.5), NoiseShare(0.4, 0.01)):
        found = decide(posterior(probs, truth, np.arange(2000), 0), share)
        assert (found.flag == (found.score > 0.5)).all()
        order = np.argsort(found.error_probability, kind="stable")
        assert (np.diff(found.score[order]) >= -1e-5).all()
        assert found.error_probability.mean() == pytest.approx(found.rate, abs=1e-3)


def half_in_doubt(n: int = 1000, even: float = 0.0) -> Posterior:
    """A tenth of the rows is more likely wrong than right, and trusted labels would leave half of them."""
    score = np.r_[np.linspace(0.51, 0.9, n // 10), np.linspace(0.0, 0.49, n - n // 10)]
    shares = Disagreement(used=0.1, untrusted=0.16, half_trusted=0.05, trusted=0.03)
    slips = np.full(n, 0.02) if even else np.empty(0)
    none = np.zeros(n, np.float32)
    return Posterior(score, score, np.zeros(n, np.int64), none, none, shares, 0.4, slips, even)


def test_noise_by_class_that_explains_nothing_is_no_reason_to_flag_next_to_nothing() -> None:
    first = np.sqrt(0.1 * 0.05)
    for even in (0.0, 1.0):
        silent = decide(half_in_doubt(even=even), NoiseShare(1e-5, 0.15))
        assert silent.rate == pytest.approx(first)
        assert silent.flag.sum() == 100  # each row by itself
    for explained in (0.01, 0.02, 0.05):  # of 0.16
        weak = decide(half_in_doubt(), NoiseShare(explained, 0.15))
        assert weak.weakness > 0.5
        assert 0.7 * first < weak.rate < first
        assert weak.flag.sum() < 100
