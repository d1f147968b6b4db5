"""Exact nearest neighbours of many rows: float32 products in blocks choose candidates, float64 distances decide."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dqkit.signals.knn import Found, Metric, exact_pair_distances

_BLOCK_BYTES = 100_000_000
_SPARE = 8
_GROUPS = 64


def block_neighbors(features: NDArray[Any], k: int, metric: Metric, *, device: str = "cpu") -> Found:
    """Return (n, k) positions and distances of the nearest other rows, nearest first, equal distances by position.

    features: (n, d) float32 or float64 rows, no two identical, n > k. The products are float32: they may misplace a
    row by no more than a bound that is known beforehand, so the float64 distances of a few more candidates than k
    decide; where the bound cannot exclude a row that was left out (ties), every row within it is compared.
    """
    n = len(features)
    points, offset, slack = _prepare(features, metric, device)
    keep = min(n - 1, k + _SPARE)
    rows = max(16, min(n, _BLOCK_BYTES // (4 * n)))
    indices = np.empty((n, k), dtype=np.int64)
    distances = np.empty((n, k), dtype=features.dtype)
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        scores = _scores(points, offset, start, stop)
        value, candidate = _largest(scores, keep)
        left = np.repeat(np.arange(start, stop), keep)
        exact = exact_pair_distances(features, left, candidate.ravel(), metric).reshape(stop - start, keep)
        order = np.lexsort((candidate, exact), axis=1)
        exact = np.take_along_axis(exact, order, axis=1)
        indices[start:stop] = np.take_along_axis(candidate, order, axis=1)[:, :k]
        distances[start:stop] = exact[:, :k]
        # A row left out scores at most the worst candidate; by more than the slack below the k-th, it cannot matter.
        reach = _score_of(exact[:, k - 1], points, offset, start, stop, metric)
        open_rows = np.flatnonzero(value.min(axis=1) >= reach - slack) if keep < n - 1 else np.empty(0, dtype=np.int64)
        if len(open_rows):
            _settle(features, scores, reach - slack, open_rows, start, k, metric, indices, distances)
    return indices, distances


def _prepare(features: NDArray[Any], metric: Metric, device: str) -> tuple[torch.Tensor, torch.Tensor | None, float]:
    """Rows whose product (plus an offset of the right-hand row) ranks neighbours, and how far rounding can move it."""
    n, d = features.shape
    rounding = (d + 16) * 2.0**-23
    points = torch.empty((n, d), dtype=torch.float32, device=device)
    centre = features.mean(axis=0, dtype=np.float64) if metric == "euclidean" else np.zeros(d)
    longest = 0.0
    for start in range(0, n, 8192):
        block = features[start : start + 8192].astype(np.float64) - centre
        length = np.sqrt(np.square(block).sum(axis=1, keepdims=True))
        if metric == "cosine":
            block /= np.where(length > 0, length, 1.0)
        longest = max(longest, float(length.max()))
        points[start : start + 8192] = torch.from_numpy(block.astype(np.float32)).to(device)
    if metric == "cosine":
        return points, None, rounding
    return points, -0.5 * points.square().sum(dim=1), 2 * rounding * max(longest, 1e-30) ** 2


def _scores(points: torch.Tensor, offset: torch.Tensor | None, start: int, stop: int) -> torch.Tensor:
    block = points[start:stop]
    scores = torch.mm(block, points.T) if offset is None else torch.addmm(offset, block, points.T)
    at = torch.arange(stop - start, device=points.device)
    scores[at, at + start] = -torch.inf
    return scores


def _largest(scores: torch.Tensor, keep: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The `keep` largest scores of each row, in no order: the groups with the largest maxima must hold them all."""
    n = scores.shape[1]
    width = n // _GROUPS
    if width < 4 * keep:
        value, index = scores.topk(keep, dim=1, sorted=False)
        return value.cpu().numpy(), index.cpu().numpy()
    whole = width * _GROUPS
    strided = scores[:, :whole].view(len(scores), _GROUPS, width)
    _, group = strided.amax(dim=1).topk(keep, dim=1, sorted=False)
    inside = torch.gather(strided, 2, group[:, None, :].expand(-1, _GROUPS, -1)).flatten(1)
    rest = scores[:, whole:]
    value, place = torch.cat((inside, rest), dim=1).topk(keep, dim=1, sorted=False)
    column = torch.gather(group, 1, (place % keep).clamp(max=keep - 1))
    index = torch.where(place < inside.shape[1], (place // keep) * width + column, place - inside.shape[1] + whole)
    return value.cpu().numpy(), index.cpu().numpy()


def _score_of(
    distance: NDArray[np.float64],
    points: torch.Tensor,
    offset: torch.Tensor | None,
    start: int,
    stop: int,
    metric: Metric,
) -> NDArray[np.float64]:
    """The score that a row at this distance would have without rounding."""
    if metric == "cosine" or offset is None:
        return 1.0 - distance
    square = -2.0 * offset[start:stop].double().cpu().numpy()
    score: NDArray[np.float64] = 0.5 * (square - distance**2)
    return score


def _settle(
    features: NDArray[Any],
    scores: torch.Tensor,
    floor: NDArray[np.float64],
    open_rows: NDArray[np.int64],
    start: int,
    k: int,
    metric: Metric,
    indices: NDArray[np.int64],
    distances: NDArray[Any],
) -> None:
    """Compare every row that rounding leaves in question with the rows named by `open_rows`, in place."""
    for row in open_rows:
        near = torch.nonzero(scores[row] >= float(floor[row]) - abs(float(floor[row])) * 1e-6)[:, 0].cpu().numpy()
        exact = exact_pair_distances(features, np.full(len(near), start + row), near, metric)
        order = np.lexsort((near, exact))[:k]
        indices[start + row], distances[start + row] = near[order], exact[order]
