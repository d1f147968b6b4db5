"""Rows that repeat one another: flags by the definition of cleanlab's Datalab, groups, and leakage between splits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import as_array, shown, whole_numbers
from dqkit.near_copies import linked_groups
from dqkit.records import TEST_SPLIT, InputError

DUPLICATE_THRESHOLD = 0.13
# Chosen on 300 photos of clothes with planted copies: .4 finds two thirds of those cut at the edges and no other pair.
PAIR_RATIO = 0.4
_SMALLEST_MEDIAN = 1e-6


def near_duplicates(
    indices: NDArray[np.int64], distances: NDArray[Any], *, threshold: float = DUPLICATE_THRESHOLD
) -> tuple[NDArray[np.bool_], float]:
    """Find the rows that have a near copy among their neighbours.

    Parameters
    ----------
    indices, distances : ndarray, shape (n, k)
        The nearest rows.
    threshold : float
        A neighbour is a near copy below this many times the median nearest distance.

    Returns
    -------
    flags : ndarray of bool, shape (n,)
        The relation counts in both directions: the neighbour is flagged too.
    bound : float
        The distance below which a neighbour is a near copy.

    Examples
    --------
    >>> near_duplicates(np.array([[1], [0], [1]]), np.array([[0.0], [0.0], [2.0]]))[0]
    array([ True,  True, False])
    """
    # Kept as NumPy scalars of the distances' own type: a Python float here would compare float32 ties differently.
    bound = threshold * max(np.median(distances[:, 0]), _SMALLEST_MEDIAN)
    close = distances < bound
    flagged = close.any(axis=1)
    flagged[np.unique(indices[close])] = True
    return flagged, float(bound)


def duplicate_groups(
    indices: NDArray[np.int64], close: NDArray[np.bool_], first: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Number the groups of rows that are linked, directly or by others, by close neighbours.

    Parameters
    ----------
    indices : ndarray of int, shape (n, k)
        The nearest rows.
    close : ndarray of bool, shape (n, k)
        True links a row with that neighbour.
    first : ndarray of int, shape (n,), optional
        From `identical_rows`; links copies as well, however many there are.

    Returns
    -------
    ndarray of int, shape (n,)
        Groups are numbered from 0 by their first row; -1 = in none.

    Examples
    --------
    >>> duplicate_groups(np.array([[2], [2], [0]]), np.array([[True], [False], [True]]))
    array([ 0, -1,  0])
    """
    n = len(indices)
    row, column = np.nonzero(close)
    left, right = row, indices[row, column]
    if first is not None:
        left, right = np.concatenate((left, np.arange(n))), np.concatenate((right, first))
    return linked_groups(n, left, right)


def lone_pairs(indices: NDArray[np.int64], distances: NDArray[Any], *, ratio: float = PAIR_RATIO) -> NDArray[np.int64]:
    """Number the pairs of rows that are each other's nearest and far nearer than anything else is to either.

    Parameters
    ----------
    indices, distances : ndarray, shape (n, k)
        The nearest rows, -1 where there is none.
    ratio : float
        The distance of a pair is below this many times the distance of either row to its second neighbour.

    Returns
    -------
    ndarray of int, shape (n,)
        Pairs are numbered from 0 by their first row; -1 = in none. With fewer than two neighbours there are none.

    Notes
    -----
    A pair is also closer than half the median nearest distance. The ratio of the two nearest distances is how D. Lowe
    (2004) tells true matches of image features from chance ones. Of photos that were cut at the edges or saved again it
    finds most, which `near_duplicates` misses.

    Examples
    --------
    >>> nearest = np.array([[1, 2], [0, 2], [3, 1], [4, 2], [3, 2]])
    >>> lone_pairs(nearest, np.array([[0.1, 1.0], [0.1, 1.1], [0.9, 1.1], [0.8, 0.9], [0.8, 1.7]]))
    array([ 0,  0, -1, -1, -1])
    """
    n, k = indices.shape
    none = np.zeros(0, dtype=np.int64)
    if k < 2 or n == 0:
        return linked_groups(n, none, none)
    at = np.flatnonzero(indices[:, 0] >= 0)
    other = indices[at, 0]
    nearest, second = distances[:, 0], distances[:, 1]
    near = nearest[at] < 0.5 * np.median(nearest[at]) if len(at) else np.zeros(0, dtype=bool)
    alone = nearest[at] < ratio * np.minimum(second[at], second[other])
    pair = near & alone & (indices[other, 0] == at)
    return linked_groups(n, at[pair], other[pair])


def leakage(duplicate_group: ArrayLike, split: ArrayLike) -> pd.DataFrame:
    """Find the duplicate groups that lie in more than one split.

    Parameters
    ----------
    duplicate_group : array-like of int, shape (n,)
        -1 = in none.
    split : array-like of str, shape (n,)
        The split of each row.

    Returns
    -------
    DataFrame
        One row a group: group, splits (sorted, tuple), rows (positions, tuple).

    Raises
    ------
    InputError
        Where the lengths differ.

    Examples
    --------
    >>> leakage([0, 0, -1], ["train", "test", "test"])["splits"].tolist()
    [('test', 'train')]
    """
    group = whole_numbers("duplicate_group", duplicate_group, shape="(n,)", ndim=1)
    names = as_array("split", split, shape="(n,), names").astype(object)
    if group.shape != names.shape or group.ndim != 1:
        raise InputError(f"duplicate_group and split must have the same length; got {group.shape} and {names.shape}.")
    inside = np.flatnonzero(group >= 0)
    inside = inside[np.argsort(group[inside], kind="stable")]
    found = []
    for rows in np.split(inside, np.flatnonzero(np.diff(group[inside])) + 1):
        splits = tuple(sorted({str(name) for name in names[rows]}))
        if len(splits) > 1:
            found.append((int(group[rows[0]]), splits, tuple(rows.tolist())))
    return pd.DataFrame(found, columns=["group", "splits", "rows"])


def group_leakage(groups: ArrayLike, split: ArrayLike) -> pd.DataFrame:
    """Groups (patients, videos) that lie in more than one split, one row each.

    Parameters
    ----------
    groups : (n,) values
        None, NaN or an empty text where a sample is of no group.
    split : (n,) names

    Returns
    -------
    DataFrame
        group (its value), splits (sorted, tuple), rows (positions, tuple) and test_rows: how many of the rows are held
        out for test while others of the group are not.

    Raises
    ------
    InputError
        Where the lengths differ.

    Notes
    -----
    The rows are in the order of each group's first row.

    Examples
    --------
    >>> group_leakage(["P1", "P1", "P2", None, None], ["train", "test", "test", "train", "test"])["group"].tolist()
    ['P1']
    """
    as_array("groups", groups, shape="(n,)")
    values = np.asarray(groups, dtype=object)  # as NumPy's texts, NaN would be the word "nan"
    names = as_array("split", split, shape="(n,)").astype(object)
    if values.shape != names.shape or values.ndim != 1:
        raise InputError(f"groups and split must have the same length; got {values.shape} and {names.shape}.")
    odd = next((value for value in values if not pd.api.types.is_scalar(value)), None)
    if odd is not None:
        raise InputError(f"groups must hold one name a sample; got {shown(odd)}.")
    known = np.array([not pd.isna(value) and bool(str(value).strip()) for value in values], dtype=bool)
    codes = np.full(len(values), -1, dtype=np.int64)
    codes[known], distinct = pd.factorize(values[known].astype(str))
    found = leakage(codes, names)
    rows = [names[list(at)] == TEST_SPLIT for at in found["rows"]]
    return found.assign(
        group=[distinct[code] for code in found["group"]],
        test_rows=np.array([int(held.sum()) if not held.all() else 0 for held in rows], dtype=np.int64),
    )
