"""Columns that hold a vector in every row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dqkit.datasets.conversion import is_tensor, numpy_array
from dqkit.records import InputError

_WIDEST = 20_000


def without_lists(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The frame with a column for each position of its columns of vectors ("e" becomes "e[0]", "e[1]", ...).

    Raises `InputError` where the vectors of a column differ in length or hold no numbers, and for dictionaries.
    """
    if not any(dtype.kind == "O" for dtype in frame.dtypes):
        return frame, ()
    parts: list[pd.DataFrame] = []
    notes: list[str] = []
    for name in frame.columns:
        values = frame[name]
        first = values.dropna().iloc[0] if values.dtype == object and values.notna().any() else None
        if isinstance(first, dict | set):
            raise InputError(
                f"features must hold numbers, texts, categories or dates; column {name!r} holds a "
                f"{type(first).__name__}. Take it apart first, such as with pandas.json_normalize."
            )
        if isinstance(first, list | tuple | np.ndarray) or is_tensor(first):
            parts.append(_spread(name, values))
            notes.append(f"Column {name!r} holds vectors and is taken as {parts[-1].shape[1]} columns.")
        else:
            parts.append(frame[[name]])
    return (pd.concat(parts, axis=1), tuple(notes)) if notes else (frame, ())


def _spread(name: Any, values: pd.Series[Any]) -> pd.DataFrame:
    rows = [
        None if v is None or (isinstance(v, float) and v != v) else numpy_array("features", v).ravel() for v in values
    ]
    width = next(len(row) for row in rows if row is not None)
    lengths = [width if row is None else len(row) for row in rows]
    odd = next((i for i, length in enumerate(lengths) if length != width), None)
    if odd is not None:
        raise InputError(
            f"features must hold vectors of one length; column {name!r} has {width} numbers in its first row and "
            f"{lengths[odd]} in row {odd}."
        )
    if not 0 < width <= _WIDEST or any(row is not None and row.dtype.kind not in "fiub" for row in rows):
        raise InputError(f"features must hold vectors of 1 to {_WIDEST:,} numbers; column {name!r} does not.")
    matrix = np.vstack([np.full(width, np.nan) if row is None else row.astype(np.float64) for row in rows])
    return pd.DataFrame(matrix, columns=[f"{name}[{i}]" for i in range(width)], index=values.index)
