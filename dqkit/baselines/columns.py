"""Columns of text that hold dates or numbers, as people and spreadsheets write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_ISO = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}.*)?"
_WRITTEN = r"(\d{1,2})([./-])(\d{1,2})\2\d{4}( \d{1,2}:\d{2}(:\d{2})?)?"
_SIGNS = r"[-+]?\s?[$€£]?\s?{}\s?[%€]?"
_POINT = _SIGNS.format(r"(\d{1,3}(,\d{3})+|\d+)(\.\d+)?")
_COMMA = _SIGNS.format(r"(\d{1,3}(\.\d{3})+|\d+)(,\d+)?")


def as_dates(column: pd.Series[Any]) -> pd.Series[Any] | None:
    """A text column of dates as UTC times, or None where a value is none.

    ISO dates, and days, months and years apart by points, slashes or hyphens in either order: the part that is
    above 12 somewhere is the day; where none is, the month comes first between slashes only.
    """
    text = column.astype("string").str.strip()
    present = text.dropna()
    if present.empty:
        return None
    if present.str.fullmatch(_ISO).all():
        return pd.Series(pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601"))
    if not present.str.fullmatch(_WRITTEN).all():
        return None
    parts = present.str.extract(f"^{_WRITTEN}$")
    first, second = int(parts[0].astype(int).max()), int(parts[2].astype(int).max())
    if first > 12 and second > 12:
        return None
    day_first = first > 12 or (second <= 12 and not (parts[1] == "/").all())
    plain = text.str.replace(r"[./]", "-", regex=True)
    return pd.Series(pd.to_datetime(plain, errors="coerce", utc=True, format="mixed", dayfirst=day_first))


def as_numbers(column: pd.Series[Any]) -> NDArray[np.float64] | None:
    """A text column of numbers with thousands, a decimal comma, a currency or per cent as floats, or None.

    Digits alone stay text: whoever stores "01234" as text means a code. "1,234" is read with a comma for thousands.
    """
    text = column.astype("string").str.strip()
    present = text.dropna()
    if present.empty or present.str.fullmatch(r"[-+]?\d+").all():
        return None
    if present.str.fullmatch(_POINT).all():
        plain = text.str.replace(",", "")
    elif present.str.fullmatch(_COMMA).all():
        plain = text.str.replace(".", "").str.replace(",", ".")
    else:
        return None
    return np.asarray(plain.str.replace(r"[^-+.\d]", "", regex=True).to_numpy(dtype=np.float64, na_value=np.nan))


def date_parts(column: pd.Series[Any]) -> list[NDArray[np.float64]]:
    """Days since 1970, month, day of the week and hour."""
    at = pd.to_datetime(column, errors="coerce", utc=True)
    # In seconds: nanoseconds reach back to the year 1677 only.
    days = (at.dt.as_unit("s") - pd.Timestamp(0, tz="UTC").as_unit("s")).dt.total_seconds() / 86_400
    parts: list[pd.Series[Any]] = [days, at.dt.month, at.dt.day_of_week, at.dt.hour]
    return [np.asarray(part.to_numpy(dtype=np.float64, na_value=np.nan)) for part in parts]
