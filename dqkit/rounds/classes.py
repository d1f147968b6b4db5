"""Class lists that grow at their end: a position never changes its meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.records import Dataset, Predictions


def with_classes(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """The dataset over a list of classes that begins with its own."""
    return dataset if dataset.classes == tuple(classes) else replace(dataset, classes=tuple(classes))


def widened(predictions: Predictions, classes: Sequence[str]) -> Predictions:
    """The same predictions over a list of classes that has grown: what no model knew has probability 0."""
    more = len(classes) - len(predictions.classes)
    if more <= 0:
        return predictions

    def wide(probs: NDArray[Any], value: float = 0.0) -> NDArray[Any]:
        return np.concatenate([probs, np.full((*probs.shape[:-1], more), value, probs.dtype)], axis=-1)

    # A history of (n, epochs, c) may hold logits: the smallest value is what no class had.
    dynamics = {k: wide(v, v.min(initial=0)) if np.ndim(v) == 3 else v for k, v in predictions.dynamics.items()}
    return replace(
        predictions,
        classes=tuple(classes),
        member_probs=wide(predictions.member_probs),
        pred_probs=wide(predictions.pred_probs),
        dynamics=dynamics,
    )
