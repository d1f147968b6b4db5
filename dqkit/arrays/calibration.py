"""The calibration error: the one meaning that the word has in dqkit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15


def bin_of(confidence: NDArray[Any], bins: int = BINS) -> NDArray[np.int64]:
    """Return (n,) the bin of each confidence: equal widths, open below and closed above, so that 1.0 is in the last.

    >>> bin_of(np.array([0.0, 0.5, 0.51, 1.0]), bins=2)
    array([0, 0, 1, 1])
    """
    at = np.ceil(np.asarray(confidence, dtype=np.float64) * bins).astype(np.int64) - 1
    return np.clip(at, 0, bins - 1)


def calibration_error(confidence: NDArray[Any], correct: NDArray[Any], bins: int = BINS) -> float:
    """Return the expected calibration error (Guo et al. 2017): mean |confidence - accuracy| of the bins, by their size.

    Parameters
    ----------
    confidence
        (n,) the probability of the most likely class.
    correct
        (n,) bool, whether that class is the label.
    bins
        How many bins of equal width.

    Returns
    -------
    float
        In [0, 1]; 0 without samples.

    Examples
    --------
    >>> round(calibration_error(np.array([0.9, 0.9, 0.3]), np.array([True, False, False])), 6)
    0.366667
    """
    at = bin_of(confidence, bins)
    size = np.bincount(at, minlength=bins)
    stated = np.bincount(at, np.asarray(confidence, dtype=np.float64), bins)
    reached = np.bincount(at, np.asarray(correct, dtype=np.float64), bins)
    return float(np.abs(stated - reached).sum() / max(int(size.sum()), 1))
