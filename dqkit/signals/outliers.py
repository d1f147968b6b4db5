"""Rows that lie far from their neighbours, by the definition of cleanlab's Datalab."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

OUTLIER_THRESHOLD = 0.37037
_ROUNDING = 100


def outlier_flags(distances: NDArray[Any], *, threshold: float = OUTLIER_THRESHOLD) -> tuple[NDArray[np.bool_], float]:
    """Flag the rows whose mean distance to their neighbours exceeds Q3 + (1 / threshold - 1) IQR.

    Parameters
    ----------
    distances : ndarray, shape (n, k)
        To the nearest rows.
    threshold : float
        In (0, 1], smaller = fewer outliers.

    Returns
    -------
    flags : ndarray of bool, shape (n,)
    bound : float
        The mean distance from which a row is an outlier.

    Notes
    -----
    The order of every sum is that of Datalab, so that flags agree even in ties.

    Examples
    --------
    >>> outlier_flags(np.array([[0.1], [0.1], [0.2], [0.1], [9.0]]))[0]
    array([False, False, False, False,  True])
    """
    from scipy.stats import iqr

    mean = distances.mean(axis=1)
    bound = float(np.percentile(mean, 75) + (1 / threshold - 1) * iqr(mean))
    return mean > bound, bound


def outlier_scores(distances: NDArray[Any], *, metric: str) -> NDArray[np.float64]:
    """Return (n,) in [0, 1], higher = farther: 1 - exp(-mean distance / median of the mean distances).

    A mean distance within rounding of 0 scores 0 exactly.
    """
    mean = distances.mean(axis=1)
    wide = np.finfo(np.float64)
    scale = float(max(np.median(mean), _ROUNDING * wide.eps))
    score: NDArray[np.float64] = 1.0 - np.exp(-mean.astype(np.float64) / max(scale, 1e-6))
    score[mean < (_ROUNDING * wide.epsneg if metric == "cosine" else np.sqrt(_ROUNDING * wide.eps))] = 0.0
    return score
