"""How probable it is that a label is wrong, for what is suggested: the one posterior of queue, cards and reasons."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.acquisition.queue.copies import in_conflict
from dqkit.acquisition.queue.worth import with_rate
from dqkit.records import HUMAN_SOURCES
from dqkit.rounds.drawn import noise_rate
from dqkit.signals import SignalTable, WrongLabels
from dqkit.signals.label_noise.open_errors import open_error_rate


def wrong_probability(
    found: SignalTable, labels: pd.DataFrame, unseen: NDArray[np.bool_], *, measured: WrongLabels | None = None
) -> NDArray[np.float64]:
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
    measured : WrongLabels, optional
        What answers to the random audit sample say of the same labels; it bounds both rates.

    Returns
    -------
    ndarray, shape (n,)
        0 without a label, and error_probability for labels that people gave. NaN where the labels were not judged.
        Copies whose labels differ keep what is certain about them.
    """
    table = found.table
    chance = table["error_probability"].to_numpy(float).copy()
    rate, low = noise_rate(table, unseen), _low(found, labels, unseen)
    if rate is None or low is None:
        return chance
    if measured is not None and measured.known and measured.among:
        rate = min(rate, measured.high / measured.among)
        low = max(low, measured.low / measured.among)
    open_rows = unseen & ~in_conflict(table)
    scores = table["error_probability"].to_numpy(float)[open_rows]
    best, least = with_rate(scores, rate), with_rate(scores, min(low, rate))
    mean = (best + least) / 2
    chance[open_rows] = np.where(least > 0.5, mean, np.minimum(mean, 0.5))
    return chance


def _low(found: SignalTable, labels: pd.DataFrame, unseen: NDArray[np.bool_]) -> float | None:
    """The low end of the model's rate of wrong labels, as a share of those that nobody has looked at."""
    errors = found.summary.get("label_errors") or {}
    if errors.get("estimated_rate") is None or errors.get("interval") is None or not unseen.any():
        return None
    labelled = found.table["given_label"].notna().to_numpy()
    scores = found.table["error_probability"].to_numpy(float)[labelled]
    checked = labels["source"].isin(HUMAN_SOURCES).to_numpy()[labelled]
    ends = open_error_rate(errors["estimated_rate"], errors["interval"], scores, checked)[1]
    # One label at least: below that, sampling alone would clear the only wrong label of a small set.
    return None if ends is None else min(max(ends[0] * float(labelled.sum()), 1.0) / float(unseen.sum()), 1.0)
