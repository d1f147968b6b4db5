"""Exact nearest neighbours: small sets in one matrix, large ones in blocks of products with an exact re-rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.knn.points import Found, Metric

SMALL = 1024
TREE_DIMENSIONS = 8


def exact_neighbors(
    features: NDArray[Any], k: int, metric: Metric, first: NDArray[np.int64], *, device: str = "cpu"
) -> Found:
    """Return (n, k) positions and distances of the nearest other rows, nearest first, equal distances by position.

    features: (n, d) float32 or float64, finite, n > k >= 1. first: (n,) from `identical_rows`.
    Cosine distances have the dtype of the features, euclidean ones are float64; identical rows are at exactly 0.
    Up to 1,024 rows the distances are those of scikit-learn, bit for bit. O(n^2 d) time (less in a few dimensions of
    euclidean space), O(n k) memory.
    """
    if len(features) <= SMALL:
        return _small(features, k, metric, first)
    return of_distinct_rows(features, first, k, lambda rows, reach: _large(rows, reach, metric, device))


def of_distinct_rows(
    features: NDArray[Any], first: NDArray[np.int64], k: int, search: Callable[[NDArray[Any], int], Found]
) -> Found:
    """Return neighbours of all rows by searching among the distinct ones: copies of a row come first, at distance 0.

    search: takes distinct rows (at least 2) and how many neighbours of each (fewer than the rows) to return.
    """
    distinct = np.flatnonzero(first == np.arange(len(first)))
    if len(distinct) == len(features):
        return search(features, k)
    reach = min(k, len(distinct) - 1)
    if reach:
        return spread_to_copies(search(features[distinct], reach), first, distinct, k)
    dtype = features.dtype
    return spread_to_copies((np.empty((1, 0), dtype=np.int64), np.empty((1, 0), dtype=dtype)), first, distinct, k)


def _large(features: NDArray[Any], k: int, metric: Metric, device: str) -> Found:
    if len(features) <= SMALL:
        return _small(features, k, metric, np.arange(len(features)))
    if metric == "euclidean" and features.shape[1] <= TREE_DIMENSIONS:
        from dqkit.signals.knn.tree import tree_neighbors

        return tree_neighbors(features, k)
    from dqkit.signals.knn.blocks import block_neighbors

    return block_neighbors(features, k, metric, device=device)


def spread_to_copies(found: Found, first: NDArray[np.int64], distinct: NDArray[np.int64], k: int) -> Found:
    """Return neighbours of every row from the neighbours of the distinct ones: a row's copies come first, at 0."""
    indices, distances = found
    home = np.searchsorted(distinct, first)
    size = np.bincount(home, minlength=len(distinct))
    members = np.argsort(home, kind="stable")
    starts = np.cumsum(size) - size
    out_indices = np.empty((len(first), k), dtype=np.int64)
    out_distances = np.empty((len(first), k), dtype=distances.dtype)
    # Most rows have no copy and neighbours without copies: theirs are the ones found, under their own positions.
    plain = (size == 1) & (size[indices] == 1).all(axis=1) & (indices.shape[1] == k)
    if plain.any():
        out_indices[distinct[plain]] = distinct[indices[plain]]
        out_distances[distinct[plain]] = distances[plain]
    for at in np.flatnonzero(~plain):
        own = members[starts[at] : starts[at] + size[at]]
        others, gaps = _expand(indices[at], distances[at], members, starts, size, k)
        for row in own:
            copies = own[own != row][:k] if len(own) <= k else own[: k + 1][own[: k + 1] != row][:k]
            rest = k - len(copies)
            out_indices[row] = np.concatenate((copies, others[:rest]))
            out_distances[row, : len(copies)] = 0
            out_distances[row, len(copies) :] = gaps[:rest]
    return out_indices, out_distances


def _expand(
    row: NDArray[np.int64],
    gaps: NDArray[Any],
    members: NDArray[np.int64],
    starts: NDArray[np.int64],
    size: NDArray[np.int64],
    k: int,
) -> Found:
    if (size[row] == 1).all():
        return members[starts[row]], gaps
    groups = [members[starts[j] : starts[j] + min(size[j], k)] for j in row]
    spread = np.repeat(gaps, [len(g) for g in groups])
    flat = np.concatenate(groups)
    order = np.lexsort((flat, spread))[:k]
    return flat[order], spread[order]


def _small(features: NDArray[Any], k: int, metric: Metric, first: NDArray[np.int64]) -> Found:
    matrix = _matrix(features, metric)
    matrix[first[:, None] == first[None, :]] = 0
    np.fill_diagonal(matrix, np.inf)
    indices = np.argsort(matrix, axis=1, kind="stable")[:, :k].astype(np.int64)
    return indices, np.take_along_axis(matrix, indices, axis=1)


def _matrix(features: NDArray[Any], metric: Metric) -> NDArray[Any]:
    """(n, n) distances with the rounding of the functions that Datalab's search comes down to at this size."""
    if metric == "cosine":
        from sklearn.metrics.pairwise import cosine_distances

        matrix: NDArray[Any] = cosine_distances(features)
        return matrix
    wide = features.astype(np.float64)
    squares = np.zeros((len(wide), len(wide)), dtype=np.longdouble if len(wide) <= 100 else np.float64)
    for column in wide.T:
        difference = (column[:, None] - column[None, :]).astype(squares.dtype)
        squares += difference * difference
    return np.sqrt(squares).astype(np.float64)
