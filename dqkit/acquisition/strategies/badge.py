"""BADGE: k-means++ seeds among the gradients a label would cause, without ever writing the gradients down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dqkit.acquisition.strategies.pool import MAX_CANDIDATES, Pool
from dqkit.acquisition.strategies.uncertain import random
from dqkit.arrays.distances import squared_norms


def badge(pool: Pool, n: int) -> NDArray[np.int64]:
    """n candidates drawn by k-means++ on the last layer's gradients under the predicted class (Ash et al. 2020).

    The gradient of row i is the outer product of e_i = p_i - onehot(argmax p_i) and its features h_i, so
    |g_i - g_j|^2 = |e_i|^2 |h_i|^2 + |e_j|^2 |h_j|^2 - 2 (e_i . e_j)(h_i . h_j). The first pick has the largest
    gradient; each next one is drawn in proportion to the squared distance from the picks before it.
    """
    probs = pool.probabilities("badge")
    x = pool.embedding("badge")
    if x is None:
        return random(pool, n)
    candidates = pool.shortlist(n, MAX_CANDIDATES)
    return candidates[plus_plus(x[candidates], error_vectors(probs[candidates]), n, pool.rng)]


def error_vectors(probs: NDArray[np.floating]) -> NDArray[np.float32]:
    """(n, c) p - onehot(argmax p)."""
    out = np.array(probs, dtype=np.float32)
    out[np.arange(len(out)), probs.argmax(axis=1)] -= 1
    return out


def plus_plus(
    rows: NDArray[np.float32], errors: NDArray[np.float32], n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Places of n distinct rows; those with no gradient left to tell apart come last, by place."""
    sizes = squared_norms(errors) * squared_norms(rows)
    picks = [int(sizes.argmax())]
    gap = np.full(len(rows), np.inf, np.float32)
    while len(picks) < n:
        at = picks[-1]
        product = (rows @ rows[at]) * (errors @ errors[at])
        np.minimum(gap, np.maximum(sizes + sizes[at] - 2 * product, 0), out=gap)
        gap[picks] = 0
        mass = np.cumsum(gap, dtype=np.float64)
        if mass[-1] <= 1e-12 * float(sizes.max()):
            rest = np.setdiff1d(np.arange(len(rows)), picks)
            return np.concatenate([picks, rest[: n - len(picks)]]).astype(np.int64)
        at = int(np.searchsorted(mass, rng.random() * mass[-1], side="right"))
        picks.append(min(at, len(rows) - 1))
    return np.array(picks, np.int64)
