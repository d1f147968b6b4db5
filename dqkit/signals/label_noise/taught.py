"""What answers teach the judge: a shift and a slope of its log odds, from rows that people have looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.log_odds import from_log_odds
from dqkit.signals.label_noise.flagging import NORMAL
from dqkit.signals.label_noise.noise_model import Ints

Floats = NDArray[np.float64]
STEPS = 50
# How much the log of the slope that suits a dataset differs between datasets that the judge was not trained on (from
# the median absolute deviation: .43 to .45 over the sets of audits; `benchmarks/label_noise/holdout.py` prints it).
SLOPE_SD = 0.45


@dataclass(frozen=True, eq=False)
class Reviewed:
    """Rows that people have looked at; arrays have r rows.

    rows: positions. labels: the label that each carried then. wrong: whether it was wrong. at_random: whether the row
    was drawn at random, or else because it looked suspicious.
    """

    rows: NDArray[np.intp]
    labels: Ints
    wrong: NDArray[np.bool_]
    at_random: NDArray[np.bool_]


def taught(
    odds: Floats, off: tuple[float, float], seen: Floats, wrong: NDArray[np.bool_], at_random: NDArray[np.bool_]
) -> tuple[Floats, tuple[float, float]]:
    """The log odds of all rows, and how far their rate may be off, once some answers are known.

    odds: (k,) log odds of an error. off: how far the log odds of the rate may lie below and above, 95 %. seen, wrong,
    at_random: (r,) of the answered rows: the log odds that each had, whether its label was wrong, whether it was drawn
    at random.

    The shift has a normal prior as wide as `off`, the slope a log-normal one around 1. Their most probable values are
    found by Newton's method. The rate is then off by what the curvature there leaves (Laplace's approximation), of
    which only rows drawn at random are counted: the others say how the suspicious rows do, not all.
    """
    if not len(seen):
        return odds, off
    shift_sd = max(sum(off) / 2 / NORMAL, 1e-3)
    precision = np.array([1 / shift_sd**2, 1 / SLOPE_SD**2])
    at = np.zeros(2)  # shift, log slope
    for _ in range(STEPS):
        by, p = _lines(at, seen)
        slope = by.T @ (wrong - p) - precision * at
        step = np.clip(np.linalg.solve(_information(by, p) + np.diag(precision), slope), -1.0, 1.0)
        at = at + step
        if float(np.abs(step).max()) < 1e-7:
            break
    by, p = _lines(at, seen[at_random])
    new = at[0] + np.exp(at[1]) * odds
    return new, _off(new, odds, at, off, precision, _information(by, p))


def _lines(at: Floats, seen: Floats) -> tuple[Floats, Floats]:
    """(r, 2) how the log odds of each row move with shift and log slope, and (r,) their probabilities."""
    inside = np.exp(at[1]) * seen
    return np.column_stack([np.ones(len(seen)), inside]), from_log_odds(at[0] + inside)


def _information(by: Floats, p: Floats) -> Floats:
    """Fisher's information: positive wherever the steps begin."""
    return np.asarray((by * (p * (1 - p))[:, None]).T @ by)


def _off(
    new: Floats, odds: Floats, at: Floats, off: tuple[float, float], precision: Floats, information: Floats
) -> tuple[float, float]:
    """How far the log odds of the rate may be off: narrower by as much as the answers narrow it."""
    p = from_log_odds(new)
    rate = float(np.clip(p.mean(), 1e-6, 1 - 1e-6))
    by = np.array([(p * (1 - p)).mean(), (p * (1 - p) * np.exp(at[1]) * odds).mean()]) / (rate * (1 - rate))
    prior = np.diag(precision)
    after, before = (float(np.sqrt(by @ np.linalg.solve(known, by))) for known in (prior + information, prior))
    narrower = min(after / max(before, 1e-12), 1.0)
    return off[0] * narrower, off[1] * narrower
