"""Columns in another order than the classes are told, and heavy noise is not mistaken for them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from dqkit.records import InputError
from dqkit.signals.label_noise.label_errors import label_errors


def two_classes(n, agree, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    predicted = np.where(rng.random(n) < agree, labels, 1 - labels)
    return labels, 0.15 + 0.7 * np.eye(2)[predicted]


def test_inverted_columns_are_refused():
    labels, probs = two_classes(400, 0.95)
    assert label_errors(labels, probs).table["flag"].mean() < 0.1
    with pytest.raises(InputError, match="order of the classes"):
        label_errors(labels, probs[:, ::-1])


def test_columns_that_agree_somewhat_less_than_chance_are_warned_of():
    labels, probs = two_classes(2000, 0.35)
    with pytest.warns(UserWarning, match="right labels are flagged"):
        label_errors(labels, probs)


def test_shifted_columns_of_many_classes_are_refused():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 1000)
    probs = 0.01 + 0.9 * np.eye(10)[labels]
    with pytest.raises(InputError, match="order of the classes"):
        label_errors(labels, np.roll(probs, 1, axis=1))


@pytest.mark.parametrize("c", [3, 10])
def test_seventy_percent_noise_is_no_swap(c):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, c, 3000)
    labels = np.where(rng.random(3000) < 0.7, rng.integers(0, c, 3000), truth)
    matrix = 0.3 * np.eye(c) + 0.7 / c
    probs = (0.02 + (1 - 0.02 * c) * np.eye(c)[truth]) @ matrix
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = label_errors(labels, probs)
    flag, wrong = found.table["flag"].to_numpy(), labels != truth
    assert 2 * (flag & wrong).sum() / (flag.sum() + wrong.sum()) > 0.9


def test_a_handful_of_rows_is_never_refused():
    label_errors([0, 1, 0, 1], [[0.1, 0.9], [0.9, 0.1], [0.1, 0.9], [0.9, 0.1]])
