"""What answers teach the judge: a shift and a slope of its log odds, from rows that people have looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.log_odds import from_log_odds
from dqkit.signals.label_noise.flagging import NORMAL

Floats = NDArray[np.float64]
STEPS = 50


def taught(
    odds: Floats,
    off: tuple[float, float],
    seen: Floats,
    wrong: NDArray[np.bool_],
    *,
    slope_sd: float,
    weight: Floats | None = None,
) -> tuple[Floats, tuple[float, float]]:
    """The log odds of all rows, and how far their rate may be off, once some answers are known.

    odds: (k,) log odds of an error. off: how far the log odds of the rate may lie below and above, 95 %. seen, wrong,
    weight: (r,) of the answered rows: the log odds that each had, whether its label was wrong, what it counts (1).
    slope_sd: how much the log of the slope differs between datasets.

    The shift has a normal prior as wide as `off`, the slope a log-normal one around 1. Their most probable values are
    found by Newton's method; the rate is then off by what the curvature there leaves (Laplace's approximation).
    """
    if not len(seen):
        return odds, off
    counts = np.ones(len(seen)) if weight is None else weight
    shift_sd = max((off[0] + off[1]) / 2 / NORMAL, 1e-3)
    precision = np.array([1 / shift_sd**2, 1 / slope_sd**2])
    at = np.zeros(2)  # shift, log slope
    hessian = np.diag(precision)
    for _ in range(STEPS):
        inside = np.exp(at[1]) * seen
        p = from_log_odds(at[0] + inside)
        by = np.column_stack([np.ones(len(seen)), inside])
        slope = by.T @ (counts * (wrong - p)) - precision * at
        # Fisher's information, which is positive wherever the step starts.
        hessian = (by * (counts * p * (1 - p))[:, None]).T @ by + np.diag(precision)
        step = np.clip(np.linalg.solve(hessian, slope), -1.0, 1.0)
        at = at + step
        if float(np.abs(step).max()) < 1e-7:
            break
    new = at[0] + np.exp(at[1]) * odds
    return new, _off(new, odds, at, hessian, off, precision)


def _off(
    new: Floats, odds: Floats, at: Floats, hessian: Floats, off: tuple[float, float], precision: Floats
) -> tuple[float, float]:
    """How far the log odds of the rate may be off: narrower by as much as the answers narrow it."""
    p = from_log_odds(new)
    rate = float(np.clip(p.mean(), 1e-6, 1 - 1e-6))
    by = np.array([(p * (1 - p)).mean(), (p * (1 - p) * np.exp(at[1]) * odds).mean()]) / (rate * (1 - rate))
    after, before = (float(np.sqrt(by @ np.linalg.solve(h, by))) for h in (hessian, np.diag(precision)))
    narrower = min(after / max(before, 1e-12), 1.0)
    return off[0] * narrower, off[1] * narrower


