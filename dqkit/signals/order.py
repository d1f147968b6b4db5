"""Whether neighbours in feature space sit close together in the dataset's order: drift, sorting, video frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqkit.checks import as_array, seed_number, whole_number
from dqkit.records import InputError

SIGNIFICANT = 0.05
MOST_PERMUTATIONS = 10_000


@dataclass(frozen=True, eq=False, repr=False)
class OrderTest:
    """Whether the order of the rows is unrelated to what they show.

    Attributes
    ----------
    p_value : float
        The probability of neighbours lying this near each other, or farther, in an order drawn at random. A small one
        means that the order carries information: drift, sorted data, runs of near copies.
    statistic : float
        The Kolmogorov-Smirnov distance.
    score : ndarray, shape (n,)
        In [0, 1], higher = the row's neighbours lie at stranger positions.
    flag : ndarray of bool, shape (n,)
        True for the one row with the highest score where p_value < 0.05. The finding is about the whole dataset;
        Datalab names one row.
    """

    p_value: float
    statistic: float
    score: NDArray[np.float64]
    flag: NDArray[np.bool_]

    def __repr__(self) -> str:
        return f"OrderTest(p_value={self.p_value:.4g}, statistic={self.statistic:.4g})"


def order_test(indices: NDArray[np.int64], *, permutations: int = 25, seed: int = 0) -> OrderTest:
    """Test whether the order of the rows is random.

    Parameters
    ----------
    indices : ndarray of int, shape (n, k)
        The neighbours of each row.
    permutations : int
        How many random orders it is compared with.
    seed : int
        For these orders.

    Returns
    -------
    OrderTest

    Raises
    ------
    InputError
        For what is no graph, or fewer than 2 rows.

    Notes
    -----
    This is cleanlab's non-IID test, with its random numbers: the same graph gives the same p value and flag. The
    distances `|i - j|` between a row and its neighbours are compared with those of all pairs of rows. The same after
    random reorderings, smoothed by a Gaussian kernel, is what chance does. Memory grows with n k.

    Examples
    --------
    >>> in_order = np.array([[1], [0], [1], [2], [3], [4]])
    >>> order_test(in_order).statistic
    0.5
    """
    from scipy.stats import gaussian_kde

    permutations = whole_number("permutations", permutations, least=2, most=MOST_PERMUTATIONS)
    seed = seed_number(seed, most=2**32 - 1)
    around = as_array("indices", indices, shape="(n, k)")
    n = len(around) if around.ndim else 0
    if around.ndim != 2 or around.size == 0 or around.dtype.kind not in "iu" or around.min() < 0 or around.max() >= n:
        raise InputError(
            f"indices must be whole numbers of shape (n, k), rows 0 to n - 1; got {around.dtype} of shape "
            f"{around.shape}. Pass dqkit.signals.neighbors(features).indices."
        )
    if n < 2:
        raise InputError(f"indices must describe at least 2 rows; got {n}.")
    around = around.astype(np.int64)
    share = (n - np.arange(1, n)) / (n * (n - 1) / 2)
    expected = np.cumsum(share)
    statistic = _statistic(np.abs(np.arange(n)[:, None] - around), expected)
    # The legacy generator is the one that Datalab draws from; a local one leaves the global state alone.
    draw = np.random.RandomState(seed)
    chance = np.empty(permutations)
    for at, order in enumerate([draw.permutation(n) for _ in range(permutations)]):
        chance[at] = _statistic(np.abs(order[:, None] - order[around]), expected)
    if np.ptp(chance) > 0:
        p_value = float(gaussian_kde(chance).integrate_box_1d(statistic, 100))
    else:
        # Reorderings of a few rows can all look alike: the limit of an ever narrower kernel around that one value.
        p_value = float(0.5 * (1 + np.sign(chance[0] - statistic)))
    closeness = _closeness(around)
    flag = np.zeros(n, dtype=bool)
    if p_value < SIGNIFICANT:
        flag[int(closeness.argmin())] = True
    return OrderTest(p_value=p_value, statistic=statistic, score=1.0 - closeness, flag=flag)


def _statistic(steps: NDArray[np.int64], expected: NDArray[np.float64]) -> float:
    """Largest gap between the shares of neighbours and of all pairs that lie at most so many rows apart."""
    n = len(expected) + 1
    count = np.bincount(steps.ravel(), minlength=n)[1:]
    total = steps.size
    through = np.cumsum(count)
    # Within a run of equal steps the share climbs from its first to its last member; the largest step ends the scale.
    first, last = through - count, through - 1
    last[-1], seen = total, count > 0
    seen[-1] = True
    gap = np.maximum(np.abs(first / total - expected), np.abs(last / total - expected))
    return float(gap[seen].max())


def _closeness(indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) in [0, 1]: 1 - tanh of the area between the steps to the row's neighbours and those to all rows."""
    n, k = indices.shape
    row = np.arange(n)
    both = np.minimum(row, n - 1 - row)[:, None]
    steps = np.sort(np.abs(row[:, None] - indices), axis=1)
    steps = np.hstack([steps, np.full((n, 1), n - 1)])
    # Up to `both` steps away there are two rows at each distance, then one, beyond the nearer end none.
    begin = (both**2) / (n - 1)
    middle = 0.5 * (2 * both / (n - 1) + 1) * (n - 2 * both - 1)
    area = np.where(
        steps <= both,
        (steps**2) / (n - 1),
        np.where(
            steps <= n - both - 1,
            begin + 0.5 * ((steps + 3 * both) * (steps - both) / (n - 1)),
            begin + middle + (steps - (n - both - 1) * 1.0),
        ),
    )
    width = np.diff(steps, axis=1, prepend=0)
    gained = np.diff(area, axis=1, prepend=0.0)
    reached = (np.arange(k + 1) / k)[None, :] * width
    farthest = np.where(row > n - row, row, n - row)
    closeness: NDArray[np.float64] = np.tanh(-1 * (np.abs(reached - gained).sum(axis=1) / farthest)) + 1
    return closeness
