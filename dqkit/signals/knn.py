"""Exact nearest neighbours: small sets in one matrix, large ones in blocks of products with an exact re-rank."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.identical_rows import identical_rows

Metric = Literal["cosine", "euclidean"]
Found = tuple[NDArray[np.int64], NDArray[Any]]

SMALL = 1024
_PAIRS_AT_ONCE = 16_384
_BLOCK_VALUES = 32_000_000


def exact_neighbors(features: NDArray[Any], k: int, metric: Metric, *, device: str = "cpu") -> Found:
    """Return (n, k) positions and distances of the nearest other rows, nearest first, equal distances by position.

    features: (n, d) float32 or float64, finite, n > k >= 1. Distances have the dtype of the features.
    Up to 1,024 rows the distances are those of scikit-learn, bit for bit; above, float64 distances of the candidates
    that blocked float32 products leave. Identical rows are at distance exactly 0. O(n^2 d) time, O(n k) memory.
    """
    if len(features) <= SMALL:
        return _small(features, k, metric)
    first = identical_rows(features)
    distinct = np.flatnonzero(first == np.arange(len(first)))
    if len(distinct) <= SMALL:
        reach = min(k, len(distinct) - 1)
        found = _small(features[distinct], reach, metric) if reach else _nothing(len(distinct), features.dtype)
    else:
        from dqkit.signals.knn_blocks import block_neighbors

        unique = features if len(distinct) == len(features) else features[distinct]
        found = block_neighbors(unique, k, metric, device=device)
    if len(distinct) == len(features):
        return found
    return spread_to_copies(found, first, distinct, k)


def exact_pair_distances(
    features: NDArray[Any], left: NDArray[np.int64], right: NDArray[np.int64], metric: Metric
) -> NDArray[np.float64]:
    """Return the float64 distance of each pair of rows; 0 for identical rows, equal for (i, j) and (j, i)."""
    out = np.empty(len(left))
    for start in range(0, len(left), _PAIRS_AT_ONCE):
        stop = start + _PAIRS_AT_ONCE
        a = features[left[start:stop]].astype(np.float64)
        b = features[right[start:stop]].astype(np.float64)
        if metric == "cosine":
            a, b = _unit(a), _unit(b)
            # A row of zeros has no direction: its similarity to everything is 0, so its distance is 1.
            blank = ~(a.any(axis=1) & b.any(axis=1)) & (a != b).any(axis=1)
            a -= b
            half = 0.5 * np.square(a, out=a).sum(axis=1)
            half[blank] = 1.0
            out[start:stop] = half
        else:
            a -= b
            out[start:stop] = np.sqrt(np.square(a, out=a).sum(axis=1))
    return out


def spread_to_copies(found: Found, first: NDArray[np.int64], distinct: NDArray[np.int64], k: int) -> Found:
    """Return neighbours of every row from the neighbours of the distinct ones: a row's copies come first, at 0."""
    indices, distances = found
    n, reach = len(first), indices.shape[1]
    home = np.searchsorted(distinct, first)
    members = np.argsort(home, kind="stable")
    starts = np.searchsorted(home[members], np.arange(len(distinct) + 1))
    size = np.diff(starts)
    out_indices = np.empty((n, k), dtype=np.int64)
    out_distances = np.empty((n, k), dtype=distances.dtype)
    for at in range(len(distinct)):
        own = members[starts[at] : starts[at + 1]]
        others, gaps = _expand(indices[at], distances[at], members, starts, size, k)
        for row in own:
            copies = own[own != row][:k] if len(own) <= k else own[: k + 1][own[: k + 1] != row][:k]
            rest = k - len(copies)
            out_indices[row] = np.concatenate((copies, others[:rest]))
            out_distances[row, : len(copies)] = 0
            out_distances[row, len(copies) :] = gaps[:rest]
    assert reach or size.max() > k
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


def _small(features: NDArray[Any], k: int, metric: Metric) -> Found:
    matrix = _matrix(features, metric)
    first = identical_rows(features)
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


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    length[length == 0] = 1.0
    rows /= length
    return rows


def _nothing(n: int, dtype: Any) -> Found:
    return np.empty((n, 0), dtype=np.int64), np.empty((n, 0), dtype=dtype)
