"""What the columns of a table say about one row: which class each value speaks for, and how strongly."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.records import UNLABELED

BINS = 10
CLEAR = float(np.log(2))  # a value speaks for a class where it is twice as common in it
SHOWN_DIFFERENCES = 3


class Columns:
    """Log odds of every value between two classes, from the rows that carry a label.

    Numbers are cut into ten equally full bins. Counts are by class, with half a row added to each.

    Parameters
    ----------
    table : DataFrame, shape (n, columns)
        The rows.
    labels : ndarray of int, shape (n,)
        Positions of classes, -1 = no label.
    classes : sequence of str
        Their names.
    """

    def __init__(self, table: pd.DataFrame, labels: NDArray[np.int64], classes: Sequence[str]) -> None:
        self._table, self._labels, self._classes = table, labels, list(classes)

    def log_odds(self, row: int, label: str | None, other: str | None) -> dict[str, float]:
        """Column -> by how much the row's value speaks for one class against another; negative where against it."""
        names = [str(name) for name in self._table.columns]
        if label not in self._classes or other not in self._classes or label == other:
            return dict.fromkeys(names, 0.0)
        a, b = self._classes.index(label), self._classes.index(other)
        out = {}
        for name, (codes, share) in zip(names, self._counted, strict=True):
            out[name] = float(np.log(share[a, codes[row]]) - np.log(share[b, codes[row]]))
        return out

    def differences(self, row: int, near: int, weight: dict[str, float]) -> str:
        """In words, in what another row differs, the columns of the largest weight first."""
        here, there = self._table.iloc[row], self._table.iloc[near]
        found = [str(name) for name in self._table.columns if shown(here[name]) != shown(there[name])]
        found.sort(key=lambda name: -abs(weight.get(name, 0.0)))
        if not found:
            return "the same in every column"
        by_name = {str(name): name for name in self._table.columns}
        said = [f"{name} {shown(there[by_name[name]])}" for name in found[:SHOWN_DIFFERENCES]]
        more = len(found) - len(said)
        return f"{', '.join(said)}{f' and {more} more' if more else ''}"

    @cached_property
    def _counted(self) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        known = np.flatnonzero(self._labels != UNLABELED)
        c = max(len(self._classes), 1)
        out = []
        for name in self._table.columns:
            codes = coded(self._table[name])
            size = int(codes.max(initial=0)) + 1
            counts = np.bincount(self._labels[known] * size + codes[known], minlength=c * size).reshape(c, size) + 0.5
            out.append((codes, counts / counts.sum(axis=1, keepdims=True)))
        return out


def coded(values: pd.Series[Any]) -> NDArray[np.int64]:
    """(n,) the bin of each number or the number of each distinct value; what is missing has its own."""
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if numeric and values.nunique() > BINS:
        bins = pd.qcut(values.astype(float), BINS, labels=False, duplicates="drop")
        return np.asarray(bins.fillna(-1), dtype=np.int64) + 1
    return np.asarray(pd.factorize(values.astype(str).where(values.notna()))[0], dtype=np.int64) + 1


def shown(value: Any) -> str:
    """A cell as people read it."""
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return "missing"
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    return str(value)
