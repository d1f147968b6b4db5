"""Products of reduced precision, where the processor is several times faster at them, and what they may lose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from dqkit.arrays.threads import each
from dqkit.signals.knn.points import Points
from dqkit.signals.knn.tiles import largest_by_int8_tiles, largest_by_tiles

_PILOT_ROWS = 256
_PILOT_SPARE = 16
_MOST_UNSURE = 0.1
_INT8_DIMENSIONS = (128, 2048)
_INT8_LEVELS = 127
_DEVIATIONS = 7.0
_ROWS_AT_ONCE = 8192


@dataclass(frozen=True, eq=False)
class Reduced:
    """A search of reduced precision. largest: keep -> (n, keep) positions and (n,) the smallest score kept.
    slack: how far its scores may lie from the float32 ones.
    """

    largest: Callable[[int], tuple[torch.Tensor, torch.Tensor]]
    slack: float


def reduced_search(points: Points, k: int) -> Reduced | None:
    """Return the fastest search of reduced precision that this processor and these rows allow, or None.

    bfloat16 products with float32 sums where the processor has units for them (AMX, AVX512-BF16). int8 products with
    int32 sums where it has VNNI: for cosines of 128 to 2,048 dimensions, rotated at random first, so that no column
    is large and the rounding errors of a row are as good as independent; seven standard deviations bound their sum.
    Rows whose k-th and last candidate are too close for the bound would be searched twice: where a pilot of 256 rows
    finds more than a tenth of such, float32 is used.
    """
    kind = precision()
    if kind == "bfloat16":
        found = _bfloat16(points)
    elif bears_int8(points):
        found = _int8(points)
    else:
        return None
    return found if _unsure(points, k, found.slack) <= _MOST_UNSURE else None


def precision() -> str:
    """The kind of products that this processor is fastest at: "bfloat16", "int8" or "float32"."""
    has = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    if has.get("amx_bf16") or has.get("avx512_bf16"):
        return "bfloat16"
    if (has.get("avx512_vnni") or has.get("avx_vnni")) and hasattr(torch, "_int_mm"):
        return "int8"
    return "float32"


def _bfloat16(points: Points) -> Reduced:
    unit = points.unit
    longest, lost = 0.0, 0.0
    for start in range(0, len(unit), 4096):
        block = unit[start : start + 4096]
        longest = max(longest, float(block.square().sum(dim=1).max()) ** 0.5)
        lost = max(lost, float((block - block.bfloat16().float()).square().sum(dim=1).max()) ** 0.5)

    def largest(keep: int) -> tuple[torch.Tensor, torch.Tensor]:
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("medium")
        try:
            return largest_by_tiles(unit, points.offset, keep)
        finally:
            torch.set_float32_matmul_precision(before)

    # By Cauchy and Schwarz: the lengths of what rounding takes away bound what it does to any product.
    return Reduced(largest, 2 * lost * longest + lost**2)


def _int8(points: Points) -> Reduced:
    whole, step = whole_numbers(points.unit)
    # A value is rounded by at most half a step, step / sqrt(12) on average, in both rows of a pair of unit rows.
    slack = _DEVIATIONS * step * (2 / 12) ** 0.5
    return Reduced(lambda keep: largest_by_int8_tiles(whole, step, keep), slack)


def bears_int8(points: Points) -> bool:
    """Whether products of whole numbers are the fastest here, and these rows of the kind that they rank well."""
    dimensions = points.unit.shape[1]
    wide_enough = _INT8_DIMENSIONS[0] <= dimensions <= _INT8_DIMENSIONS[1]
    return precision() == "int8" and points.offset is None and wide_enough


def whole_numbers(unit: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Return int8 (n, d) and a step: unit rows turned at random and rounded, so that step squared scales products."""
    n, d = unit.shape
    draw = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(d, d, generator=draw))
    starts = range(0, n, _ROWS_AT_ONCE)
    largest = torch.zeros(len(starts))

    def measure(start: int) -> None:
        largest[start // _ROWS_AT_ONCE] = (unit[start : start + _ROWS_AT_ONCE] @ turn).abs_().max()

    each(measure, starts)
    step = max(float(largest.max()), 1e-30) / _INT8_LEVELS
    whole = torch.empty((n, d), dtype=torch.int8)

    def fill(start: int) -> None:
        block = slice(start, start + _ROWS_AT_ONCE)
        whole[block] = (unit[block] @ turn).div_(step).round_().to(torch.int8)

    each(fill, starts)
    return whole, step


def _unsure(points: Points, k: int, slack: float) -> float:
    """Share of sampled rows whose k-th and last candidate score within the slack of one another."""
    n = len(points.unit)
    rows = torch.arange(0, n, max(1, n // _PILOT_ROWS))
    scores = points.unit[rows] @ points.unit.T
    if points.offset is not None:
        scores += points.offset + points.offset[rows][:, None]
    scores[torch.arange(len(rows)), rows] = -torch.inf
    last = min(n - 1, k + _PILOT_SPARE)
    top = scores.topk(last, dim=1).values
    return float((top[:, k - 1] - top[:, -1] < slack).float().mean())
