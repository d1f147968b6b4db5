"""Where errors gather: clusters of the features and values of the metadata, with false discoveries controlled."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import finite_rows, mapping, number, seed_number, shown, truth_values, whole_number
from dqkit.records import InputError

_COLUMNS = ("by", "group", "size", "errors", "error_rate", "rest_rate", "p_value", "q_value", "underperforming")


def underperforming_groups(
    errors: ArrayLike,
    groupings: Mapping[str, ArrayLike],
    *,
    q: float = 0.05,
    smallest: int = 10,
    most_values: int = 50,
) -> pd.DataFrame:
    """Find the groups of rows in which errors gather.

    Parameters
    ----------
    errors : array-like of bool, shape (n,)
        True where the row is wrong, such as where the prediction differs from the label.
    groupings : mapping of str to array-like, shape (n,)
        Rows with the same value form a group; a missing value is in none.
    q : float
        The share of false discoveries that is accepted.
    smallest : int
        Groups of fewer rows are not tested.
    most_values : int
        A numeric grouping with more values is cut at its quartiles; any other such grouping is left out.

    Returns
    -------
    DataFrame
        One row a group, those in which errors gather first. by (the grouping), group, size, errors, error_rate.
        rest_rate: of all other rows of the grouping. p_value: of so many errors or more if errors fell on rows at
        random (hypergeometric). q_value: over all groups tested. underperforming: q_value <= q.

    Raises
    ------
    InputError
        Where lengths disagree, or a grouping is no array.

    References
    ----------
    Y. Benjamini & Y. Hochberg, 1995 (q values).

    Examples
    --------
    >>> wrong = [True] * 10 + [False] * 30
    >>> found = underperforming_groups(wrong, {"camera": ["a"] * 10 + ["b"] * 30})
    >>> found[["group", "underperforming"]].to_numpy().tolist()
    [['a', True], ['b', False]]
    """
    from scipy.stats import hypergeom

    wrong = truth_values("errors", errors)
    q = number("q", q, above=0, below=1)
    smallest, most_values = whole_number("smallest", smallest, least=1), whole_number("most_values", most_values)
    groupings = mapping("groupings", {} if groupings is None else groupings, "names to (n,) values")
    rows = []
    for name, values in groupings.items():
        column = _column(str(name), values)
        if len(column) != len(wrong):
            raise InputError(f"grouping {name!r} must have {len(wrong)} values; got {len(column)}.")
        codes, groups = _codes(column, most_values)
        inside = codes >= 0
        size = np.bincount(codes[inside], minlength=len(groups))
        count = np.bincount(codes[inside & wrong], minlength=len(groups))
        whole, all_wrong = int(inside.sum()), int((inside & wrong).sum())
        for at in np.flatnonzero((size >= smallest) & (size < whole)):
            p_value = float(hypergeom.sf(count[at] - 1, whole, all_wrong, size[at]))
            rest = (all_wrong - count[at]) / (whole - size[at])
            rows.append(
                (name, groups[at], int(size[at]), int(count[at]), float(count[at] / size[at]), float(rest), p_value)
            )
    table = pd.DataFrame(rows, columns=list(_COLUMNS[:-2]))
    table["q_value"] = false_discovery(table["p_value"].to_numpy(dtype=np.float64))
    table["underperforming"] = table["q_value"] <= q
    return table.sort_values(["p_value", "by", "group"], kind="stable").reset_index(drop=True)


def group_members(values: ArrayLike, group: str, *, most_values: int = 50) -> NDArray[np.bool_]:
    """Find the rows of one group, by the name that `underperforming_groups` gave it.

    Parameters
    ----------
    values : array-like, shape (n,)
        The grouping.
    group : str
        The name of the group.
    most_values : int
        As in `underperforming_groups`.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> group_members(["a", "b", None, "a"], "a").tolist()
    [True, False, False, True]
    """
    codes, groups = _codes(pd.Series(values).reset_index(drop=True), most_values)
    return np.asarray(codes == groups.index(group)) if group in groups else np.zeros(len(codes), dtype=bool)


def weak_groups(errors: ArrayLike, groupings: Mapping[str, ArrayLike], **options: Any) -> pd.DataFrame:
    """The former name of `underperforming_groups`; it goes in version 0.3.

    Parameters
    ----------
    errors, groupings, **options
        As in `underperforming_groups`.

    Returns
    -------
    DataFrame
        The column `underperforming` is called `weak`.
    """
    warnings.warn(
        "dqkit.signals.weak_groups is called underperforming_groups now; the old name goes in version 0.3.",
        DeprecationWarning,
        stacklevel=2,
    )
    return underperforming_groups(errors, groupings, **options).rename(columns={"underperforming": "weak"})


def false_discovery(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return q values: rejecting q <= x keeps false discoveries below x on average.

    Parameters
    ----------
    p_values : ndarray, shape (m,)
        Of all tests.

    Returns
    -------
    ndarray, shape (m,)

    References
    ----------
    Y. Benjamini & Y. Hochberg, 1995.

    Examples
    --------
    >>> false_discovery(np.array([0.01, 0.04, 0.03])).round(3)
    array([0.03, 0.04, 0.04])
    """
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * m / np.arange(1, m + 1)
    adjusted = np.empty(m)
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return np.minimum(adjusted, 1.0)


def feature_clusters(features: NDArray[Any], *, seed: int = 0, clusters: int | None = None) -> NDArray[np.int64]:
    """Cluster the rows by k-means.

    Parameters
    ----------
    features : ndarray, shape (n, d)
        Finite numbers.
    seed : int
        For the rows that the clusters are fitted on, and their start.
    clusters : int, optional
        How many; by default sqrt(n / 20), from 2 to 50.

    Returns
    -------
    ndarray of int, shape (n,)
        The cluster of each row, numbered from 0.

    Raises
    ------
    InputError
        Where features are not a finite matrix.

    Notes
    -----
    Fitted on at most 2,500 rows; cost grows with n d.
    """
    from sklearn.cluster import KMeans

    features = finite_rows("features", features)
    seed = seed_number(seed)
    n = len(features)
    if clusters is not None:
        clusters = whole_number("clusters", clusters, least=1)
    k = clusters or int(np.clip(np.sqrt(n / 20), 2, 50))
    if n <= k:
        return np.zeros(n, dtype=np.int64)
    rows = np.random.default_rng(seed).permutation(n)[:2_500]
    features = _within_float32(features)
    sample = np.asarray(features[np.sort(rows)], dtype=np.float32)
    k = min(k, len(np.unique(sample, axis=0)))
    model = KMeans(n_clusters=k, n_init=1, max_iter=20, random_state=seed % 2**32).fit(sample)
    return np.asarray(model.predict(np.asarray(features, dtype=np.float32)), dtype=np.int64)


def _within_float32(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows whose squared distances float32 can hold: clusters do not change by a common scale."""
    largest = float(np.abs([rows.min(), rows.max()]).max()) if rows.size else 0.0
    return rows / largest if largest > 1e15 else rows


def _column(name: str, values: Any) -> pd.Series[Any]:
    """The values of a grouping, numbered from 0; what cannot be a column is refused by the grouping's name."""
    if isinstance(values, str | bytes | Mapping | set) or not hasattr(values, "__len__"):
        raise InputError(f"grouping {name!r} must be an array of values; got {shown(values)}.")
    try:
        return pd.Series(values).reset_index(drop=True)
    except Exception as error:  # what pandas raises depends on what it was given
        try:
            return pd.Series(list(values), dtype=object)
        except Exception:
            raise InputError(f"grouping {name!r} must be an array of values; {error}.") from error


def _codes(column: pd.Series[Any], most_values: int) -> tuple[NDArray[np.int64], list[str]]:
    """(n,) the group of each row, -1 for none, and the names of the groups, sorted."""
    nothing = np.full(len(column), -1, dtype=np.int64)
    try:
        distinct = int(column.nunique())
    except TypeError:  # Lists or dicts as metadata: they form no groups.
        return nothing, []
    if distinct <= most_values:
        named = np.array(
            [None if gone else str(value) for value, gone in zip(column, column.isna(), strict=True)], object
        )
        codes, groups = pd.factorize(named, sort=True)
        return codes.astype(np.int64), [str(group) for group in groups]
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return nothing, []
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    finite = values[np.isfinite(values)]
    if len(finite):  # infinite values belong to the outer quarters, but no edge can lie between them
        values = np.clip(values, finite.min(), finite.max())
    edges = np.unique(np.nanquantile(values, [0, 0.25, 0.5, 0.75, 1]))
    if len(edges) < 2:
        return nothing, []
    codes = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    codes[np.isnan(values)] = -1
    return codes.astype(np.int64), [f"{a:.4g} to {b:.4g}" for a, b in pairwise(edges)]
