"""Squared Euclidean distances and k-means in float32 blocks, so that memory stays linear in the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 2048
SEED_ROWS = 4096


def squared_norms(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) squared lengths of the rows."""
    return np.asarray(np.einsum("ij,ij->i", x, x), dtype=np.float32)


def squared_distances(
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    a_norms: NDArray[np.float32] | None = None,
    b_norms: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """(len(a), len(b)) squared distances, never negative."""
    out = a @ b.T
    out *= -2
    out += (squared_norms(a) if a_norms is None else a_norms)[:, None]
    out += (squared_norms(b) if b_norms is None else b_norms)[None, :]
    return np.asarray(np.maximum(out, 0, out=out))


def nearest(x: NDArray[np.float32], centers: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(n,) place of the nearest center of each row and the squared distance to it."""
    place = np.empty(len(x), np.int64)
    distance = np.empty(len(x), np.float32)
    norms = squared_norms(centers)
    for start in range(0, len(x), BLOCK):
        block = squared_distances(x[start : start + BLOCK], centers, b_norms=norms)
        at = block.argmin(axis=1)
        place[start : start + BLOCK] = at
        distance[start : start + BLOCK] = block[np.arange(len(block)), at]
    return place, distance


def kmeans(
    x: NDArray[np.float32], k: int, *, seed: int, iterations: int = 10, sample: int = 10_000
) -> NDArray[np.int64]:
    """(n,) cluster of each row by Lloyd's algorithm with k-means++ seeds, fitted on at most `sample` rows.

    Fewer than k clusters come back when fewer distinct rows exist.
    """
    rng = np.random.default_rng(seed)
    rows = x if len(x) <= sample else x[np.sort(rng.choice(len(x), sample, replace=False))]
    seeds = rows if len(rows) <= SEED_ROWS else rows[np.sort(rng.choice(len(rows), max(SEED_ROWS, k), replace=False))]
    centers = _plus_plus(seeds, k, rng)
    before = np.empty(0, np.int64)
    for _ in range(iterations):
        place, _ = nearest(rows, centers)
        if len(before) and (place != before).mean() < 1e-3:
            break
        before = place
        order = np.argsort(place, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(place[order]) > 0])
        counts = np.diff(np.r_[starts, len(order)])
        centers[place[order][starts]] = np.add.reduceat(rows[order], starts, axis=0) / counts[:, None]
    return nearest(x, centers)[0]


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
