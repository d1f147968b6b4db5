"""Log odds of probabilities, the way back, and the shift that gives them a wanted mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


def log_odds(probability: NDArray[np.float64], *, floor: float = 1e-6) -> NDArray[np.float64]:
    """log(p / (1 - p)), with p kept inside [floor, 1 - floor].

    >>> log_odds(np.array([0.5, 0.0]), floor=0.1).round(3).tolist()
    [0.0, -2.197]
    """
    clipped = np.clip(probability, floor, 1 - floor)
    return np.asarray(np.log(clipped / (1 - clipped)))


def from_log_odds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities of log odds.

    >>> from_log_odds(np.array([0.0, -1000.0])).round(3).tolist()
    [0.5, 0.0]
    """
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -500, 500))))


def shift_to_mean(values: NDArray[np.float64], mean: float, *, most_rows: int | None = None) -> NDArray[np.float64]:
    """The log odds moved together until their probabilities have the given mean.

    most_rows: the shift is found on about as many evenly spaced rows, in order of size, where there are more.

    >>> from_log_odds(shift_to_mean(np.zeros(2), 0.2)).round(3).tolist()
    [0.2, 0.2]
    """
    some = values
    if most_rows is not None and len(values) > most_rows:
        some = np.sort(values)[:: len(values) // most_rows]
    return values + solve_increasing(lambda by: float(from_log_odds(some + by).mean()), mean, -40.0, 40.0)


def solve_increasing(function: Callable[[float], float], target: float, low: float, high: float) -> float:
    """The point of [low, high] where the increasing `function` reaches `target`, by bisection.

    >>> round(solve_increasing(lambda x: x * x, 4.0, 0.0, 10.0), 6)
    2.0
    """
    for _ in range(60):
        middle = (low + high) / 2
        if function(middle) < target:
            low = middle
        else:
            high = middle
    return (low + high) / 2
