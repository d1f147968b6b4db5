"""Diversity among labelled rows that are looked at again: a copy of what is asked already tells little more."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.acquisition.queue.rows import ranked
from dqkit.arrays.distances import squared_distances, squared_norms

SHORTLIST = 3
TOLD = 0.5
WIDTH_ROWS = 1000


def spread_picks(
    rows: pd.DataFrame, n: int, *, features: NDArray[np.float32] | None, groups: NDArray[np.int64] | None
) -> pd.DataFrame:
    """n of the rows by falling value, the value of a row near one picked before it up to halved.

    rows: as `eligible_rows` gives them. features: (len(rows), d), a row each, or None. groups: (len(rows),) duplicate
    groups, -1 for none, or None. Picked from the 3 n rows of highest value by value * (1 - nearness / 2). Nearness is 1
    within a duplicate group, else exp(-squared distance / width) to the nearest pick; the width is an eighth of the
    median squared distance of a row to its nearest other, so that only near copies lose. Without features and groups
    the rows are taken by value. Ties go by value, then by id.
    """
    order = ranked(rows)
    if n >= len(order) or n < 2 or (features is None and groups is None):
        return order[:n]
    at = rows.index.get_indexer(order.index[: SHORTLIST * n])
    value = order["value"].to_numpy(float)[: len(at)]
    near = np.zeros(len(at))
    group = np.full(len(at), -1) if groups is None else groups[at]
    x = None if features is None else features[at]
    norms = None if x is None else squared_norms(x)
    width = None if x is None else _width(x)
    open_rows = np.ones(len(at), dtype=bool)
    picks: list[int] = []
    while len(picks) < n:
        worth = np.where(open_rows, value * (1 - TOLD * near), -np.inf)
        pick = int(worth.argmax())
        picks.append(pick)
        open_rows[pick] = False
        if group[pick] >= 0:
            near[group == group[pick]] = 1.0
        if x is not None and width:
            gap = squared_distances(x, x[pick : pick + 1], norms)[:, 0]
            np.maximum(near, np.exp(-gap / width), out=near)
    return order.iloc[picks]


def _width(x: NDArray[np.float32]) -> float:
    """An eighth of the median squared distance of a row to its nearest other, from at most 1000 rows."""
    some = x[:: -(-len(x) // WIDTH_ROWS)]
    gap = squared_distances(some, some)
    np.fill_diagonal(gap, np.inf)
    return float(np.median(gap.min(axis=1))) / 8
