"""The interval of a share counted from labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def wilson_interval(
    hits: ArrayLike, total: ArrayLike, *, z: float = 1.959964
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Wilson's score interval of a share.

    Parameters
    ----------
    hits, total : array-like, shape (n,)
        How many of how many.
    z : float
        The normal quantile; 1.96 gives 95 %.

    Returns
    -------
    low, high : ndarray, shape (n,)
        In [0, 1]; (0, 1) where `total` is 0.

    Examples
    --------
    >>> low, high = wilson_interval([5], [10])
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (0.237, 0.763)
    """
    count = np.asarray(total, dtype=np.float64)
    safe = np.maximum(count, 1.0)
    share = np.asarray(hits, dtype=np.float64) / safe
    scale = 1 + z**2 / safe
    centre = (share + z**2 / (2 * safe)) / scale
    half = z * np.sqrt(share * (1 - share) / safe + z**2 / (4 * safe**2)) / scale
    low = np.where(count > 0, np.clip(centre - half, 0, 1), 0.0)
    high = np.where(count > 0, np.clip(centre + half, 0, 1), 1.0)
    return low, high
