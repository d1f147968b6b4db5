"""Evenly spread noise: told from people's slips by the cells of the noise matrix, and judged by Bayes' rule."""

from __future__ import annotations

import numpy as np
import pytest

from dqkit.signals import label_errors
from dqkit.signals.label_noise.even_noise import even_errors
from dqkit.signals.label_noise.traits import evenness


def counted(rates, rows, seed):
    """Counts of true by given labels, drawn with the given off-diagonal rates."""
    rng = np.random.default_rng(seed)
    matrix = rates + np.diag(1 - rates.sum(axis=1))
    return np.stack([rng.multinomial(rows, p) for p in matrix]).astype(float)


def even_rates(c, rate):
    return np.full((c, c), rate / (c - 1)) * (1 - np.eye(c))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("c", "rate", "rows"), [(10, 0.1, 400), (10, 0.3, 200), (6, 0.1, 800), (4, 0.2, 1000)])
def test_counts_of_even_noise_vary_as_counts_do_and_their_mean_explains_the_errors(c, rate, rows, seed):
    spread, common = evenness(counted(even_rates(c, rate), rows, seed))
    assert spread < 0.15
    assert common > 0.6


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("c", [4, 6, 10])
def test_slips_that_gather_in_some_pairs_vary_more(c, seed):
    rates = even_rates(c, 0.2) * np.random.default_rng([seed, 1]).gamma(0.5, 2.0, (c, c))
    spread, common = evenness(counted(rates, 500, seed))
    assert spread > 0.3 or common < 0.35


def test_a_weak_model_s_own_confusion_in_a_few_cells_is_looked_past():
    counts = counted(even_rates(10, 0.15), 400, 0)
    before = evenness(counts)
    counts[0, 6] += 40
    counts[6, 0] += 40
    np.testing.assert_allclose(evenness(counts)[0], before[0], atol=0.05)


def test_the_error_probability_is_bayes_rule_by_hand():
    probs = np.array([[0.7, 0.2, 0.1], [0.05, 0.05, 0.9]], dtype=np.float32)
    found = even_errors(probs, np.array([0, 1]), rate=0.2, exponent=1.0)
    # wrong: the truth is one of the others and slipped here, 0.1 each; right: it stayed, 0.8
    expected = [0.3 * 0.1 / (0.3 * 0.1 + 0.7 * 0.8), 0.95 * 0.1 / (0.95 * 0.1 + 0.05 * 0.8)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def confusable(n, rate, seed, c=10):
    """A calibrated model that confuses pairs of classes (0 with 1, 2 with 3 ...), and labels with even noise."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, c, n)
    lead = rng.normal(1.2, 1.2, n)
    logits = rng.normal(-3.0, 0.7, (n, c))
    logits[np.arange(n), truth] = lead
    logits[np.arange(n), truth ^ 1] = 0.0
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    mixed = (1 - rate) * probs + rate / (c - 1) * (1 - probs)  # as seen by a model that learns the given labels
    flip = rng.random(n) < rate
    given = np.where(flip, (truth + rng.integers(1, c, n)) % c, truth)
    return mixed.astype(np.float32), given, truth


@pytest.mark.parametrize("rate", [0.1, 0.2])
def test_even_noise_under_a_model_that_confuses_pairs_is_found_as_well_as_by_the_best_threshold(rate):
    probs, given, truth = confusable(5000, rate, 0)
    wrong = given != truth
    found = label_errors(given, probs)
    flag = found.table["flag"].to_numpy()
    f1 = 2 * (flag & wrong).sum() / (flag.sum() + wrong.sum())
    plain = wrong[np.argsort(probs[np.arange(5000), given], kind="stable")]
    best = (2 * plain.cumsum() / (np.arange(1, 5001) + wrong.sum())).max()
    assert f1 > best - 0.02
    assert found.noise_rate == pytest.approx(wrong.mean(), abs=0.03)
    disagrees = probs.argmax(axis=1) != given
    assert f1 > 2 * (disagrees & wrong).sum() / (disagrees.sum() + wrong.sum()) + 0.05
