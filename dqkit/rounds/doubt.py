"""How probable it is that a label is wrong, for what is suggested: the one posterior of queue, cards and reasons."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.acquisition.queue.copies import in_conflict
from dqkit.acquisition.queue.worth import with_rate
from dqkit.rounds.drawn import noise_rate
from dqkit.rounds.metrics import wrong_labels
from dqkit.signals import SignalTable


def wrong_probability(found: SignalTable, labels: pd.DataFrame, unseen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """P(the label is wrong) of every sample, the mean of that at the estimated rate of wrong labels and at its low end.

    How much of a weak model's doubt is its own, and how much is wrong labels, its predictions do not tell: the rate is
    uncertain by far more than sampling. A label that somebody gave is changed on what holds for both rates: where only
    the mean of the two is above one half, it is one half.

    Parameters
    ----------
    found : SignalTable
        The signals.
    labels : DataFrame
        The labels they were computed from; see `Workbench.labels`.
    unseen : ndarray of bool, shape (n,)
        True for samples in play whose given label nobody has looked at.

    Returns
    -------
    ndarray, shape (n,)
        0 without a label, and error_probability for labels that people gave. NaN where the labels were not judged.
        Copies whose labels differ keep what is certain about them.
    """
    table = found.table
    chance = table["error_probability"].to_numpy(float).copy()
    rate, interval = noise_rate(table, unseen), wrong_labels(labels, found)[1]
    if rate is None or interval is None:
        return chance
    low = min(interval[0] * float(table["given_label"].notna().sum()) / max(int(unseen.sum()), 1), rate)
    open_rows = unseen & ~in_conflict(table)
    scores = table["error_probability"].to_numpy(float)[open_rows]
    least = with_rate(scores, low)
    mean = (scores + least) / 2
    chance[open_rows] = np.where(least > 0.5, mean, np.minimum(mean, 0.5))
    return chance
