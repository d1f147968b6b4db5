"""Exact nearest neighbours of many rows: matrix products choose candidates, distances from the differences decide."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dqkit.arrays.threads import each
from dqkit.signals.knn.points import Found, Metric, Points, prepare
from dqkit.signals.knn.reduced import reduced_search
from dqkit.signals.knn.tiles import largest_by_tiles

_SPARE = 6
_SPARE_REDUCED = 16
_GROUPS = 64
_GATHER_VALUES = 400_000
_SCORES_AT_ONCE = 25_000_000
_SETTLE_AT_MOST = 1024


def block_neighbors(features: NDArray[Any], k: int, metric: Metric, *, device: str = "cpu") -> Found:
    """Return (n, k) positions and distances of the nearest other rows, nearest first, equal distances by position.

    features: (n, d) float32 or float64 rows, no two identical, n > k. Products are float32, or of reduced precision
    where the processor has it and the data bear it (`reduced_search`). They misplace a row by no more than a bound that
    is known beforehand, so a few more candidates than k are kept, and their distances, taken from the differences of
    the rows, decide. Where the bound cannot exclude a row that was left out (ties), the row is searched again in
    float32 and every row within the bound compared, up to 1,024.
    """
    n = len(features)
    points = prepare(features, metric, device)
    slack, keep = points.slack, min(n - 1, k + _SPARE)
    quick = reduced_search(points, k) if device == "cpu" else None
    if quick is not None:
        slack, keep = slack + quick.slack, min(n - 1, k + _SPARE_REDUCED)
        candidate, floor = quick.largest(keep)
    elif device == "cpu":
        candidate, floor = largest_by_tiles(points.unit, points.offset, keep)
    else:
        candidate, floor = _largest_by_rows(points, keep)
    indices, distances = rank(points, candidate, k, metric)
    if keep < n - 1:
        last = distances[:, -1].astype(np.float64)
        reach = 1.0 - last if metric == "cosine" else -0.5 * last**2
        # A row left out scores at most `floor`; where that is below the k-th by more than rounding, it cannot matter.
        unsure = np.flatnonzero(floor.cpu().numpy().astype(np.float64) >= reach - slack)
        step = max(1, _SCORES_AT_ONCE // n)
        for start in range(0, len(unsure), step):
            _settle(points, unsure[start : start + step], reach, k, metric, indices, distances)
    return indices, distances


def rank(points: Points, candidate: torch.Tensor, k: int, metric: Metric) -> Found:
    """Return the k nearest of each row's candidates (n, m), by distance, then position, with those distances."""
    n, keep = candidate.shape
    indices = np.empty((n, k), dtype=np.int64)
    distances = np.empty((n, k), dtype=points.dtype)
    at_once = max(1, _GATHER_VALUES // (keep * points.unit.shape[1]))

    def settle(start: int) -> None:
        stop = min(start + at_once, n)
        left = torch.arange(start, stop, device=candidate.device)
        exact = _distances(points, left, candidate[start:stop], metric)
        found = candidate[start:stop].cpu().numpy()
        order = np.lexsort((found, exact), axis=1)[:, :k]
        indices[start:stop] = np.take_along_axis(found, order, axis=1)
        distances[start:stop] = np.take_along_axis(exact, order, axis=1)

    each(settle, range(0, n, at_once))
    return indices, distances


def nearest_of(points: Points, rows: NDArray[np.int64], k: int, metric: Metric) -> Found:
    """Return the k nearest other rows of some rows (r,), (r, k) positions and distances, from float32 scores."""
    device = points.unit.device
    indices, distances = [], []
    step = max(1, _SCORES_AT_ONCE // len(points.unit))
    for start in range(0, len(rows), step):
        left = torch.from_numpy(rows[start : start + step]).to(device)
        _, right = _largest(_scores(points, left), min(len(points.unit) - 1, k + _SPARE))
        exact = _distances(points, left, right, metric)
        found = right.cpu().numpy()
        order = np.lexsort((found, exact), axis=1)[:, :k]
        indices.append(np.take_along_axis(found, order, axis=1))
        distances.append(np.take_along_axis(exact, order, axis=1))
    return np.concatenate(indices), np.concatenate(distances)


def _distances(points: Points, left: torch.Tensor, right: torch.Tensor, metric: Metric) -> NDArray[Any]:
    """(r, m) distances of rows `left` (r,) to rows `right` (r, m), from differences, so that they keep their digits."""
    a, b = points.rows[left][:, None, :], points.rows[right]
    if metric == "euclidean":
        a, b = a.double(), b.double()
    elif points.scale is not None:
        a, b = a * points.scale[left][:, None, None], b * points.scale[right][:, :, None]
    square = b.sub_(a).square_().sum(dim=2)
    if metric == "euclidean":
        return square.sqrt_().cpu().numpy()
    # A row of zeros has no direction: its similarity to any other row is 0, its distance 1.
    blank = points.blank[left][:, None] ^ points.blank[right]
    return torch.where(blank, 1.0, square.mul_(0.5)).cpu().numpy()


def _largest_by_rows(points: Points, keep: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The `keep` other rows with the largest score for every row, and the smallest score kept, in blocks of rows."""
    n = len(points.unit)
    candidate = torch.empty((n, keep), dtype=torch.int64, device=points.unit.device)
    floor = torch.empty(n, dtype=torch.float32, device=points.unit.device)
    step = max(1, 10 * _SCORES_AT_ONCE // n)
    for start in range(0, n, step):
        rows = torch.arange(start, min(start + step, n), device=points.unit.device)
        value, index = _largest(_scores(points, rows), keep)
        candidate[start : start + step] = index
        floor[start : start + step] = value.amin(dim=1)
    return candidate, floor


def _scores(points: Points, rows: torch.Tensor) -> torch.Tensor:
    """(r, n) scores of some rows against all; minus infinity for a row against itself."""
    scores = torch.mm(points.unit[rows], points.unit.T)
    if points.offset is not None:
        scores += points.offset
        scores += points.offset[rows][:, None]
    scores[torch.arange(len(rows), device=rows.device), rows] = -torch.inf
    return scores


def _largest(scores: torch.Tensor, keep: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The `keep` largest of each row, in no order: the groups with the largest maxima must hold them all."""
    rows, n = scores.shape
    width = n // _GROUPS
    if width < 4 * keep:
        value, index = scores.topk(keep, dim=1, sorted=False)
        return value, index
    whole = width * _GROUPS
    strided = scores[:, :whole].view(rows, _GROUPS, width)
    group = strided.amax(dim=1).topk(keep, dim=1, sorted=False).indices
    inside = torch.gather(strided, 2, group[:, None, :].expand(-1, _GROUPS, -1)).flatten(1)
    value, place = torch.cat((inside, scores[:, whole:]), dim=1).topk(keep, dim=1, sorted=False)
    column = torch.gather(group, 1, place % keep)
    index = torch.where(place < inside.shape[1], (place // keep) * width + column, place - inside.shape[1] + whole)
    return value, index


def _settle(
    points: Points,
    unsure: NDArray[np.int64],
    reach: NDArray[np.float64],
    k: int,
    metric: Metric,
    indices: NDArray[np.int64],
    distances: NDArray[Any],
) -> None:
    """Compare every row that rounding leaves in question with the rows named by `unsure`; writes into the results."""
    scores = _scores(points, torch.from_numpy(unsure).to(points.unit.device)).cpu().numpy()
    for row, score in zip(unsure, scores, strict=True):
        near = np.flatnonzero(score >= reach[row] - 2 * points.slack)
        if len(near) > _SETTLE_AT_MOST:
            near = np.sort(near[np.argsort(-score[near], kind="stable")[:_SETTLE_AT_MOST]])
        left = torch.tensor([row], device=points.unit.device)
        right = torch.from_numpy(near).to(points.unit.device)[None]
        exact = _distances(points, left, right, metric)[0]
        order = np.lexsort((near, exact))[:k]
        indices[row], distances[row] = near[order], exact[order]
