"""The default strategy: cover the pool while the model knows little, then cover what it is unsure of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dqkit.acquisition.cover import typiclust
from dqkit.acquisition.distance import nearest
from dqkit.acquisition.doubt import margin_scores
from dqkit.acquisition.herding import Gaussian, bandwidth, coverage_rows, greedy_cover
from dqkit.acquisition.pool import Pool

EVIDENCE_ROWS = 1500
RIDGES = (1e-3, 1e-2, 1e-1, 1.0)


def auto(pool: Pool, n: int) -> NDArray[np.int64]:
    """n candidates that most widen the coverage of rows the model is unsure of, as far as it can be trusted to know.

    Uncertainty herding (Bae et al. 2025) on calibrated probabilities: leave-one-out accuracy on the labelled rows says
    how often a model of these features is right, and one temperature makes the mean confidence over the pool agree
    with it. While that accuracy is near chance every row is equally uncertain and the picks are typical and
    diverse (MaxHerding); as it rises, weight moves to the rows whose margin is small, with no fixed switch.
    Without probabilities: TypiClust. Without features: distance between probabilities, said in a warning.
    """
    if pool.pred_probs is None:
        return typiclust(pool, n)
    x = pool.embedding("auto")
    assert x is not None  # there are probabilities to stand in
    rows = coverage_rows(pool, n)
    probs = pool.pred_probs[rows].astype(np.float64)
    accuracy = evidence(pool, x)
    if accuracy is not None:
        probs = tempered(probs, accuracy)
    weights = margin_scores(probs).astype(np.float32)
    return greedy_cover(pool, x, rows, n, weights, Gaussian(reach(pool, x, rows)))


def reach(pool: Pool, x: NDArray[np.float32], rows: NDArray[np.int64]) -> float:
    """The kernel's width: MaxHerding's, but no more than a third of the median squared distance to the nearest label.

    As labels close in on each other, a new one is taken to speak for a smaller neighbourhood, and the picks turn from
    regions to single rows the model is unsure of.
    """
    width = bandwidth(x[rows], pool.seed)
    if not len(pool.labeled):
        return width
    return min(width, float(np.median(nearest(x[rows], x[pool.anchors])[1])) / 3)


def evidence(pool: Pool, x: NDArray[np.float32]) -> float | None:
    """Leave-one-out accuracy of ridge regression on the labelled rows (at most 1500 of them); None with no labels.

    Exact leave-one-out residuals of kernel ridge, y_i - f_-i(x_i) = alpha_i / (K + lambda I)^-1_ii, on the best of four
    lambdas; class priors are added back after centring.
    """
    known = pool.labeled[pool.labels[pool.labeled] >= 0]
    if not len(known):
        return None
    if len(known) > EVIDENCE_ROWS:
        known = np.sort(pool.rng.choice(known, EVIDENCE_ROWS, replace=False))
    _, y = np.unique(pool.labels[known], return_inverse=True)
    if y.max() == 0 or len(known) < 3:
        return 0.0
    return max(leave_one_out(x[known], y, ridge) for ridge in RIDGES)


def leave_one_out(x: NDArray[np.float32], y: NDArray[np.int64], ridge: float) -> float:
    """Share of rows that kernel ridge on all other rows puts in their class; ridge in mean squared norms."""
    rows = x.astype(np.float64)
    gram = rows @ rows.T
    scale = float(np.trace(gram)) / len(rows)
    # a constant column worth the mean squared norm plays the intercept, so that leaving a row out stays exact
    inverse = np.linalg.inv(gram / max(scale, 1e-12) + 1.0 + ridge * np.eye(len(rows)))
    targets = np.eye(int(y.max()) + 1)[y]
    held_out = targets - (inverse @ targets) / np.diag(inverse)[:, None]
    return float((held_out.argmax(axis=1) == y).mean())


def tempered(probs: NDArray[np.float64], accuracy: float) -> NDArray[np.float64]:
    """The probabilities raised to one power and renormalised, so that their mean confidence equals the accuracy.

    The power stays within [1/100, 100]; accuracy is held between chance and 0.995.
    """
    logs = np.log(np.clip(probs, 1e-12, 1))
    goal = float(np.clip(accuracy, 1 / probs.shape[1], 0.995))
    low, high = -np.log(100.0), np.log(100.0)
    out = probs
    for _ in range(30):
        middle = (low + high) / 2
        out = np.exp(np.exp(middle) * (logs - logs.max(axis=1, keepdims=True)))
        out /= out.sum(axis=1, keepdims=True)
        low, high = (middle, high) if out.max(axis=1).mean() < goal else (low, middle)
    return out
