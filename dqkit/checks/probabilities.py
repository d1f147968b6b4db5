"""Checks of class probabilities: tables matched by name, one probability a row, rows that sum to one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.checks.arrays import numbers
from dqkit.errors import InputError

BLOCK_ROWS = 100_000
_SHAPES = {(2,): "(n, c)", (3,): "(members, n, c)", (2, 3): "(n, c) or (members, n, c)"}


def as_probabilities(
    name: str,
    values: object,
    *,
    dims: tuple[int, ...] = (2,),
    n: int | None = None,
    classes: Sequence[Any] | int | None = None,
    least_classes: int = 1,
    one_column: bool = False,
) -> NDArray[Any]:
    """The values as float32 or float64 probabilities, the last axis of which sums to one.

    dims: how many axes are allowed. n: how many samples there must be. classes: their names, or how many there are.
    A table's columns are put into the order of the class names; where these are not known, columns that are named
    0..c-1 are put into that order. one_column: (n,) or (n, 1) is taken as the probability of the second of two
    classes, and a warning says so.
    """
    c = len(classes) if isinstance(classes, Sequence) else classes
    names = list(classes) if isinstance(classes, Sequence) else None
    if is_table(values):
        values = _table_in_order(name, values, names)
    array = numbers(name, values, shape=_SHAPES[dims])
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    if one_column and c in (None, 2) and _is_one_column(array, c):
        array = _both_columns(name, array.reshape(-1), names)
    _check_shape(name, array, dims, n, c, least_classes)
    rows = array.shape[-2]
    for start in range(0, rows, BLOCK_ROWS):  # in blocks: the checks make temporary arrays as large as their input
        check_probabilities(name, array[..., start : start + BLOCK_ROWS, :])
    return array


def check_probabilities(name: str, probs: NDArray[Any], *, tolerance: float = 1e-3) -> None:
    """Raise `InputError` unless the last axis of `probs` holds probabilities: finite, in [0, 1], summing to one."""
    probs = numbers(name, probs, shape="(..., classes)")
    if probs.ndim < 1:
        raise InputError(f"{name} must have an axis of classes; got a single value.")
    if not np.isfinite(probs).all():
        where = np.argwhere(~np.isfinite(probs))[0]
        raise InputError(f"{name} must be finite; got {probs[tuple(where)]} at {tuple(int(i) for i in where)}.")
    if probs.size and (probs.min() < -tolerance or probs.max() > 1 + tolerance):
        raise InputError(
            f"{name} must lie in [0, 1]; got values from {probs.min():.4g} to {probs.max():.4g}. "
            "Pass probabilities, not logits (apply a softmax first)."
        )
    sums = probs.sum(axis=-1, dtype=np.float64)
    if sums.size and np.abs(sums - 1).max() > tolerance:
        worst = np.unravel_index(int(np.abs(sums - 1).argmax()), sums.shape)
        advice = "Divide each row by its sum if these are scores."
        if probs.shape[-1] == 1:
            advice = "Of two classes pass both columns: np.column_stack([1 - p, p])."
        raise InputError(
            f"{name} must sum to one in every row; row {tuple(int(i) for i in worst)} sums to {sums[worst]:.4g}. "
            f"{advice}"
        )


def is_table(values: object) -> bool:
    """Whether it is a DataFrame, of pandas or of polars."""
    return isinstance(values, pd.DataFrame) or (type(values).__name__ == "DataFrame" and hasattr(values, "columns"))


def rows_in_order(name: str, table: object, ids: Sequence[Any]) -> object:
    """A pandas table with its rows in the order of the ids; one without an index of its own stays as it is.

    An index that holds some of the ids and not all, or others too, is refused, and the first of them is named.
    """
    index = getattr(table, "index", None)
    if not isinstance(table, pd.DataFrame | pd.Series) or isinstance(index, pd.RangeIndex):
        return table
    wanted = [str(i) for i in ids]
    there = [str(i) for i in table.index]
    if there == wanted:
        return table
    place = {each: at for at, each in enumerate(there)}
    missing = next((each for each in wanted if each not in place), None)
    if missing is not None and not set(wanted) & set(place):
        return table  # an index of something else, such as row numbers of a larger table
    more = next((each for each in there if each not in set(wanted)), None)
    if missing is not None or more is not None or len(place) < len(there):
        odd = f"{missing!r} is missing" if missing is not None else f"{more!r} is none of the ids"
        odd = odd if missing is not None or more is not None else "an id comes twice"
        raise InputError(
            f"the index of {name} must hold each of the {len(wanted):,} ids once; {odd}. "
            f"Pass {name}.to_numpy() where the rows are in the order of the ids."
        )
    return table.iloc[[place[each] for each in wanted]]


def _table_in_order(name: str, table: Any, names: list[Any] | None) -> NDArray[Any]:
    columns = list(table.columns)
    cells = table.to_numpy()
    told = [str(column) for column in columns]
    twice = next((each for each in told if told.count(each) > 1), None)
    if twice is not None:
        raise InputError(f"{name} must have one column a class; column {twice!r} comes more than once.")
    if names is None:
        order = [str(k) for k in range(len(columns))]
        return np.asarray(cells[:, [told.index(k) for k in order]] if set(told) == set(order) else cells)
    wanted = [str(each) for each in names]
    if set(told) == set(wanted):
        return np.asarray(cells[:, [told.index(each) for each in wanted]])
    if told == [str(k) for k in range(len(columns))]:
        return np.asarray(cells)  # a table without names of its own: by position
    missing = [each for each in wanted if each not in told]
    more = [each for each in told if each not in wanted]
    odd = [f"no column for {missing[0]!r}"] if missing else []
    odd += [f"column {more[0]!r}, which is no class"] if more else []
    raise InputError(
        f"{name} must have one column for each of the {len(wanted)} classes, by name; got {' and '.join(odd)}. "
        f"Rename or drop columns, or pass {name}.to_numpy() where they are in the order of the classes."
    )


def _is_one_column(array: NDArray[Any], c: int | None) -> bool:
    """Whether there is one probability a row; a column of ones is sure of the only class, unless there are two."""
    if array.ndim == 2 and array.shape[1] == 1:
        return c == 2 or not bool((np.abs(array - 1) <= 1e-3).all())
    return array.ndim == 1 and len(array) > 0


def _both_columns(name: str, one: NDArray[Any], names: list[Any] | None) -> NDArray[Any]:
    """(n, 2) of the probability of the second class; a value outside [0, 1] is told of."""
    second = "the second class" if names is None else f"{names[1]!r}, the second class"
    if one.size and not (np.isfinite(one).all() and one.min() >= 0 and one.max() <= 1):
        odd = one[~((one >= 0) & (one <= 1))][0]
        raise InputError(
            f"{name} with one value a row must hold the probability of {second}, in [0, 1]; got {odd:.4g}. "
            "Pass probabilities, not logits (1 / (1 + exp(-logit))), or both columns: np.column_stack([1 - p, p])."
        )
    warnings.warn(
        f"{name} has one value a row; it is read as the probability of {second}. "
        "Pass np.column_stack([1 - p, p]) to say so yourself.",
        UserWarning,
        stacklevel=5,
    )
    return np.column_stack([1 - one, one])


def _check_shape(
    name: str, array: NDArray[Any], dims: tuple[int, ...], n: int | None, c: int | None, least_classes: int
) -> None:
    shape = array.shape
    right = array.ndim in dims and shape[-1] >= 1 and (array.ndim == 2 or shape[0] >= 1)
    if right and (n is None or shape[-2] == n) and (c is None or shape[-1] == c):
        if shape[-1] < least_classes:
            raise InputError(
                f"{name} must hold at least {least_classes} classes; got {shape[-1]}: with one class no label can be "
                "wrong."
            )
        return
    wanted = [] if n is None else [f"n = {n}"]
    wanted += [] if c is None else [f"c = {c}"]
    told = (
        f" with {' and '.join(wanted)}"
        if wanted
        else " with at least one class" + (" and one member" if 3 in dims else "")
    )
    advice = " Members must agree in shape." if 3 in dims else ""
    if array.ndim == 1:
        advice = " Of one probability a row and two classes make both columns: np.column_stack([1 - p, p])."
        advice += " Of a single sample make one row: p[None]."
    raise InputError(f"{name} must have shape {_SHAPES[dims]}{told}; got {shape}.{advice}")
