"""What a queue proposes for each row: the most probable label, which may be the one that stands."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dqkit.records import Predictions

KEEP, CHANGE, LABEL = "keep", "change", "label"
COLUMNS = ("suggested_label", "probability", "proposal", "other_label")


def proposals(rows: pd.DataFrame, given: pd.Series, predictions: Predictions | None) -> pd.DataFrame:
    """The most probable label of every row, under one posterior.

    The label that stands is right with probability 1 - wrong. What is left of it is shared out over the other classes
    as the predictions share it out. So a change is proposed only where one other class is more probable than the label
    that stands, and a tie keeps it.

    Parameters
    ----------
    rows : DataFrame
        As `eligible_rows` gives them: wrong, expected.
    given : Series
        The label that stands, by sample id; None where there is none.
    predictions : Predictions or None
        Out-of-sample probabilities; without them the other class is the one that is expected.

    Returns
    -------
    DataFrame
        By sample id. suggested_label: the most probable label. probability: that it is right; NaN where nothing is
        known. proposal: "keep" or "change" the label that stands, "label" where there is none. other_label: the next
        most probable one.
    """
    stands = given.reindex(rows.index).astype(object)
    known = stands.notna().to_numpy(bool)
    label = np.array([value if has else None for value, has in zip(stands, known, strict=True)], dtype=object)
    wrong = rows["wrong"].to_numpy(float)
    first, second, share = _others(rows, label, predictions)
    # A comparison with NaN is False: what was not judged stays as it is.
    change = known & np.array([name is not None for name in first], dtype=bool) & (wrong * share > 1 - wrong)
    suggested = np.where(known & ~change, label, first)
    probability = np.where(
        known, np.where(change, wrong * share, 1 - wrong), share if predictions is not None else 1 - wrong
    )
    probability[[name is None for name in suggested]] = np.nan
    return pd.DataFrame(
        {
            "suggested_label": pd.Series(suggested, index=rows.index, dtype=object),
            "probability": probability.clip(0, 1),
            "proposal": np.where(change, CHANGE, np.where(known, KEEP, LABEL)),
            "other_label": pd.Series(
                np.where(known, np.where(change, label, first), second), index=rows.index, dtype=object
            ),
        },
        index=rows.index,
        columns=list(COLUMNS),
    )


def _others(
    rows: pd.DataFrame, label: np.ndarray, predictions: Predictions | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The likeliest class besides the label that stands, the next one, and the first one's share of all others."""
    expected = rows["expected"].to_numpy(object)
    first = np.array([None if name == own else name for name, own in zip(expected, label, strict=True)], dtype=object)
    second, share = np.full(len(rows), None, dtype=object), np.ones(len(rows))
    if predictions is None or not len(rows):
        return first, second, share
    place = pd.Index(predictions.ids).get_indexer(rows.index)
    at = np.flatnonzero(place >= 0)
    classes = np.array(predictions.classes, dtype=object)
    probs = predictions.pred_probs[place[at]].astype(np.float64)
    own = pd.Index(predictions.classes).get_indexer(pd.Index(label[at], dtype=object))
    probs[np.flatnonzero(own >= 0), own[own >= 0]] = 0
    # Equal probabilities go to the first class in order.
    best = np.argsort(-probs, axis=1, kind="stable")
    first[at] = classes[best[:, 0]]
    total = probs.sum(axis=1)
    share[at] = np.divide(probs[np.arange(len(at)), best[:, 0]], total, out=np.ones(len(at)), where=total > 0)
    if probs.shape[1] > 1:
        has_next = probs[np.arange(len(at)), best[:, 1]] > 0
        second[at[has_next]] = classes[best[has_next, 1]]
    return first, second, share
