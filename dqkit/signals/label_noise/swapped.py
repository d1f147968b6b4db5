"""Probabilities whose columns stand in another order than the classes."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from dqkit.records import InputError
from dqkit.signals.label_noise.noise_model import Ints

SIGNIFICANT = 5.0  # standard errors below chance
FAR_BELOW = 0.5  # of the agreement by chance


class SwappedColumns(InputError):
    """Labels and predictions agree less than half as often as by chance."""


def refuse_swapped(predicted: NDArray[np.intp], given: Ints, c: int) -> None:
    """Raise `SwappedColumns` where labels and predictions agree less than half as often as by chance; warn where less.

    predicted, given: (k,). Chance is the agreement of the same labels and predictions in random order; five standard
    errors below it are needed. However much noise there is, a model that was fitted to the labels and judged on others
    of their kind agrees with them at least as often as by chance: less says that its columns mean other classes.
    """
    k = len(given)
    if k == 0:
        return
    chance = float((np.bincount(predicted, minlength=c) / k) @ (np.bincount(given, minlength=c) / k))
    agree = float((predicted == given).mean())
    if chance - agree <= SIGNIFICANT * np.sqrt(chance * (1 - chance) / k):
        return
    told = (
        f"the columns of pred_probs must be in the order of the classes; the most probable class equals the given "
        f"label in {agree:.1%} of the rows, where chance alone gives {chance:.1%}"
    )
    if agree < FAR_BELOW * chance:
        raise SwappedColumns(
            f"{told}. Put the columns into the order of the classes (scikit-learn's is `classes_`); if they are, "
            "nearly every label is wrong, and no flag could say which."
        )
    warnings.warn(f"{told}. If they are not in that order, flags and suggestions stand upside down.", stacklevel=4)
