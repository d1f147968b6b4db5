from __future__ import annotations

import numpy as np
import pytest

from dqkit.baselines.calibration import Calibration, fit_calibration, mixture_weights, softmax


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


def test_no_other_weights_on_a_fine_grid_have_less_log_loss() -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 400)
    members = np.stack([softmax(s * np.eye(3)[y] + rng.normal(size=(400, 3))) for s in (0.5, 1.0, 2.0)])
    weights = mixture_weights(members.astype(np.float32), y, rounds=2_000)
    assert weights.sum() == pytest.approx(1)
    ours = log_loss(np.tensordot(weights, members, 1), y)
    for a in np.linspace(0, 1, 21):
        for b in np.linspace(0, 1 - a, 21):
            assert ours <= log_loss(np.tensordot([a, b, 1 - a - b], members, 1), y) + 1e-4
