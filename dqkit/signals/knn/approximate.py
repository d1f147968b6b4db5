"""Approximate nearest neighbours: each row is compared with the few cells nearest to it, and the recall is measured."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dqkit.arrays.threads import each
from dqkit.signals.knn.blocks import nearest_of, rank
from dqkit.signals.knn.cells import Cells, gather
from dqkit.signals.knn.points import Found, Metric, Points, prepare
from dqkit.signals.knn.reduced import bears_int8, whole_numbers

_RECALL = 0.985
_PILOT_ROWS = 400
_MOST_PROBES = 32
_SPARE = 8
_ROWS_AT_ONCE = 1024
_FEW = 4


def approximate_neighbors(
    features: NDArray[Any], k: int, metric: Metric, *, seed: int, sample: int
) -> tuple[Found, float]:
    """Return (n, k) positions and exact distances of rows that are probably the nearest, and their measured recall.

    features: (n, d) float32 or float64, no two rows identical, n > k. The rows are gathered in cells of about 1,000
    around k-means centres (an inverted file: Jegou et al. 2011), and each row is compared with the rows of the cells
    nearest to it. How many cells that takes is found beforehand: the true neighbours of 400 drawn rows show the least
    number with which .985 of them are met, up to 32 cells. Distances of the candidates are computed from the features.
    Recall is the mean share of the true k neighbours found, over `sample` other rows drawn with `seed`.
    """
    points = prepare(features, metric, "cpu")
    n = len(features)
    cells = gather(points.unit, seed=seed)
    drawn = np.random.default_rng(seed).permutation(n)
    pilot, held = np.sort(drawn[:_PILOT_ROWS]), np.sort(drawn[_PILOT_ROWS:][:sample])
    probes = _probes(points, cells, pilot, k, metric)
    candidate = _search(points, cells, probes, min(n - 1, k + _SPARE))
    lonely = (candidate < 0).any(dim=1).nonzero().flatten().numpy()
    found = rank(points, candidate.clamp_min_(0), k, metric)
    if len(lonely):
        # Cells of a handful of rows: those are compared with all.
        found[0][lonely], found[1][lonely] = nearest_of(points, lonely, k, metric)
    rows = held if len(held) else pilot
    truth = nearest_of(points, rows, k, metric)[1]
    # A row as near as the true k-th neighbour is as good: ties must not count as misses.
    within = found[1][rows] <= truth[:, -1:] * (1 + 1e-6) + 1e-12
    return found, float(within.mean())


def _probes(points: Points, cells: Cells, pilot: NDArray[np.int64], k: int, metric: Metric) -> int:
    """How many cells a row must be compared with, so that it meets its nearest rows."""
    most = min(_MOST_PROBES, len(cells))
    truth = torch.from_numpy(nearest_of(points, pilot, k, metric)[0])
    near = cells.nearest(points.unit[torch.from_numpy(pilot)], most)
    share = (near[:, :, None] == cells.home[truth][:, None, :]).sum(dim=(0, 2)) / truth.numel()
    enough = (share.cumsum(0) >= _RECALL).nonzero().flatten()
    return int(enough[0]) + 1 if len(enough) else most


def _search(points: Points, cells: Cells, probes: int, keep: int) -> torch.Tensor:
    """(n, keep) the best-scoring rows of each row's nearest cells, -1 where those cells hold too few."""
    n = len(points.unit)
    rows_of = whole_numbers(points.unit)[0] if bears_int8(points) else points.unit
    inside = rows_of[cells.order]
    least = torch.iinfo(torch.int32).min if rows_of.dtype == torch.int8 else -torch.inf
    score = torch.full((n, keep), least, dtype=torch.int32 if rows_of.dtype == torch.int8 else torch.float32)
    index = torch.full((n, keep), -1, dtype=torch.int32)
    floor = torch.full((n,), least, dtype=score.dtype)
    place = torch.empty(n, dtype=torch.int64)
    place[cells.order] = torch.arange(n)
    near = cells.nearest(points.unit, probes)
    for probe in range(probes):
        # In one round a row meets one cell: no two threads write to the same row.
        by_cell = near[:, probe].argsort(stable=True)
        ends = torch.bincount(near[:, probe], minlength=len(cells)).cumsum(0).tolist()
        todo = [
            (cell, start, min(start + _ROWS_AT_ONCE, end))
            for cell, (begin, end) in enumerate(pairwise([0, *ends]))
            for start in range(begin, end, _ROWS_AT_ONCE)
        ]

        def meet(task: tuple[int, int, int], by_cell: torch.Tensor = by_cell) -> None:
            cell, start, stop = task
            rows, members = by_cell[start:stop], slice(int(cells.starts[cell]), int(cells.starts[cell + 1]))
            found = _products(rows_of[rows], inside[members])
            if points.offset is not None:
                found += points.offset[cells.order[members]] + points.offset[rows][:, None]
            own = (cells.home[rows] == cell).nonzero().flatten()
            found[own, place[rows[own]] - members.start] = least
            above = found > floor[rows][:, None]
            count = above.sum(dim=1)
            better = count.nonzero().flatten()
            if not len(better):
                return
            if len(better) < len(rows):
                rows, found, above, count = rows[better], found[better], above[better], count[better]
            value, column = _best(found, above, count, least, keep)
            held = torch.cat((index[rows], cells.order[members].to(torch.int32)[column]), dim=1)
            value, best = torch.cat((score[rows], value), dim=1).topk(keep, dim=1, sorted=False)
            score[rows], index[rows], floor[rows] = value, held.gather(1, best), value.amin(dim=1)

        each(meet, todo)
    return index.masked_fill_(score == least, -1)


def _best(
    found: torch.Tensor, above: torch.Tensor, count: torch.Tensor, least: float, keep: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (r, w) and their columns, `least` where there is none: all that lie above their row's floor where
    those are few, as they are in most cells but a row's own, else the `keep` best. Picking out few costs less.

    above: (r, m) which scores do. count: (r,) how many.
    """
    width = int(count.max())
    if width > found.shape[1] // _FEW:
        return found.topk(min(keep, found.shape[1]), dim=1, sorted=False)
    row, column = above.nonzero(as_tuple=True)
    place = torch.arange(len(row)) - (count.cumsum(0) - count)[row]
    value = torch.full((len(found), width), least, dtype=found.dtype)
    where = torch.zeros((len(found), width), dtype=torch.int64)
    value[row, place], where[row, place] = found[row, column], column
    return value, where


def _products(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    if left.dtype == torch.int8:
        return torch._int_mm(left, right.T.contiguous())
    return left @ right.T
