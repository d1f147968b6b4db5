"""How probable it is that a label is wrong, for what is suggested: the one posterior of queue, cards and reasons."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.acquisition.queue.copies import in_conflict
from dqkit.arrays.log_odds import from_log_odds, log_odds
from dqkit.rounds.drawn import noise_rate
from dqkit.signals import WrongLabels
from dqkit.signals.label_noise.wrong_labels import RATE_SD

LOW_END = 1.96  # standard deviations below the estimate


def wrong_probability(
    table: pd.DataFrame, unseen: NDArray[np.bool_], *, measured: WrongLabels | None = None
) -> NDArray[np.float64]:
    """P(the label is wrong) of every sample, the mean of that at the estimated rate of wrong labels and at its low end.

    How much of a weak model's doubt is its own, and how much is wrong labels, its predictions do not tell: the rate,
    and with it the prior odds of every row, is uncertain by far more than sampling. A label that somebody gave is
    changed on what holds at both ends: where only the mean of the two is above one half, it is one half.

    Parameters
    ----------
    table : DataFrame
        The signals; see `dqkit.signals.signal_table`.
    unseen : ndarray of bool, shape (n,)
        True for samples in play whose given label nobody has looked at.
    measured : WrongLabels, optional
        What answers to the random audit sample say of the same labels; it bounds the rate from both sides.

    Returns
    -------
    ndarray, shape (n,)
        0 without a label, and error_probability for labels that people gave. NaN where the labels were not judged.
        Copies whose labels differ keep what is certain about them.
    """
    chance = table["error_probability"].to_numpy(float).copy()
    rate = noise_rate(table, unseen)
    if rate is None:
        return chance
    less, over = LOW_END * RATE_SD, 0.0
    if measured is not None and measured.known and measured.among:
        ends = np.array([rate, measured.low / measured.among, measured.high / measured.among])
        middle, low, high = log_odds(ends, floor=1e-6)
        less, over = min(less, max(float(middle - low), 0.0)), max(float(middle - high), 0.0)
    open_rows = unseen & ~in_conflict(table)
    odds = log_odds(chance[open_rows], floor=1e-9)
    least = from_log_odds(odds - max(less, over))
    mean = (from_log_odds(odds - over) + least) / 2
    chance[open_rows] = np.where(least > 0.5, mean, np.minimum(mean, 0.5))
    return chance
