"""What each labelled row is worth to a nearest-neighbour classifier."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import as_labels, as_positions
from dqkit.records import InputError


def knn_shapley(labels: ArrayLike, indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """Measure what each label is worth to a nearest-neighbour classifier (KNN-Shapley).

    Parameters
    ----------
    labels : array-like of int, shape (n,)
        -1 = unlabelled; such rows are worth 0.5 and judge nobody.
    indices : ndarray of int, shape (n, k)
        The neighbours of each row, nearest first; -1 = none.

    Returns
    -------
    ndarray, shape (n,)
        In [0, 1]: 0.5 = worth nothing, below = it misleads its neighbours.

    Raises
    ------
    InputError
        Where shapes disagree.

    Notes
    -----
    Every labelled row votes on its labelled neighbours: one that carries its label gains, compared with the farthest of
    them. These are the values of cleanlab's `data_shapley_knn`, truncated after k. What is left out of the recursion
    over the neighbours telescopes, so time and memory grow with n k.

    References
    ----------
    R. Jia et al., 2019.

    Examples
    --------
    >>> knn_shapley([0, 0, 1], np.array([[1, 2], [0, 2], [0, 1]])).round(3)
    array([0.583, 0.583, 0.5  ])
    """
    given = as_labels(labels)
    around = as_positions("indices", indices, size=len(given), missing=True)
    if len(around) != len(given) or around.shape[1] == 0:
        raise InputError(f"indices must have shape (n, k) with n = {len(given)} labels; got {around.shape}.")
    n, k = around.shape
    value = np.zeros(n)
    for start in range(0, n, 65_536):
        rows = slice(start, start + 65_536)
        judge = given[rows]
        near = around[rows]
        known = (near >= 0) & (given[near] >= 0) & (judge >= 0)[:, None]
        match = ((given[near] == judge[:, None]) & known).astype(np.float64)
        last = k - 1 - np.argmax(known[:, ::-1], axis=1)
        base = match[np.arange(len(judge)), last]
        gain = np.where(known, match - base[:, None], 0.0) / np.maximum(known.sum(axis=1), 1)[:, None]
        value += np.bincount(near[known], weights=gain[known], minlength=n)
    judges = max(int((given >= 0).sum()), 1)
    worth: NDArray[np.float64] = 0.5 * (value / judges + 1.0)
    return worth
