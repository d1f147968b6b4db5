"""Wide features made narrow: the leading principal directions, by block power iteration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FIT_ROWS = 4_000


def standardize(x: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Columns centred and scaled in place by mean and deviation of the given rows; a constant column becomes zero."""
    sample = x[rows] if len(rows) < len(x) else x
    mean = sample.mean(axis=0, dtype=np.float64)
    deviation = sample.std(axis=0, dtype=np.float64)
    scale = np.where(deviation > 1e-6 * max(float(deviation.max(initial=0)), 1e-12), deviation, np.inf)
    x -= mean.astype(np.float32)
    x /= scale.astype(np.float32)
    return x


def principal(x: NDArray[np.float32], width: int, *, rows: NDArray[np.int64], seed: int) -> NDArray[np.float32]:
    """(n, <= width) projections of centred x on its leading principal directions, learned from 4,000 of `rows`."""
    rng = np.random.default_rng(seed)
    if x.shape[1] <= width or len(rows) == 0:
        return np.array(x, dtype=np.float32)
    picked = np.sort(rng.choice(rows, size=min(len(rows), FIT_ROWS), replace=False))
    sample = x[picked]
    width = min(width, len(picked))
    basis = rng.standard_normal((x.shape[1], min(width + 8, x.shape[1]))).astype(np.float32)
    for _ in range(4):
        basis = np.linalg.qr(sample.T @ (sample @ basis))[0]
    _, _, right = np.linalg.svd(sample @ basis, full_matrices=False)
    directions = (basis @ right.T)[:, :width]
    directions *= np.where(directions[np.abs(directions).argmax(axis=0), np.arange(width)] < 0, -1, 1)
    return np.asarray(x @ directions, dtype=np.float32)
