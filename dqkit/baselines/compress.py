"""Wide features made narrow: the leading principal directions, by block power iteration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.threads import in_blocks

FIT_ROWS = 4_000
STATISTICS_ROWS = 20_000
CHUNK = 4_096


def standardize(x: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Columns centred and scaled in place by mean and deviation of (up to 20,000) rows; constants become zero."""
    sample = x[rows[:: max(1, -(-len(rows) // STATISTICS_ROWS))]].astype(np.float32)
    mean = sample.mean(axis=0, dtype=np.float64)
    deviation = np.sqrt(np.maximum(np.einsum("ij,ij->j", sample, sample, dtype=np.float64) / len(sample) - mean**2, 0))
    del sample
    scale = np.where(deviation > 1e-5 * max(float(deviation.max(initial=0)), 1e-12), deviation, np.inf)

    def fill(start: int) -> None:
        part = x[start : start + CHUNK]
        x[start : start + CHUNK] = (part - mean.astype(np.float32)) / scale.astype(np.float32)

    in_blocks(fill, range(0, len(x), CHUNK))
    return x


def principal(x: NDArray[Any], width: int, *, rows: NDArray[np.int64], seed: int) -> NDArray[np.float32]:
    """(n, <= width) projections of centred x on its leading principal directions, learned from 4,000 of `rows`."""
    rng = np.random.default_rng(seed)
    if x.shape[1] <= width or len(rows) == 0:
        return np.array(x, dtype=np.float32)
    picked = np.sort(rng.choice(rows, size=min(len(rows), FIT_ROWS), replace=False))
    sample = x[picked].astype(np.float32)
    width = min(width, len(picked))
    basis = rng.standard_normal((x.shape[1], min(width + 8, x.shape[1]))).astype(np.float32)
    for _ in range(3):
        basis = np.linalg.qr(sample.T @ (sample @ basis))[0]
    _, _, right = np.linalg.svd(sample @ basis, full_matrices=False)
    directions = (basis @ right.T)[:, :width]
    directions *= np.where(directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])] < 0, -1, 1)
    out = np.empty((len(x), directions.shape[1]), dtype=np.float32)

    def fill(start: int) -> None:
        out[start : start + CHUNK] = x[start : start + CHUNK].astype(np.float32) @ directions

    in_blocks(fill, range(0, len(x), CHUNK))
    return out
