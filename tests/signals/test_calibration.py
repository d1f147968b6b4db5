"""Calibration against hand calculation, a grid of temperatures and resampling."""

from __future__ import annotations

import numpy as np
import pytest

from dqkit.records import InputError
from dqkit.signals import calibration, fit_temperature


def planted(n: int, c: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from probabilities, and the over- or under-confident probabilities that are reported instead."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, c)) * 2
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (rng.random((n, 1)) > true.cumsum(axis=1)).sum(axis=1).clip(0, c - 1)
    told = true**temperature
    return labels, told / told.sum(axis=1, keepdims=True)


def log_loss(labels, probs, temperature):
    scaled = probs ** (1 / temperature)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return -np.log(scaled[np.arange(len(labels)), labels]).mean()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_planted_temperature_is_found(temperature):
    labels, probs = planted(20_000, 5, temperature)
    assert fit_temperature(labels, probs) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_no_temperature_of_a_grid_has_a_lower_log_loss(seed):
    labels, probs = planted(200, 3, 3.0, seed)
    found = fit_temperature(labels, probs)
    best = min(log_loss(labels, probs, t) for t in np.geomspace(0.05, 20, 400))
    assert log_loss(labels, probs, found) <= best + 1e-9


def test_probabilities_that_are_always_right_or_wrong_stay_within_the_bounds():
    probs = np.array([[0.6, 0.4], [0.4, 0.6]])
    assert 0.05 <= fit_temperature(np.array([0, 1]), probs) < 0.1
    assert fit_temperature(np.array([1, 0]), probs) == pytest.approx(20)


def test_the_plain_error_is_the_weighted_gap_of_the_bins():
    # Confidences .6, .6, .9, .9 of which 1 of 2 and 2 of 2 are right: (|.6 - .5| + |.9 - 1|) / 2.
    probs = [[0.6, 0.4], [0.6, 0.4], [0.9, 0.1], [0.1, 0.9]]
    found = calibration([0, 1, 0, 1], probs, bins=10)
    assert found.ece_plain == pytest.approx(0.1)
    assert found.reliability["count"].tolist() == [2, 2]
    assert found.reliability["accuracy"].tolist() == [0.5, 1.0]
    assert found.accuracy == 0.75
    assert found.confidence == pytest.approx(0.75)


def test_the_debiased_error_agrees_with_resampling_the_accuracy_of_each_bin():
    labels, probs = planted(300, 4, 1.4, seed=2)
    found = calibration(labels, probs, bins=8)
    table = found.reliability
    rng = np.random.default_rng(0)
    sigma = np.sqrt(table["accuracy"] * (1 - table["accuracy"]) / table["count"]).to_numpy()
    drawn = table["accuracy"].to_numpy() + sigma * rng.normal(size=(200_000, len(table)))
    gap = np.abs(table["confidence"] - table["accuracy"]).to_numpy()
    bias = np.abs(table["confidence"].to_numpy() - drawn).mean(axis=0) - gap
    share = (table["count"] / table["count"].sum()).to_numpy()
    assert found.ece == pytest.approx(max(0.0, float((share * (gap - bias)).sum())), abs=2e-4)


def test_calibrated_probabilities_have_less_debiased_than_plain_error():
    debiased, plain = zip(
        *[(f.ece, f.ece_plain) for f in (calibration(*planted(400, 4, 1.0, s)) for s in range(20))], strict=True
    )
    assert np.mean(plain) > 0.03
    assert np.mean(debiased) < 0.6 * np.mean(plain)


def test_unlabelled_rows_are_left_out():
    labels, probs = planted(100, 3, 2.0)
    padded = calibration(np.append(labels, [-1, -1]), np.vstack([probs, [[1, 0, 0], [0, 1, 0]]]))
    assert padded.temperature == calibration(labels, probs).temperature
    assert padded.n == 100


def test_bad_input_is_named():
    with pytest.raises(InputError, match="at least one labelled"):
        calibration([-1], [[0.5, 0.5]])
    with pytest.raises(InputError, match="below 2"):
        calibration([2], [[0.5, 0.5]])
    with pytest.raises(InputError, match="each of the 1 rows"):
        calibration([0, 1], [[0.5, 0.5]])
    with pytest.raises(InputError, match="bins"):
        calibration([0], [[0.5, 0.5]], bins=0)
    with pytest.raises(InputError, match="whole numbers"):
        calibration([0.5], [[0.5, 0.5]])


def test_one_class_has_nothing_to_calibrate():
    found = calibration([0, 0], [[1.0], [1.0]])
    assert (found.temperature, found.ece, found.log_loss) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("bins", [0, 2.5, True, "3"])
def test_bins_are_a_whole_number(bins):
    with pytest.raises(InputError, match="bins must be a whole number"):
        calibration([0, 1], [[0.9, 0.1], [0.2, 0.8]], bins=bins)
