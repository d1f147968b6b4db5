"""Rows made ready for a search by matrix products, with the bound on what rounding does to a product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

Metric = Literal["cosine", "euclidean"]
Found = tuple[NDArray[np.int64], NDArray[Any]]

_BLOCK_VALUES = 1_000_000


@dataclass(frozen=True, eq=False)
class Points:
    """Rows prepared for the search.

    unit: float32 (n, d), unit rows (cosine) or centred rows (euclidean), on the device of the search.
    offset: None (cosine) or float32 (n,) minus half the squared length. The score of a pair is the product of its rows
        plus both offsets: the cosine similarity, or minus half the squared distance. Higher = nearer.
    rows, scale: what distances are taken from: rows times scale (n,), where that is not None. dtype: of the distances.
    slack: how far rounding can move a score. blank: (n,) rows of zeros, which have no direction.
    """

    rows: torch.Tensor
    unit: torch.Tensor
    offset: torch.Tensor | None
    scale: torch.Tensor | None
    blank: torch.Tensor
    slack: float
    dtype: type[np.floating[Any]]


def prepare(features: NDArray[Any], metric: Metric, device: str) -> Points:
    """Return the rows scaled so that products rank neighbours, with the bound on what rounding does to them."""
    n, d = features.shape
    rounding = (d + 16) * 2.0**-23
    whole = torch.from_numpy(np.ascontiguousarray(features)).to(device)
    centre = features.mean(axis=0, dtype=np.float64) if metric == "euclidean" else np.zeros(d)
    unit = torch.empty((n, d), dtype=torch.float32, device=device)
    length = np.empty(n)
    step = max(1, _BLOCK_VALUES // d)
    for start in range(0, n, step):
        block = features[start : start + step].astype(np.float64) - centre
        size = np.sqrt(np.square(block).sum(axis=1))
        length[start : start + step] = size
        if metric == "cosine":
            block /= np.where(size > 0, size, 1.0)[:, None]
        unit[start : start + step] = torch.from_numpy(block.astype(np.float32)).to(device)
    blank = torch.from_numpy(length == 0).to(device)
    if metric == "euclidean":
        slack = 4 * rounding * max(float(length.max()), 1e-18) ** 2
        return Points(whole, unit, -0.5 * unit.square().sum(dim=1), None, blank, slack, np.float64)
    if features.dtype == np.float32:
        return Points(unit, unit, None, None, blank, rounding, np.float32)
    inverse = torch.from_numpy(1.0 / np.where(length > 0, length, 1.0)).to(device)
    return Points(whole, unit, None, inverse, blank, rounding, np.float64)
