"""From the probability of an error in every row to flags, the noise rate and its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.log_odds import from_log_odds, log_odds

Floats = NDArray[np.float64]
NORMAL = 1.96  # standard deviations that hold 95 %
NODES = 7


@dataclass(frozen=True, eq=False)
class Decision:
    """error_probability, score, flag: (k,) of the labelled rows; flag is score > 0.5. rate: the mean of
    error_probability. interval: its 95 % interval."""

    error_probability: Floats
    score: Floats
    flag: NDArray[np.bool_]
    rate: float
    interval: tuple[float, float]


def decide(odds: Floats, off: tuple[float, float], spread: float = 0.0) -> Decision:
    """The decision on rows with the given log odds of an error, (k,).

    off: how far the log odds of the rate may be off, below and above, 95 %. spread: see `best_count`.
    """
    k = len(odds)
    if k == 0:
        empty = np.empty(0)
        return Decision(empty, empty, np.empty(0, dtype=bool), 0.0, (0.0, 1.0))
    probability = from_log_odds(odds)
    rate = float(probability.mean())
    low, high = (float(from_log_odds(log_odds(np.array(rate)) + by)) for by in (-off[0], off[1]))
    low, high = min(low, rate), max(high, rate)
    falling = np.sort(odds)[::-1]
    count = best_count(falling, spread)
    if spread > 0:  # no more labels are flagged than may be wrong
        count = min(count, math.ceil(high * k))
    cut = cut_after(from_log_odds(falling), count)
    score = from_log_odds(log_odds(probability) - log_odds(np.array(cut)))
    return Decision(probability, score, score > 0.5, rate, (low, high))


def best_count(falling: Floats, spread: float = 0.0) -> int:
    """How many of the rows, sorted by falling log odds of an error, to flag for the highest expected F1.

    spread: standard deviation by which the log odds of all rows may be off together. F1 is the mean over that normal
    distribution (Gauss-Hermite quadrature), each time the expected F1 of independent rows (Lipton, Elkan &
    Naryanaswamy 2014, whose threshold is half the F1 that it reaches).

    >>> best_count(log_odds(np.array([0.9, 0.6, 0.45, 0.05])))
    3
    """
    if float(from_log_odds(falling).sum()) <= 0.5:
        # Where hardly an error is expected, a flag on a row that is more likely right helps nobody.
        return int((falling > 0).sum())
    nodes, shares = np.polynomial.hermite_e.hermegauss(NODES if spread > 0 else 1)
    value, ranks = np.zeros(len(falling)), np.arange(1, len(falling) + 1)
    for node, share in zip(nodes, shares / shares.sum(), strict=True):
        hits = np.cumsum(from_log_odds(falling + node * spread))
        value += share * 2 * hits / (ranks + hits[-1])
    return int(value.argmax()) + 1


def cut_after(falling: Floats, count: int) -> float:
    """A threshold between the last flagged probability and the next one; ties of the last are left unflagged."""
    if count <= 0:
        return min(float(falling[0]) + 1e-6, 1.0)
    if count >= len(falling):
        return max(float(falling[-1]) / 2, 1e-9)
    return float((falling[count - 1] + falling[count]) / 2)
