"""Strategies that pick, one by one, the row that most widens what the labels cover, by lazy greedy selection.

All maximise F(S) = sum_i w_i max_{s in S} k(x_i, x_s) over the rows i of the pool, S holding labels and picks. They
differ in the kernel (smooth, or 1 inside a ball) and in the weights (even, or the uncertainty). F is submodular: a gain
computed earlier bounds the gain now, so only few candidates are ever looked at again (Minoux 1978) and the picks are
those of plain greedy. Kernel blocks are computed when needed; memory stays linear in the rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dqkit.acquisition.strategies.pool import Pool
from dqkit.acquisition.strategies.uncertain import margin_scores, random
from dqkit.arrays.distances import nearest, squared_distances, squared_norms

BLOCK = 1024
LAZY_BLOCK = 32
CACHE_BYTES = 128 * 2**20
MAX_ROWS = 60_000


def maxherding(pool: Pool, n: int) -> NDArray[np.int64]:
    """n candidates that most raise the mean Gaussian similarity of a row to its nearest label (Bae et al. 2024)."""
    return _herd(pool, n, "maxherding")


def uncertainty_herding(pool: Pool, n: int) -> NDArray[np.int64]:
    """n candidates that most raise the coverage of the rows the model is unsure of (Bae et al. 2025).

    MaxHerding with each row weighted by its margin score, so it goes from coverage to uncertainty as the model learns.
    """
    return _herd(pool, n, "uncertainty_herding")


def probcover(pool: Pool, n: int) -> NDArray[np.int64]:
    """n candidates whose balls hold most rows that no label's ball holds yet (ProbCover, Yehuda et al. 2022).

    The radius is the one `ball_radius` finds. Once every row is covered, equal gains go by position.
    """
    x = pool.embedding("probcover")
    if x is None:
        return random(pool, n)
    rows = coverage_rows(pool, n)
    radius = ball_radius(x[rows], len(pool.labeled) + n, pool.seed)
    return greedy_cover(pool, x, rows, n, np.ones(len(rows), np.float32), Ball(radius))


def _herd(pool: Pool, n: int, name: str) -> NDArray[np.int64]:
    x = pool.embedding(name)
    if x is None:
        return random(pool, n)
    rows = coverage_rows(pool, n)
    weights = np.ones(len(rows), np.float32)
    if name == "uncertainty_herding":
        weights = margin_scores(pool.probabilities(name)[rows]).astype(np.float32)
    return greedy_cover(pool, x, rows, n, weights, Gaussian(bandwidth(x[rows], pool.seed)))


class Gaussian:
    """exp(-squared distance / bandwidth)."""

    def __init__(self, width: float) -> None:
        self.width = max(width, 1e-12)

    def __call__(self, squared: NDArray[np.float32]) -> NDArray[np.float32]:
        squared *= np.float32(-1 / self.width)
        return np.asarray(np.exp(squared, out=squared))


class Ball:
    """1 within the radius, else 0."""

    def __init__(self, radius: float) -> None:
        self.squared_radius = np.float32(radius * radius * (1 + 1e-5))

    def __call__(self, squared: NDArray[np.float32]) -> NDArray[np.float32]:
        return (squared <= self.squared_radius).astype(np.float32)


Kernel = Gaussian | Ball


def coverage_rows(pool: Pool, n: int) -> NDArray[np.int64]:
    """Positions to cover and to pick from: every candidate, or a uniform sample of 60,000 (labelled rows are covered).

    With the sample, each mean coverage is off by more than 0.01 with probability under 2 exp(-2 * 60,000 * 0.01^2)
    = 1.2e-5 (Hoeffding; the kernel lies in [0, 1]).
    """
    return pool.shortlist(n, MAX_ROWS)


def bandwidth(x: NDArray[np.float32], seed: int) -> float:
    """The kernel's width: the mean squared distance between rows, from at most 1000 of them, over ten."""
    some = _some(x, 1000, seed)
    squared = squared_distances(some, some)
    return float(squared.sum(dtype=np.float64) / max(len(some) * (len(some) - 1), 1)) / 10


def ball_radius(x: NDArray[np.float32], labels: int, seed: int) -> float:
    """The radius of a ball that holds a 1 / labels share of the rows, in the median over 1000 rows.

    With that radius as many balls as there will be labels could just cover the pool. (The paper tunes the radius by the
    purity of k-means pseudo-labels; this needs no number of classes.)
    """
    some = _some(x, 1000, seed)
    squared = squared_distances(some, _some(x, 4000, seed + 1))
    place = (
        int(np.clip(np.ceil(squared.shape[1] / max(labels, 1)), 1, squared.shape[1] - 1)) if squared.shape[1] > 1 else 0
    )
    return float(np.sqrt(np.median(np.partition(squared, place, axis=1)[:, place])))


def _some(x: NDArray[np.float32], size: int, seed: int) -> NDArray[np.float32]:
    return x if len(x) <= size else x[np.sort(np.random.default_rng(seed).choice(len(x), size, replace=False))]


def greedy_cover(
    pool: Pool, x: NDArray[np.float32], rows: NDArray[np.int64], n: int, weights: NDArray[np.float32], kernel: Kernel
) -> NDArray[np.int64]:
    """n of the rows, each of greatest gain given the labels and those before it; equal gains go by position."""
    data = x[rows]
    covered = np.zeros(len(rows), np.float32)
    if len(pool.labeled):
        covered = kernel(nearest(data, x[pool.anchors])[1])
    return np.asarray(rows[lazy_greedy(data, covered, weights, kernel, n)], dtype=np.int64)


class KernelRows:
    """Rows of the kernel matrix on demand; the latest ones are kept, up to 128 MB of them."""

    def __init__(self, data: NDArray[np.float32], kernel: Kernel) -> None:
        self.data, self.kernel, self.norms = data, kernel, squared_norms(data)
        self.room = max(16 * LAZY_BLOCK, CACHE_BYTES // (4 * max(len(data), 1)))
        self.kept: dict[int, NDArray[np.float32]] = {}

    def __call__(self, places: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """One (rows,) array per place."""
        new = [int(at) for at in places if int(at) not in self.kept]
        while self.kept and len(self.kept) + len(new) > self.room:
            del self.kept[next(iter(self.kept))]
        if new:
            squared = squared_distances(self.data[new], self.data, self.norms[new], self.norms)
            self.kept.update(zip(new, self.kernel(squared), strict=True))
        return [self.kept[int(at)] if int(at) in self.kept else self(np.array([at]))[0] for at in places]


def lazy_greedy(
    data: NDArray[np.float32], covered: NDArray[np.float32], weights: NDArray[np.float32], kernel: Kernel, n: int
) -> NDArray[np.int64]:
    """Places of n rows picked greedily.

    covered: (rows,) similarity of each row to its nearest label so far; updated in place. weights: (rows,).
    """
    rows = KernelRows(data, kernel)
    bound = all_gains(rows, covered, weights)
    tolerance = 1e-6 * float(weights.sum())
    fresh = np.zeros(len(bound), np.int64)
    picks: list[int] = []
    scratch = np.empty(len(data), np.float32)
    while len(picks) < n:
        stamp = len(picks)
        size = LAZY_BLOCK
        while True:
            best = np.argpartition(-bound, size - 1)[:size] if size < len(bound) else np.arange(len(bound))
            stale = best[(fresh[best] != stamp) & np.isfinite(bound[best])]
            if not len(stale):
                break
            for at, row in zip(stale.tolist(), rows(stale), strict=True):
                np.subtract(row, covered, out=scratch)
                bound[at] = np.maximum(scratch, 0, out=scratch) @ weights
            fresh[stale] = stamp
            if fresh[int(bound.argmax())] == stamp:
                break
            size = min(2 * size, 8 * LAZY_BLOCK)
        ties = np.flatnonzero((bound >= bound.max() - tolerance) & (fresh == stamp))
        at = int(ties[0])
        picks.append(at)
        np.maximum(covered, rows(np.array([at]))[0], out=covered)
        bound[at] = -np.inf
        fresh[at] = n
    return np.array(picks, np.int64)


def all_gains(rows: KernelRows, covered: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """(rows,) what each row alone would add. Each kernel block serves both its rows and its columns."""
    data, norms, kernel = rows.data, rows.norms, rows.kernel
    gains = np.zeros(len(data), np.float64)
    for start in range(0, len(data), BLOCK):
        stop = min(start + BLOCK, len(data))
        for other in range(start, len(data), BLOCK):
            end = min(other + BLOCK, len(data))
            block = kernel(squared_distances(data[start:stop], data[other:end], norms[start:stop], norms[other:end]))
            gains[start:stop] += np.maximum(block - covered[other:end], 0) @ weights[other:end]
            if other > start:
                block -= covered[start:stop, None]
                gains[other:end] += weights[start:stop] @ np.maximum(block, 0, out=block)
    return gains
