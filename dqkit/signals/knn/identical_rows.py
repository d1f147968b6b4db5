"""Rows that hold the very same numbers, found without sorting whole rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK_VALUES = 4_000_000


def identical_rows(features: NDArray[Any]) -> NDArray[np.int64]:
    """Return (n,) the position of the first row that equals each row; a row that repeats no earlier one gets its own.

    features: (n, d) float32 or float64, finite. 0.0 and -0.0 are equal. O(n d) time, O(n) memory.

    >>> identical_rows(np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]))
    array([0, 1, 0])
    """
    n = len(features)
    first = np.arange(n, dtype=np.int64)
    keys = _row_keys(features)
    order = np.argsort(keys, kind="stable")
    edges = np.concatenate(([0], np.flatnonzero(np.diff(keys[order])) + 1, [n]))
    # A shared key is only a suspicion: unequal rows may collide, so every suspect is compared in full.
    for at in np.flatnonzero(np.diff(edges) > 1):
        run = order[edges[at] : edges[at + 1]]
        while len(run) > 1:
            same = (features[run] == features[run[0]]).all(axis=1)
            first[run[same]] = run[0]
            run = run[~same]
    return first


def _row_keys(features: NDArray[Any]) -> NDArray[np.uint64]:
    """(n,) a 64-bit key of the bits of each row: whole-number arithmetic, so equal rows always get equal keys."""
    n, d = features.shape
    bits = np.uint32 if features.dtype == np.float32 else np.uint64
    multipliers = np.random.default_rng(0x5EED).integers(1, 2**63, size=d, dtype=np.uint64) * np.uint64(2) + np.uint64(
        1
    )
    keys = np.zeros(n, dtype=np.uint64)
    rows = max(1, _BLOCK_VALUES // max(d, 1))
    for start in range(0, n, rows):
        # Adding zero turns -0.0 into 0.0, whose bits differ.
        block = np.ascontiguousarray(features[start : start + rows] + features.dtype.type(0)).view(bits)
        mixed = block.astype(np.uint64) * multipliers
        mixed ^= mixed >> np.uint64(29)
        keys[start : start + rows] = mixed.sum(axis=1, dtype=np.uint64)
    return keys
