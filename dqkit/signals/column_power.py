"""How well each column of a table tells the label alone: columns that give it away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import as_labels, instance, seed_number
from dqkit.signals.labels import wilson_interval

ROWS = 5_000  # so many rows tell a score of 0.9 to within a hundredth
FOLDS = 4
GIVES_AWAY = 0.9
FEW_VALUES = 64


def column_power(table: pd.DataFrame, labels: ArrayLike, *, seed: int = 0) -> pd.DataFrame:
    """Measure how well each column tells the label alone, out of sample.

    Parameters
    ----------
    table : DataFrame
        n rows. Numbers, categories, texts and dates; a missing value is a value of its own.
    labels : array-like of int, shape (n,)
        -1 = unlabelled (left out).
    seed : int
        Of the folds, and of the 5,000 rows that are looked at where there are more.

    Returns
    -------
    DataFrame
        Strongest first. column. accuracy: of the column alone. majority: of naming the commonest class always. score:
        (accuracy - majority) / (1 - majority), in [0, 1], the predictive power score. low: its lower end (95 %).
        suspect: low is 0.9 or more.

    Raises
    ------
    InputError
        Where the lengths differ, or labels are none.

    Notes
    -----
    Four folds. A column of few values or of words votes value by value: the commonest class among the other folds. A
    column of many numbers is cut by a small decision tree. The interval is Wilson's, so a short table makes no suspect.

    A column above 0.9 leaves less than a tenth of what has to be learned to all others together. That is usual for a
    copy of the label, a code of the outcome or something written down afterwards, and rare for what is known before.

    Examples
    --------
    >>> table = pd.DataFrame({"code": [7, 8] * 50, "age": range(100)})
    >>> column_power(table, [0, 1] * 50)[["column", "score", "suspect"]].values.tolist()
    [['code', 1.0, True], ['age', 0.0, False]]
    """
    instance("table", table, pd.DataFrame, "a DataFrame, one row a sample")
    seed = seed_number(seed)
    given = as_labels(labels, n=len(table))
    at = np.flatnonzero(given >= 0)
    rng = np.random.default_rng(seed)
    if len(at) > ROWS:
        at = np.sort(rng.choice(at, ROWS, replace=False))
    columns = ["column", "accuracy", "majority", "score", "low", "suspect"]
    kinds, codes = np.unique(given[at], return_inverse=True)
    if len(kinds) < 2 or len(at) < 2 * FOLDS:
        return pd.DataFrame(columns=columns)
    fold = rng.permutation(len(at)) % FOLDS
    majority = float(np.bincount(codes).max() / len(codes))
    rows = []
    for place, name in enumerate(table.columns):
        accuracy = _accuracy(table.iloc[at, place], codes, fold)
        ends = [
            (value - majority) / (1 - majority)
            for value in (accuracy, float(wilson_interval(accuracy * len(codes), len(codes))[0]))
        ]
        score, low = (min(max(end, 0.0), 1.0) for end in ends)
        rows.append((str(name), accuracy, majority, score, low, low >= GIVES_AWAY))
    found = pd.DataFrame(rows, columns=columns).astype({"suspect": bool})
    return found.sort_values(["score", "column"], ascending=[False, True], kind="stable").reset_index(drop=True)


def _accuracy(values: pd.Series[Any], codes: NDArray[np.int64], fold: NDArray[np.int64]) -> float:
    dates = pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values)
    is_number = dates or (pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values))
    if is_number and values.nunique() > FEW_VALUES:
        plain = values.astype("int64") if dates else values
        numbers = np.asarray(plain.astype("float64"), dtype=np.float64).copy()
        numbers[np.asarray(values.isna())] = np.nan
        numbers[np.isinf(numbers)] = np.nan
        return _by_tree(numbers, codes, fold)
    seen: dict[str, int] = {}
    gone = np.asarray(values.isna())
    cells = [None if missing else value for value, missing in zip(values.tolist(), gone, strict=True)]
    kinds = [seen.setdefault("" if value is None else str(value), len(seen)) for value in cells]
    return _by_value(np.asarray(kinds, dtype=np.int64), codes, fold)


def _by_value(kinds: NDArray[np.int64], codes: NDArray[np.int64], fold: NDArray[np.int64]) -> float:
    """The accuracy of naming the class that is commonest among the same values of the other folds."""
    values, classes = int(kinds.max()) + 1, int(codes.max()) + 1
    right = 0
    for k in range(FOLDS):
        inside = fold != k
        pairs, times = np.unique(kinds[inside] * classes + codes[inside], return_counts=True)
        guess = np.full(values, int(np.bincount(codes[inside]).argmax()))
        # The commonest last, so that it is what stays; equal counts by the lower class.
        order = np.lexsort((-(pairs % classes), times))
        guess[pairs[order] // classes] = pairs[order] % classes
        right += int((guess[kinds[~inside]] == codes[~inside]).sum())
    return right / len(codes)


def _by_tree(numbers: NDArray[np.float64], codes: NDArray[np.int64], fold: NDArray[np.int64]) -> float:
    from sklearn.tree import DecisionTreeClassifier

    # The missing stand below all others, a place of their own.
    known = np.isfinite(numbers)
    rank = np.zeros((len(numbers), 1), dtype=np.float32)
    rank[known, 0] = (
        np.unique(numbers[known], return_inverse=True)[1] + 1
    )  # the order alone decides, and it fits float32
    right = 0
    for k in range(FOLDS):
        inside = fold != k
        tree = DecisionTreeClassifier(max_leaf_nodes=FEW_VALUES, min_samples_leaf=3, random_state=0)
        right += int((tree.fit(rank[inside], codes[inside]).predict(rank[~inside]) == codes[~inside]).sum())
    return right / len(codes)
