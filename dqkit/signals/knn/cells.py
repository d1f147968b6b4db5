"""Rows gathered in cells around centres, so that a row need only be compared with the rows of a few cells."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from dqkit.arrays.threads import each

CELL = 1000
_MOST_CENTRES = 2048
_SAMPLE_PER_CENTRE = 100
_STEPS = 8
_OVERFULL = 3
_SPLITS = 6
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class Cells:
    """centre: float32 (c, d). home: int64 (n,) the cell of each row. order: int64 (n,) the rows, cell by cell.
    starts: int64 (c + 1,): cell j holds order[starts[j]:starts[j + 1]].
    """

    centre: torch.Tensor
    home: torch.Tensor
    order: torch.Tensor
    starts: torch.Tensor

    def __len__(self) -> int:
        return len(self.centre)

    def nearest(self, unit: torch.Tensor, probes: int) -> torch.Tensor:
        """Return int32 (r, probes) the cells whose centres lie nearest to rows (r, d), nearest first."""
        found = torch.empty((len(unit), probes), dtype=torch.int32)

        def search(start: int) -> None:
            block = slice(start, start + _ROWS_AT_ONCE)
            found[block] = _closeness(unit[block], self.centre).topk(probes, dim=1).indices.to(torch.int32)

        each(search, range(0, len(unit), _ROWS_AT_ONCE))
        return found


def gather(unit: torch.Tensor, *, seed: int) -> Cells:
    """Return cells of about 1,000 rows (n, d) each: k-means on a sample (Lloyd 1982), then every row to its centre.

    Cells that come out more than three times too full are split by k-means among their own rows. Beyond some two
    million rows the cells grow, so that finding a row's cell stays cheaper than searching it.
    """
    n = len(unit)
    draw = torch.Generator().manual_seed(seed)
    wanted = max(1, min(_MOST_CENTRES, round(n / CELL)))
    centre = _centres(unit, wanted, draw)
    home = _home(unit, centre)
    for _ in range(_SPLITS):
        size = torch.bincount(home, minlength=len(centre))
        overfull = (size > _OVERFULL * n / wanted).nonzero().flatten().tolist()
        before = len(centre)
        for cell in overfull:
            rows = (home == cell).nonzero().flatten()
            own = _centres(unit[rows], max(2, round(len(rows) * wanted / n)), draw)
            part = _home(unit[rows], own)
            # Rows that no centre can tell apart stay together.
            if len(own) < 2 or int(torch.bincount(part).max()) == len(rows):
                continue
            home[rows] = torch.where(part == 0, cell, len(centre) + part - 1)
            centre[cell] = own[0]
            centre = torch.cat((centre, own[1:]))
        if len(centre) == before:
            break
    size = torch.bincount(home, minlength=len(centre))
    starts = torch.cat((torch.zeros(1, dtype=torch.int64), size.cumsum(0)))
    return Cells(centre, home, home.argsort(stable=True), starts)


# Not `dqkit.arrays.clusters`: rows and draws are torch's, and blocks of rows are assigned on all cores.
def _centres(unit: torch.Tensor, count: int, draw: torch.Generator) -> torch.Tensor:
    sample = unit[torch.randperm(len(unit), generator=draw)[: count * _SAMPLE_PER_CENTRE]]
    centre = sample[:count].clone()
    for _ in range(_STEPS):
        home = _home(sample, centre)
        size = torch.bincount(home, minlength=len(centre))
        total = torch.zeros_like(centre).index_add_(0, home, sample)
        # A centre that lost all its rows stays where it was.
        centre = torch.where(size[:, None] > 0, total / size.clamp_min(1)[:, None], centre)
    return centre


def _home(unit: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
    home = torch.empty(len(unit), dtype=torch.int64)

    def assign(start: int) -> None:
        block = slice(start, start + _ROWS_AT_ONCE)
        home[block] = _closeness(unit[block], centre).argmax(dim=1)

    each(assign, range(0, len(unit), _ROWS_AT_ONCE))
    return home


def _closeness(unit: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
    """(r, c) minus half the squared distance to each centre, but for a constant of the row."""
    return torch.addmm(-0.5 * centre.square().sum(dim=1), unit, centre.T)
