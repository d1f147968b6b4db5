"""Did a figure change, or is it chance? The 95 % interval of a difference between two rounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]


def of_shares(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Interval:
    """The interval of the difference of two shares of the same n samples.

    Only samples that differ speak of a change. Their split is binomial (McNemar 1947; the exact interval of Clopper and
    Pearson), so one sample of 207 is no clear change.

    >>> before = np.zeros(200, dtype=bool)
    >>> [round(end, 3) for end in of_shares(before, np.arange(200) < 1)]
    [-0.005, 0.005]
    >>> [round(end, 3) for end in of_shares(before, np.arange(200) < 20)]
    [0.066, 0.1]
    """
    from scipy.stats import beta

    gained, lost, n = int((after & ~before).sum()), int((before & ~after).sum()), len(before)
    k = gained + lost
    if k == 0:
        return 0.0, 0.0
    low = 0.0 if gained == 0 else float(beta.ppf(0.025, gained, lost + 1))
    high = 1.0 if lost == 0 else float(beta.ppf(0.975, gained + 1, lost))
    return (2 * low - 1) * k / n, (2 * high - 1) * k / n


def of_means(before: NDArray[np.float64], after: NDArray[np.float64]) -> Interval:
    """The interval (Student's t) of the difference of two means over the same samples.

    >>> of_means(np.zeros(3), np.ones(3))
    (1.0, 1.0)
    """
    from scipy.stats import t

    change = after - before
    n = len(change)
    if n < 2:
        return -np.inf, np.inf
    half = float(t.ppf(0.975, n - 1) * change.std(ddof=1) / np.sqrt(n))
    return float(change.mean()) - half, float(change.mean()) + half


def of_estimates(before: Sequence[float], after: Sequence[float]) -> Interval:
    """The interval of the difference of two estimates, each with its own interval: value, low, high.

    The distances to the ends add up as squares (Zou and Donner 2008).

    >>> [round(end, 2) for end in of_estimates((0.10, 0.06, 0.20), (0.05, 0.02, 0.08))]
    [-0.15, 0.0]
    """
    (b, b_low, b_high), (a, a_low, a_high) = before, after
    low = (a - b) - float(np.hypot(a - a_low, b_high - b))
    return low, (a - b) + float(np.hypot(a_high - a, b - b_low))
