"""k-means, by Euclidean distance or by direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.distances import nearest, squared_distances, squared_norms

SEED_ROWS = 4096


def kmeans(
    x: NDArray[np.float32], k: int, *, seed: int, iterations: int = 10, sample: int = 10_000
) -> NDArray[np.int64]:
    """(n,) cluster of each row by Lloyd's algorithm with k-means++ seeds, fitted on at most `sample` rows.

    Fewer than k clusters come back when fewer distinct rows exist.
    """
    rng = np.random.default_rng(seed)
    rows = x if len(x) <= sample else x[np.sort(rng.choice(len(x), sample, replace=False))]
    seeds = rows if len(rows) <= SEED_ROWS else rows[np.sort(rng.choice(len(rows), max(SEED_ROWS, k), replace=False))]
    return nearest(x, lloyd(rows, _plus_plus(seeds, k, rng), iterations=iterations, settled=1e-3))[0]


def lloyd(
    x: NDArray[np.float32],
    centers: NDArray[np.float32],
    *,
    iterations: int,
    settled: float = 0.0,
    directions: bool = False,
) -> NDArray[np.float32]:
    """(k, d) the centers after Lloyd's algorithm, written in place; a center without a row stays where it is.

    It ends early once less than a share `settled` of the rows changes its cluster. directions: rows and centers have
    length one, and a row belongs to the center of the largest cosine (spherical k-means).
    """
    before = np.empty(0, np.int64)
    for _ in range(iterations):
        place = np.argmax(x @ centers.T, axis=1) if directions else nearest(x, centers)[0]
        if len(before) and (place != before).mean() < settled:
            break
        before = place
        order = np.argsort(place, kind="stable")
        present, starts, counts = np.unique(place[order], return_index=True, return_counts=True)
        sums = np.add.reduceat(x[order], starts, axis=0)
        lengths = np.maximum(np.linalg.norm(sums, axis=1), 1e-9) if directions else counts
        centers[present] = sums / lengths[:, None]
    return centers


def _plus_plus(x: NDArray[np.float32], k: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Up to k distinct rows, each drawn in proportion to its squared distance from those before."""
    norms = squared_norms(x)
    chosen = [int(rng.integers(len(x)))]
    gap = squared_distances(x, x[chosen], norms)[:, 0]
    while len(chosen) < min(k, len(x)):
        gap[chosen] = 0
        mass = np.cumsum(gap, dtype=np.float64)
        if mass[-1] <= 0:
            break
        at = int(min(np.searchsorted(mass, rng.random() * mass[-1], side="right"), len(x) - 1))
        chosen.append(at)
        np.minimum(gap, squared_distances(x, x[at : at + 1], norms)[:, 0], out=gap)
    return x[chosen].copy()
