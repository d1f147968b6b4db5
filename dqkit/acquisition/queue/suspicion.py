"""How likely a given label is wrong, for the order in which labels are looked at again."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.records import Predictions


def suspicion(score: NDArray[np.float64], given_probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """(k,) P(label is wrong): the geometric mean of the odds of the detectors' score and of 1 - P(given label | x).

    score: (k,) the detectors' P(wrong), the given class against its strongest rival and the noise between the two.
    given_probability: (k,) out-of-sample probability of the given class, alone the best order where errors go to all
    classes alike and on the labels of people who doubted as the model does. The mean comes near the better of both.

    >>> suspicion(np.array([0.8, 0.8]), np.array([0.2, 0.8])).round(2).tolist()
    [0.8, 0.5]
    """
    sure = np.clip(score.astype(np.float64), 1e-9, 1 - 1e-9)
    given = np.clip(np.asarray(given_probability, dtype=np.float64), 1e-9, 1 - 1e-9)
    odds = (np.log(sure) - np.log1p(-sure) + np.log1p(-given) - np.log(given)) / 2
    return np.asarray(1 / (1 + np.exp(-odds)))


def with_predictions(
    score: NDArray[np.float64], table: pd.DataFrame, labeled: NDArray[np.bool_], predictions: Predictions | None
) -> NDArray[np.float64]:
    """The scores of a signal table, those of labelled rows as `suspicion` has them where there are predictions for it.

    A row without predictions, or with a class that they do not know, keeps its score.
    """
    if predictions is None or "given_label" not in table:
        return score
    given = pd.Index(predictions.classes).get_indexer(pd.Index(table["given_label"]))
    place = pd.Index(predictions.ids).get_indexer(table.index)
    known = np.flatnonzero(labeled & (given >= 0) & (place >= 0))
    out = score.copy()
    out[known] = suspicion(score[known], predictions.pred_probs[place[known], given[known]])
    return out
