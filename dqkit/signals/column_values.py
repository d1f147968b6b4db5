"""Values of a column that stand out: far from all others, below zero, spelt in two ways, or the same everywhere."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.checks import instance

FEW = 0.01
SPANS = 2.0
MANY = 20


def column_values(table: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Find values of columns that look like mistakes or codes.

    Parameters
    ----------
    table : DataFrame
        n rows.

    Returns
    -------
    found : DataFrame
        One row per column and kind: column, kind ("far from the others", "below zero", "spellings", "constant"), rows
        (how many), values (the values or spellings), usual (what the others are).
    rows : ndarray of bool, shape (n,)
        Where a value is far from the others or below zero.

    Raises
    ------
    InputError
        For what is no table.

    Notes
    -----
    Numbers of 20 rows or more. Far from the others: at most 1 % of the rows, or one value repeated (such as 999), lie
    farther from the rest than twice the whole span of the rest. Below zero: whole numbers of which at most 1 % are
    below zero. Spellings: words that differ in case or in the spaces around them alone.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [*range(20, 70), 999], "sex": [" male", "MALE", "male"] * 17})
    >>> found, rows = column_values(table)
    >>> found[["column", "kind", "rows"]].values.tolist(), int(rows.sum())
    ([['age', 'far from the others', 1], ['sex', 'spellings', 34]], 1)
    """
    instance("table", table, pd.DataFrame, "a DataFrame, one row a sample")
    odd = np.zeros(len(table), dtype=bool)
    out: list[tuple[str, str, int, str, str]] = []
    for place, name in enumerate(table.columns):
        values = table.iloc[:, place]
        known = values.dropna()
        if not len(known):
            continue
        if len(known) == len(values) > 1 and _one_value(known):
            out.append((str(name), "constant", len(known), _said([known.iloc[0]]), ""))
        elif pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known):
            numbers = np.asarray(values.astype("float64"), dtype=np.float64)
            for kind, at, usual in _odd_numbers(numbers):
                odd |= at
                out.append((str(name), kind, int(at.sum()), _said(np.unique(numbers[at]).tolist()), usual))
        elif not pd.api.types.is_numeric_dtype(known):
            rows, spellings, usual = _spellings(known)
            if rows:
                out.append((str(name), "spellings", rows, spellings, usual))
    return pd.DataFrame(out, columns=["column", "kind", "rows", "values", "usual"]), odd


def _one_value(known: pd.Series[Any]) -> bool:
    if pd.api.types.is_numeric_dtype(known):
        return bool((known == known.iloc[0]).all())
    return len({str(value) for value in known.tolist()}) == 1


def _odd_numbers(numbers: NDArray[np.float64]) -> list[tuple[str, NDArray[np.bool_], str]]:
    finite = np.isfinite(numbers)
    if finite.sum() < MANY:
        return []
    found = []
    far = _far(numbers, finite)
    if far.any():
        rest = numbers[finite & ~far]
        found.append(("far from the others", far, f"{rest.min():g} to {rest.max():g}"))
    rest = numbers[finite & ~far]
    below = finite & ~far & (numbers < 0)
    if 0 < below.sum() <= FEW * finite.sum() and (rest == np.floor(rest)).all():
        found.append(("below zero", below, f"{rest[rest >= 0].min():g} to {rest.max():g}"))
    return found


def _far(numbers: NDArray[np.float64], finite: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows beyond a gap of twice the span of all others, on either side."""
    out = np.zeros(len(numbers), dtype=bool)
    for sign in (1, -1):
        levels, counts = np.unique(sign * numbers[finite & ~out], return_counts=True)
        total = int(counts.sum())
        # From the second highest level down: what lies above the gap, and the span of what lies below it.
        above = np.cumsum(counts[::-1])[::-1]
        for k in range(len(levels) - 1, 1, -1):
            outside = int(above[k])
            if outside > FEW * total and not (k == len(levels) - 1 and outside < total / 2):
                break
            if levels[k] - levels[k - 1] > SPANS * (levels[k - 1] - levels[0]):
                out |= finite & (sign * numbers >= levels[k])
                break
    return out


def _spellings(known: pd.Series[Any]) -> tuple[int, str, str]:
    """Rows in a rarer spelling, the spellings, and the commonest of each."""
    counts = Counter(value for value in known.tolist() if isinstance(value, str))
    words = list(counts)
    if not words or len(words) > len(known) / 2:
        return 0, "", ""
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault(" ".join(word.split()).casefold(), []).append(word)
    several = [sorted(group, key=lambda word: (-counts[word], word)) for group in groups.values() if len(group) > 1]
    rows = sum(int(counts[word]) for group in several for word in group[1:])
    return rows, _said([word for group in several for word in group]), _said([group[0] for group in several])


def _said(values: list[Any], most: int = 6) -> str:
    shown = [f"{value:g}" if isinstance(value, float) else repr(value) for value in values[:most]]
    return ", ".join(shown) + (f" and {len(values) - most} more" if len(values) > most else "")
