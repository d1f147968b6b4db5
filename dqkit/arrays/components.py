"""Connected components: rows that pairs join, directly or through others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dqkit.checks import whole_number, whole_numbers
from dqkit.errors import InputError

MOST_ROWS = 1_000_000_000


def components(n: int, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) the component of each row under the links left[i] - right[i]; the numbers have no meaning of their own.

    >>> components(3, np.array([0]), np.array([2])).tolist()
    [0, 1, 0]
    """
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def linked_groups(n: int, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the groups of rows that pairs link.

    Parameters
    ----------
    n : int
        The number of rows.
    left, right : ndarray of int64, shape (pairs,)
        The two rows of each pair.

    Returns
    -------
    ndarray of int64, shape (n,)
        The group of each row, numbered from 0 by its first row; -1 for rows in no pair.

    Examples
    --------
    >>> linked_groups(4, np.array([1]), np.array([3]))
    array([-1,  0, -1,  0])
    """
    n = whole_number("n", n, least=0, most=MOST_ROWS)
    left, right = (
        whole_numbers(name, at, shape="(pairs,)", ndim=1, least=0, most=max(n - 1, 0))
        for name, at in (("left", left), ("right", right))
    )
    if len(left) != len(right):
        raise InputError(f"left and right must have the same length; got {len(left)} and {len(right)}.")
    group = np.full(n, -1, dtype=np.int64)
    if n == 0:
        return group
    component = components(n, left, right)
    grouped = np.bincount(component)[component] > 1
    _, start, inverse = np.unique(component[grouped], return_index=True, return_inverse=True)
    rank = np.empty(len(start), dtype=np.int64)
    rank[np.argsort(start, kind="stable")] = np.arange(len(start))
    group[grouped] = rank[inverse]
    return group
