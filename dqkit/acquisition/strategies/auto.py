"""The default strategy: cover the pool while the model knows little, then cover what it is unsure of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dqkit.acquisition.strategies.cover import typiclust
from dqkit.acquisition.strategies.herding import Gaussian, bandwidth, coverage_rows, greedy_cover
from dqkit.acquisition.strategies.pool import Pool
from dqkit.acquisition.strategies.uncertain import margin_scores
from dqkit.arrays.distances import nearest, squared_norms

EVIDENCE_ROWS = 1000
RIDGES = (1e-3, 1e-2, 1e-1, 1.0)


def auto(pool: Pool, n: int) -> NDArray[np.int64]:
    """n candidates that most widen the coverage of rows the model is unsure of, as far as it can be trusted to know.

    Uncertainty herding (Bae et al. 2025) on calibrated probabilities: leave-one-out accuracy on the labelled rows says
    how often a model of these features is right, and one temperature makes the mean confidence over the pool agree
    with it. While that accuracy is near chance every row is equally uncertain and the picks are typical and
    diverse (MaxHerding); as it rises, weight moves to the rows whose margin is small, with no fixed switch. Distances
    are between the rows as they are or at one length, whichever foretells the labels better.
    Without probabilities: TypiClust. Without features: distance between probabilities, said in a warning.
    """
    if pool.pred_probs is None:
        return typiclust(pool, n)
    x = pool.embedding("auto")
    assert x is not None  # there are probabilities to stand in
    rows = coverage_rows(pool, n)
    probs = pool.pred_probs[rows].astype(np.float64)
    x, accuracy = geometry(pool, x)
    if accuracy is not None:
        probs = tempered(probs, accuracy)
    weights = margin_scores(probs).astype(np.float32)
    return greedy_cover(pool, x, rows, n, weights, Gaussian(reach(pool, x, rows)))


def geometry(pool: Pool, x: NDArray[np.float32]) -> tuple[NDArray[np.float32], float | None]:
    """The rows as they are, or scaled to length one if that is strictly better evidence, and the evidence."""
    plain = evidence(pool, x)
    if plain is None or plain >= 1:
        return x, plain
    some = pool.labeled
    scaled = evidence(pool, unit(x[some]), at=some)
    if scaled is None or scaled <= plain:
        return x, plain
    return unit(x), scaled


def unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows at length one; a row of zeros stays."""
    return np.asarray(x / np.maximum(np.sqrt(squared_norms(x)), 1e-12)[:, None], dtype=np.float32)


def reach(pool: Pool, x: NDArray[np.float32], rows: NDArray[np.int64]) -> float:
    """The kernel's width: MaxHerding's, but no more than a third of the median squared distance to the nearest label.

    As labels close in on each other, a new one is taken to speak for a smaller neighbourhood, and the picks turn from
    regions to single rows the model is unsure of.
    """
    width = bandwidth(x[rows], pool.seed)
    if not len(pool.labeled):
        return width
    return min(width, float(np.median(nearest(x[rows], x[pool.anchors])[1])) / 3)


def evidence(pool: Pool, x: NDArray[np.float32], *, at: NDArray[np.int64] | None = None) -> float | None:
    """Leave-one-out accuracy of ridge regression on the labelled rows (at most 1000 of them); None with no labels.

    at: the positions that the rows of x stand for (default: all). Exact leave-one-out residuals of kernel ridge,
    y_i - f_-i(x_i) = alpha_i / (K + lambda I)^-1_ii, on the best of four lambdas.
    """
    here = np.arange(pool.size) if at is None else at
    known = np.flatnonzero((pool.labels[here] >= 0) & np.isin(here, pool.labeled, assume_unique=True))
    if not len(known):
        return None
    if len(known) > EVIDENCE_ROWS:
        known = np.sort(pool.rng.choice(known, EVIDENCE_ROWS, replace=False))
    _, y = np.unique(pool.labels[here[known]], return_inverse=True)
    if y.max() == 0 or len(known) < 3:
        return 0.0
    return float(leave_one_out(x[known], y, RIDGES).max())


def leave_one_out(x: NDArray[np.float32], y: NDArray[np.int64], ridges: Sequence[float]) -> NDArray[np.float64]:
    """Per ridge, in mean squared norms: the share of rows that kernel ridge on all other rows puts in their class."""
    rows = x.astype(np.float64)
    gram = rows @ rows.T
    scale = float(np.trace(gram)) / len(rows)
    # a constant column worth the mean squared norm plays the intercept, so that leaving a row out stays exact
    values, vectors = np.linalg.eigh(gram / max(scale, 1e-12) + 1.0)
    targets = np.eye(int(y.max()) + 1)[y]
    turned, squares = vectors.T @ targets, vectors**2
    out = []
    for ridge in ridges:
        inverse = 1 / (np.maximum(values, 0) + ridge)
        held_out = targets - vectors @ (inverse[:, None] * turned) / (squares @ inverse)[:, None]
        out.append(float((held_out.argmax(axis=1) == y).mean()))
    return np.array(out)


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
