"""Squared Euclidean distances in float32 blocks, so that memory stays linear in the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 2048


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
