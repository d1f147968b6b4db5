"""The best-scoring rows of every row from half of the products: each tile serves its rows and its columns."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from dqkit.arrays.threads import each

_TILE = 1024


def largest_by_tiles(
    unit: torch.Tensor, offset: torch.Tensor | None, keep: int, *, tile: int = _TILE
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (n, keep) positions of the other rows with the largest scores, in no order, and (n,) the smallest kept.

    unit: float32 (n, d) on the CPU. offset: (n,) added for both rows of a pair, or None. keep < n.
    Of two rows with equal scores at the edge either may be left out. O(n (keep + 96)) memory.
    """

    def scores(rows: slice, columns: slice, buffer: torch.Tensor) -> torch.Tensor:
        left, right = unit[rows], unit[columns]
        out = buffer[: len(left) * len(right)].view(len(left), len(right))
        torch.mm(left, right.T, out=out)
        if offset is not None:
            out += offset[columns]
            out += offset[rows][:, None]
        return out

    return _search(len(unit), keep, tile, scores, _Best(len(unit), keep, torch.float32))


def largest_by_int8_tiles(
    whole: torch.Tensor, step: float, keep: int, *, tile: int = _TILE
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the same from whole numbers: int8 (n, d) whose products, times step squared, are the scores."""
    n = len(whole)
    turned = [whole[start : start + tile].T.contiguous() for start in range(0, n, tile)]

    def scores(rows: slice, columns: slice, buffer: torch.Tensor) -> torch.Tensor:
        left, right = whole[rows], turned[columns.start // tile]
        out = buffer[: len(left) * right.shape[1]].view(len(left), right.shape[1])
        torch._int_mm(left, right, out=out)
        return out

    index, floor = _search(n, keep, tile, scores, _Best(n, keep, torch.int32))
    return index, floor.double() * step**2


def _search(
    n: int, keep: int, tile: int, scores: Callable[[slice, slice, torch.Tensor], torch.Tensor], best: _Best
) -> tuple[torch.Tensor, torch.Tensor]:
    edges = [slice(start, min(start + tile, n)) for start in range(0, n, tile)]
    turn = [threading.Lock() for _ in edges]
    own = threading.local()

    def space() -> tuple[torch.Tensor, NDArray[np.bool_]]:
        if not hasattr(own, "space"):
            own.space = torch.empty(tile * tile, dtype=best.score.dtype), np.empty(tile * tile, dtype=bool)
        found: tuple[torch.Tensor, NDArray[np.bool_]] = own.space
        return found

    def itself(at: int) -> None:
        buffer, above = space()
        found = scores(edges[at], edges[at], buffer)
        found.fill_diagonal_(best.least)
        with turn[at]:
            best.offer(found, edges[at].start, edges[at].start, above)

    def pair(both: tuple[int, int]) -> None:
        buffer, above = space()
        rows, columns = edges[both[0]], edges[both[1]]
        found = scores(rows, columns, buffer)
        with turn[both[0]]:
            best.offer(found, rows.start, columns.start, above)
        with turn[both[1]]:
            best.offer(found.T, columns.start, rows.start, above)

    # Own tiles first: they give every row a floor, and data in class order finds its nearest rows at once.
    each(itself, range(len(edges)))
    # Along the diagonals, so that tiles at work at the same time seldom share their rows.
    each(pair, [(at, at + gap) for gap in range(1, len(edges)) for at in range(len(edges) - gap)])
    return best.result()


class _Best:
    """Per row, a buffer of candidates: everything above the row's floor goes in, now and then it is cut to `keep`."""

    def __init__(self, n: int, keep: int, dtype: torch.dtype) -> None:
        self.least = -torch.inf if dtype.is_floating_point else torch.iinfo(dtype).min
        self.keep = keep
        self.room = 2 * keep + 64
        self.score = torch.full((n, self.room), self.least, dtype=dtype)
        self.index = torch.zeros((n, self.room), dtype=torch.int32)
        self.used = np.zeros(n, dtype=np.int64)
        self.floor = torch.full((n,), self.least, dtype=dtype)

    def offer(self, scores: torch.Tensor, row: int, column: int, space: NDArray[np.bool_]) -> None:
        """Take scores (r, w) of rows row.. against columns column.. into account; space: r w values to work in.

        Several threads may offer at once, as long as their rows differ.
        """
        r, w = scores.shape
        rows = slice(row, row + r)
        # NumPy compares and scans several times faster than torch here, into a buffer that is already paged in.
        across = not scores.is_contiguous()
        seen = scores.T.numpy() if across else scores.numpy()
        floor = self.floor[rows].numpy()
        above = space[: seen.size].reshape(seen.shape)
        np.greater(seen, floor if across else floor[:, None], out=above)
        flat = np.flatnonzero(above)
        if len(flat) > 2 * r * self.keep:
            self._offer_largest(scores, row, column)
            return
        if not len(flat):
            return
        if across:
            other, own = np.divmod(flat, r)
            order = np.argsort(own, kind="stable")
            own, other, flat = own[order], other[order], flat[order]
        else:
            own, other = np.divmod(flat, w)
        count = np.bincount(own, minlength=r)
        if (self.used[rows] + count).max() > self.room:
            self.cut(rows)
            if (self.used[rows] + count).max() > self.room:
                self._offer_largest(scores, row, column)
                return
        place = self.used[rows][own] + np.arange(len(own)) - (np.cumsum(count) - count)[own]
        at = (own + row) * self.room + place
        self.score.numpy().reshape(-1)[at] = seen.reshape(-1)[flat]
        self.index.numpy().reshape(-1)[at] = other + column
        self.used[rows] += count

    def _offer_largest(self, scores: torch.Tensor, row: int, column: int) -> None:
        rows = slice(row, row + len(scores))
        self.cut(rows)
        few = min(self.keep, scores.shape[1])
        value, index = scores.topk(few, dim=1, sorted=False)
        # After a cut at most `keep` places are used, so the next `keep` are free in every row.
        place = torch.from_numpy(self.used[rows])[:, None] + torch.arange(few)
        self.score[rows].scatter_(1, place, value)
        self.index[rows].scatter_(1, place, (index + column).to(torch.int32))
        self.used[rows] += few
        self.cut(rows)

    def cut(self, rows: slice) -> None:
        """Keep the best `keep` candidates of these rows and raise their floor to the worst of them."""
        if self.used[rows].max(initial=0) < self.keep:
            return
        value, place = self.score[rows].topk(self.keep, dim=1, sorted=False)
        index = torch.gather(self.index[rows], 1, place)
        self.score[rows] = self.least
        self.score[rows, : self.keep] = value
        self.index[rows, : self.keep] = index
        self.used[rows] = np.minimum(self.used[rows], self.keep)
        self.floor[rows] = value.amin(dim=1)

    def result(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, keep) positions and (n,) the smallest score among them."""
        for start in range(0, len(self.used), _TILE):
            self.cut(slice(start, start + _TILE))
        return self.index[:, : self.keep].long(), self.floor
