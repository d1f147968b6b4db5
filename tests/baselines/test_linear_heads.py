from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from dqkit.baselines.calibration import softmax
from dqkit.baselines.linear_heads import log_loss_of, logistic_folds


def problem(n: int, d: int, c: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, c, n)
    x = (rng.normal(size=(n, d)) + rng.normal(size=(c, d))[y]) * (1 + np.arange(d)) ** -0.7
    return x.astype(np.float32), y, rng.integers(0, 3, n)


@pytest.mark.parametrize("c", [2, 5])
@pytest.mark.parametrize("penalty", [0.1, 3.0])
def test_every_fold_equals_scikit_learn_on_its_training_rows_alone(c: int, penalty: float) -> None:
    x, y, folds = problem(300, 8, c, 0)
    folds[::11] = -1
    ours = logistic_folds(x, y, folds, c, penalty=penalty, tolerance=2e-6)
    for fold in range(3):
        train = (folds != fold) & (folds >= 0)
        design = np.hstack([x, np.ones((len(x), 1))])[train]

        def gradient(w: np.ndarray, design: np.ndarray = design, train: np.ndarray = train) -> np.ndarray:
            residual = softmax(design @ w) - np.eye(c)[y[train]]
            return np.asarray((design.T @ residual + penalty * np.vstack([w[:-1], 0 * w[-1:]])) / train.sum())

        assert np.abs(gradient(ours[fold].astype(np.float64))).max() < 1e-5  # the optimum of a convex loss is unique
        twin = LogisticRegression(C=1 / penalty, tol=1e-8, max_iter=5000).fit(x[train], y[train])
        np.testing.assert_allclose(
            softmax((x @ ours[fold, :-1] + ours[fold, -1]).astype(np.float64)),
            twin.predict_proba(x),
            atol=2e-3 if c > 2 else 1,
        )


def test_an_absent_class_gets_a_small_probability() -> None:
    x, y, folds = problem(120, 4, 3, 1)
    w = logistic_folds(x, y, folds, 4)
    probs = softmax((x @ w[0, :-1] + w[0, -1]).astype(np.float64))
    assert probs[:, 3].max() < 0.05
    assert np.isfinite(log_loss_of(w[0], x, y))
