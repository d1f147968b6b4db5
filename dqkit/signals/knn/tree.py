"""Exact nearest neighbours in a few dimensions, where a k-d tree beats every matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.knn.points import Found

_SPARE = 8


def tree_neighbors(features: NDArray[Any], k: int) -> Found:
    """Return (n, k) positions and euclidean distances of the nearest other rows, equal distances by position.

    features: (n, d) with small d, no two rows identical, n > k. O(n log n) where few distances are equal.
    """
    from scipy.spatial import KDTree

    points = np.ascontiguousarray(features, dtype=np.float64)
    n = len(points)
    tree = KDTree(points)
    keep = min(n, k + 1 + _SPARE)
    _, found = tree.query(points, k=keep)
    rows = np.arange(n)
    distance = _distances(points, rows[:, None], found)
    distance[found == rows[:, None]] = -1.0  # The row itself is the first in order, whatever shares its place.
    order = np.lexsort((found, distance), axis=1)
    distance = np.take_along_axis(distance, order, axis=1)
    indices = np.take_along_axis(found, order, axis=1)[:, 1 : k + 1].astype(np.int64)
    distances = distance[:, 1 : k + 1].copy()
    if keep < n:
        # Where the worst candidate ties with the k-th, rows that tie as well may have been left out.
        near_tie = distance[:, -1] <= distances[:, -1] * (1 + 1e-12)
        for row in np.flatnonzero(near_tie):
            ball = np.asarray(tree.query_ball_point(points[row], distances[row, -1] * (1 + 1e-12)), dtype=np.int64)
            ball = ball[ball != row]
            exact = _distances(points, np.array([row]), ball)
            best = np.lexsort((ball, exact))[:k]
            indices[row], distances[row] = ball[best], exact[best]
    return indices, distances


def _distances(points: NDArray[np.float64], left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    square = np.zeros(np.broadcast_shapes(left.shape, right.shape))
    for column in points.T:
        square += (column[left] - column[right]) ** 2
    distance: NDArray[np.float64] = np.sqrt(square)
    return distance
