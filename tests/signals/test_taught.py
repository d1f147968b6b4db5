"""Answers move the judge as much as they should, and what was found follows them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from dqkit.arrays.log_odds import from_log_odds, log_odds
from dqkit.records import InputError
from dqkit.signals import label_errors
from dqkit.signals.label_noise.taught import SLOPE_SD, taught


def population(seed: int = 0, n: int = 3000, shift: float = 1.2):
    """Log odds as a judge says them, and truth drawn with other ones."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-3, 2, n)
    return odds, rng.random(n) < from_log_odds(odds + shift), rng


def test_the_shift_and_slope_are_the_most_probable_ones():
    odds, wrong, rng = population()
    rows = rng.permutation(len(odds))[:60]
    off = (1.5, 2.0)
    sd = sum(off) / 2 / 1.96

    def loss(at):
        z = at[0] + np.exp(at[1]) * odds[rows]
        data = np.logaddexp(0, z) - wrong[rows] * z
        return data.sum() + at[0] ** 2 / (2 * sd**2) + at[1] ** 2 / (2 * SLOPE_SD**2)

    slow = minimize(loss, [0.0, 0.0]).x
    new, _ = taught(odds, off, odds[rows], wrong[rows], np.ones(60, dtype=bool))
    np.testing.assert_allclose(new, slow[0] + np.exp(slow[1]) * odds, atol=1e-3)


def test_answers_bring_the_rate_near_the_truth_and_narrow_its_interval():
    odds, wrong, rng = population()
    before = from_log_odds(odds).mean()
    rows = rng.permutation(len(odds))[:200]
    new, off = taught(odds, (2.0, 2.0), odds[rows], wrong[rows], np.ones(200, dtype=bool))
    after = from_log_odds(new).mean()
    assert abs(after - wrong.mean()) < abs(before - wrong.mean()) / 2
    assert sum(off) < 2.5


def test_rows_picked_for_their_score_make_the_interval_no_narrower():
    odds, wrong, _ = population()
    rows = np.argsort(-odds)[:100]
    new, off = taught(odds, (1.0, 1.0), odds[rows], wrong[rows], np.zeros(100, dtype=bool))
    assert off == pytest.approx((1.0, 1.0))
    assert not np.allclose(new, odds)


def test_a_sure_judge_is_moved_less_than_an_unsure_one():
    odds, wrong, rng = population()
    rows = rng.permutation(len(odds))[:20]
    moved = [
        np.abs(taught(odds, (width, width), odds[rows], wrong[rows], np.ones(20, dtype=bool))[0] - odds).mean()
        for width in (0.05, 3.0)
    ]
    assert moved[0] < moved[1]


def found_errors(seed: int = 0, n: int = 1500):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 4, n)
    given = np.where(rng.random(n) < 0.15, rng.integers(0, 4, n), true)
    logits = rng.normal(size=(n, 4)) + 2.0 * np.eye(4)[true]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return label_errors(given, probs), given != true, rng


def test_what_was_found_follows_the_answers():
    found, wrong, rng = found_errors()
    rows = rng.permutation(len(wrong))[:60]
    told = found.updated(rows, wrong[rows])
    np.testing.assert_array_equal(told.table["error_probability"].to_numpy()[rows], wrong[rows])
    np.testing.assert_array_equal(told.table["flag"].to_numpy()[rows], wrong[rows])
    assert abs(told.noise_rate - wrong.mean()) <= abs(found.noise_rate - wrong.mean()) + 0.02
    width = [np.diff(log_odds(np.array(f.noise_rate_interval)))[0] for f in (told, found)]
    assert width[0] < width[1]
    assert told.before_answers == (found.noise_rate, *found.noise_rate_interval)
    assert found.before_answers is None


def test_no_answer_changes_nothing_that_counts():
    found, _, _ = found_errors()
    told = found.updated([], np.empty(0, dtype=bool))
    np.testing.assert_allclose(told.table["error_probability"], found.table["error_probability"], atol=1e-6)
    assert (told.table["flag"] == found.table["flag"]).all()


@pytest.mark.parametrize(
    ("rows", "wrong", "words"),
    [
        ([0, 0], [True, False], "each row once"),
        ([5000], [True], "rows"),
        ([0, 1], [True], "wrong"),
        ([-1], [True], "rows"),
        (["a"], [True], "rows"),
    ],
)
def test_answers_that_fit_no_row_are_refused(rows, wrong, words):
    with pytest.raises(InputError, match=words):
        found_errors()[0].updated(rows, wrong)


def test_a_row_without_a_label_cannot_have_been_wrong_and_nothing_judged_learns_nothing():
    rng = np.random.default_rng(0)
    given = np.r_[-1, rng.integers(0, 2, 99)]
    probs = np.where(given[:, None] == np.arange(2), 0.9, 0.1)
    probs[0] = 0.5
    with pytest.raises(InputError, match="carry a label"):
        label_errors(given, probs).updated([0], [True])
    with pytest.raises(InputError, match="no label was judged"):
        label_errors(rng.integers(0, 2, 100), np.full((100, 2), 0.5)).updated([0], [True])
