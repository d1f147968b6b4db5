from __future__ import annotations

import numpy as np
import pytest

from dqkit.baselines.calibration import Calibration, fit_calibration, pool_exponents, softmax


def log_loss(probs: np.ndarray, y: np.ndarray) -> float:
    return float(-np.log(probs[np.arange(len(y)), y]).mean())


def test_a_calibration_is_temperature_then_floor() -> None:
    out = Calibration(temperature=2.0, floor=0.1)(np.array([[0.0, 2 * np.log(3)]], dtype=np.float32))
    assert out[0] == pytest.approx([0.9 * 0.25 + 0.05, 0.9 * 0.75 + 0.05])


def test_the_temperature_that_made_the_labels_is_found() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20_000, 4)) * 3
    y = (softmax(scores).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    found = fit_calibration(5 * scores, y)
    assert found.temperature == pytest.approx(5, rel=0.06)
    assert found.floor < 0.02


def test_flipped_labels_raise_the_floor_and_not_the_temperature() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 5, 8_000)
    scores = 8 * np.eye(5)[truth] + rng.normal(size=(8_000, 5))
    y = np.where(rng.random(8_000) < 0.2, rng.integers(0, 5, 8_000), truth)
    found = fit_calibration(scores, y)
    assert found.floor == pytest.approx(0.2, abs=0.03)
    assert found(scores).max(axis=1).mean() == pytest.approx(0.84, abs=0.02)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_constant_or_missing_scores_stay_uniform(n: int) -> None:
    found = fit_calibration(np.ones((n, 3)), np.zeros(n, dtype=np.int64))
    assert found(np.ones((2, 3))) == pytest.approx(np.full((2, 3), 1 / 3))


def pooled_loss(exponents: np.ndarray, logs: np.ndarray, y: np.ndarray) -> float:
    return log_loss(softmax(sum(w * part for w, part in zip(exponents, logs, strict=True))), y)


def test_no_other_exponents_on_a_fine_grid_have_less_log_loss() -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 400)
    logs = np.log(np.stack([softmax(s * np.eye(3)[y] + rng.normal(size=(400, 3))) for s in (0.5, 1.0, 2.0)]))
    found = pool_exponents(logs, y)
    assert (found >= 0).all()
    ours = pooled_loss(found, logs, y)
    for a in np.linspace(0, 2, 11):
        for b in np.linspace(0, 2, 11):
            for c in np.linspace(0, 2, 11):
                assert ours <= pooled_loss(np.array([a, b, c]), logs, y) + 1e-4


def test_two_independent_witnesses_are_believed_more_than_their_average() -> None:
    """Votes of independent members multiply (Bayes): two that say 3:1 make 9:1, where an average stays at 3:1."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 4_000)
    said = np.where(rng.random((2, 4_000)) < 0.75, y, 1 - y)
    logs = np.log(np.where(np.arange(2) == said[..., None], 0.75, 0.25))
    assert pool_exponents(logs, y) == pytest.approx([1, 1], abs=0.12)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_samples_leave_every_member_a_share(n: int) -> None:
    logs = np.log(np.array([[[0.6, 0.4]] * n, [[0.5, 0.5]] * n]).reshape(2, n, 2))
    found = pool_exponents(logs, np.zeros(n, dtype=np.int64))
    assert np.isfinite(found).all()
    assert found.sum() > 0
