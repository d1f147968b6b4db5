"""Noise by class and sharpness fitted together."""

from __future__ import annotations

import numpy as np
import pytest

from dqkit.signals.label_noise.class_noise import class_noise
from dqkit.signals.label_noise.label_errors import label_errors


def weak_model(n, rate, seed, c=5, sharpness=1.6):
    """A calibrated model that is right in about two thirds of the rows, and labels with even noise."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.normal(size=(n, c))
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (rng.random(n)[:, None] > probs.cumsum(axis=1)).sum(axis=1).clip(0, c - 1)
    flip = rng.random(n) < rate
    return probs.astype(np.float32), np.where(flip, (truth + rng.integers(1, c, n)) % c, truth), truth


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.3])
def test_the_doubt_of_a_calibrated_model_is_not_booked_as_noise(rate):
    probs, labels, _ = weak_model(8000, rate, 0)
    found = class_noise(probs, labels, 0)
    assert found.rate == pytest.approx(rate, abs=0.035)
    assert found.doubt == pytest.approx(1 - probs.max(axis=1).mean(), abs=0.06)


def test_noise_by_class_comes_back_with_a_sharp_model():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 4000)
    matrix = np.array([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [0.1, 0.0, 0.9]])
    labels = (rng.random(4000)[:, None] > matrix[truth].cumsum(axis=1)).sum(axis=1)
    clean = (0.02 + 0.94 * np.eye(3)[truth]).astype(np.float32)
    found = class_noise(clean, labels, 0)
    assert found.rate == pytest.approx((labels != truth).mean(), abs=0.01)
    assert found.doubt < 0.05


def test_one_step_of_em_is_the_slow_loop():
    # A single class noise matrix and exponent 1: the expected counts by hand.
    probs = np.array([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]])
    labels = [0, 0, 1]
    matrix = np.array([[0.9, 0.1], [0.1, 0.9]])
    slow = np.zeros((2, 2))
    for row, label in zip(probs, labels, strict=True):
        joint = [row[t] * matrix[t, label] for t in range(2)]
        for t in range(2):
            slow[t, label] += joint[t] / sum(joint)
    fast = np.zeros((2, 2))
    joint = probs * matrix.T[labels]
    joint /= joint.sum(axis=1, keepdims=True)
    fast[:, [0, 1]] = np.add.reduceat(joint, [0, 2], axis=0).T
    np.testing.assert_allclose(fast, slow)


def test_a_weak_model_on_nearly_clean_labels_is_held_to_be_weak():
    probs, labels, truth = weak_model(4000, 0.03, 1)
    wrong = labels != truth
    found = label_errors(labels, probs)
    disagree = (probs.argmax(axis=1) != labels).mean()
    assert disagree > 0.25
    assert found.table["flag"].mean() < disagree
    assert found.noise_rate < disagree / 2
    low, high = found.noise_rate_interval
    assert low <= wrong.mean() <= high
