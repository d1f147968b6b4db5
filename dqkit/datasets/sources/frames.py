"""Frames of any column type as frames of plain columns: numbers, booleans, texts, categories, dates."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from dqkit.datasets.conversion import brief, call_foreign
from dqkit.records import InputError

# Whole numbers up to here are exact as floats.
_EXACT = 2**53


def check_names(what: str, names: list[Hashable]) -> None:
    """Raise `InputError` unless the column names are distinct, also as texts, and single."""
    texts = [str(c) for c in names]
    if any(isinstance(c, tuple) for c in names):
        raise InputError(
            f"{what} must have columns of one name each; {brief(names[0])} has several levels. "
            "Join them: table.columns = ['_'.join(map(str, c)) for c in table.columns]."
        )
    if len(set(texts)) < len(texts):
        seen: set[str] = set()
        twice = next(c for c in texts if c in seen or seen.add(c))  # type: ignore[func-returns-value]
        raise InputError(f"{what} must have columns of different names; {twice!r} comes more than once. Rename one.")


def plain_frame(what: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with plain columns and the index 0, 1, ...; a named index becomes a column."""
    if frame.index.names != [None] and not set(frame.index.names) & {None, *frame.columns}:
        frame = frame.reset_index()
    check_names(what, list(frame.columns))
    columns = {c: plain_column(what, frame[c].reset_index(drop=True)) for c in frame.columns}
    return pd.DataFrame(columns, index=range(len(frame)))


def plain_column(what: str, values: pd.Series[Any]) -> pd.Series[Any]:
    """One column in a type that every stage knows."""
    name: Any = values.name
    return call_foreign(
        what, lambda: _plain(values).rename(name), rule=f"columns of numbers, texts, categories or dates ({name!r})"
    )


def _plain(values: pd.Series[Any]) -> pd.Series[Any]:
    dtype: Any = values.dtype
    if isinstance(dtype, pd.ArrowDtype):
        return arrow_column(values.array.__arrow_array__())
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _plain(pd.Series(dtype.categories))
        names = pd.Index(categories.tolist())
        return pd.Series(pd.Categorical.from_codes(values.cat.codes.to_numpy(), names, ordered=bool(dtype.ordered)))
    if isinstance(dtype, pd.SparseDtype):
        return _plain(pd.Series(np.asarray(values)))
    if isinstance(dtype, pd.PeriodDtype):
        return pd.Series(values.dt.to_timestamp())
    if isinstance(dtype, pd.IntervalDtype):
        return values.astype(object).map(str, na_action="ignore")
    if isinstance(dtype, pd.StringDtype):
        # Texts whose missing ones are pandas' NA, which most code does not expect.
        return values if dtype.na_value is not pd.NA else values.astype(object).where(values.notna(), None)
    if dtype.kind == "m":
        return pd.Series(values.dt.total_seconds())
    if dtype.kind in "iufb" and isinstance(dtype, pd.api.extensions.ExtensionDtype):
        return _masked(values)
    if dtype.kind == "f" and dtype.itemsize != 8:
        return _doubles(values)
    return _objects(values) if dtype.kind == "O" else values


def _masked(values: pd.Series[Any]) -> pd.Series[Any]:
    """A column of pandas' own numbers, which may be missing."""
    dtype: Any = values.dtype
    if not values.isna().any():
        return values.astype(dtype.numpy_dtype)
    if dtype.kind in "iu" and int(values.abs().max() if values.notna().any() else 0) >= _EXACT:
        return values.astype(object).where(values.notna(), None)  # a float would change them
    if dtype.kind == "b":
        return values.astype(object).where(values.notna(), None)
    return pd.Series(values.to_numpy(dtype=np.float64, na_value=np.nan))


def _doubles(values: pd.Series[Any]) -> pd.Series[Any]:
    with np.errstate(over="ignore"):
        out = values.astype(np.float64)
    if (np.isinf(out) & ~np.isinf(values)).any():
        raise InputError(f"column {values.name!r} holds numbers beyond 1e308, which a 64-bit float cannot hold.")
    return out


def _objects(values: pd.Series[Any]) -> pd.Series[Any]:
    """A column of Python objects."""
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind == "integer":
        biggest = max(abs(int(v)) for v in values.dropna())
        if biggest < _EXACT:
            return pd.to_numeric(values.where(values.notna(), None))
        return values.map(str, na_action="ignore")
    if kind in {"floating", "mixed-integer-float"}:
        return _doubles(pd.Series(np.array([np.nan if v is None or v is pd.NA else v for v in values], np.longdouble)))
    if kind == "decimal":
        return values.map(float, na_action="ignore").astype(np.float64)
    if kind in {"datetime", "datetime64", "date"}:
        dates = pd.to_datetime(values, errors="coerce", utc=any(getattr(v, "tzinfo", None) for v in values))
        return dates if dates.notna().sum() == values.notna().sum() else values.map(str, na_action="ignore")
    if kind in {"timedelta", "timedelta64"}:
        return pd.to_timedelta(values).dt.total_seconds()
    if kind == "complex":
        raise InputError(f"column {values.name!r} holds complex numbers. Take their parts: .real and .imag.")
    if kind in {"mixed-integer", "time", "period", "interval"}:
        return _mixed(values)
    if kind == "boolean":
        return values.astype(bool) if not values.isna().any() else values.where(values.notna(), None)
    if kind == "mixed" and all(pd.api.types.is_scalar(v) and not isinstance(v, bytes) for v in values):
        return _mixed(values)
    return values


def _mixed(values: pd.Series[Any]) -> pd.Series[Any]:
    """Texts beside numbers: all as they would be written; a whole number that stands as a float without its point."""

    def written(v: Any) -> str:
        if isinstance(v, float) and v.is_integer() and abs(v) < _EXACT:
            return str(int(v))
        return v if isinstance(v, str) else brief(v, 10_000)

    texts = values.astype(object).map(written, na_action="ignore")
    return texts.where(values.notna(), None)


def arrow_column(values: Any) -> pd.Series[Any]:
    """A pyarrow column as a plain one."""
    import pyarrow as pa
    import pyarrow.types as kinds

    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        values = pa.chunked_array([c.storage for c in values.chunks]) if hasattr(values, "chunks") else values.storage
        kind = values.type
    if kinds.is_dictionary(kind):
        return _plain(values.to_pandas())
    if kinds.is_null(kind):
        return pd.Series([None] * len(values), dtype=object)
    if kinds.is_integer(kind) and values.null_count:
        import pyarrow.compute as pc

        ends = pc.min_max(values).as_py()
        if max(abs(ends["min"] or 0), abs(ends["max"] or 0)) >= _EXACT:
            return pd.Series(values.to_pylist(), dtype=object)
        return pd.Series(values.cast(pa.float64()).to_pandas())
    if kinds.is_decimal(kind) or kinds.is_float16(kind) or kinds.is_float32(kind):
        return pd.Series(values.cast(pa.float64()).to_pandas())
    if kinds.is_time(kind):
        return pd.Series(values.to_pylist(), dtype=object).map(str, na_action="ignore")
    if kinds.is_duration(kind):
        return pd.Series(values.to_pandas()).dt.total_seconds()
    if kinds.is_date(kind):
        return pd.Series(values.cast(pa.timestamp("s")).to_pandas())
    if kinds.is_struct(kind) or kinds.is_map(kind) or kinds.is_union(kind):
        return pd.Series(values.to_pylist(), dtype=object)
    if kinds.is_string_view(kind) or kinds.is_binary_view(kind):
        values = values.cast(pa.large_string() if kinds.is_string_view(kind) else pa.large_binary())
    out = pd.Series(values.to_pandas())
    return _plain(out) if kinds.is_boolean(kind) else out
