"""Numbers with a sign of their unit (12 %, $3.20) or of accounting ((12), 12-), and dates as ISO 8601 writes them."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from dqkit.datasets.sources.written_values import (
    MISSING_SIGNS,
    MISSING_WORDS,
    UNITS,
    NumberStyle,
    first_values,
    typed,
)

_DAY = r"\d{4}-\d{2}-\d{2}"
_MOMENT = re.compile(rf"{_DAY}([T ]\d{{2}}:\d{{2}}(:\d{{2}}(\.\d{{1,9}})?)?(Z|[+-]\d{{2}}:?\d{{2}})?)?")


def numbers_with_unit(values: Any, style: NumberStyle) -> tuple[pd.Series[Any] | None, str]:
    """A column whose values all bear one unit, or are negative as accounts write them, as numbers; and how, in words.

    None where the column is not that: two units, or a value that is no number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    sample = first_values(values)
    unit = next((u for u in UNITS if sample and all(u in v for v in sample)), "")
    account = any((v.startswith("(") and v.endswith(")")) or v.endswith("-") for v in sample)
    if not sample or not (unit or account):
        return None, ""
    plain = pc.utf8_trim_whitespace(values)
    gone = pc.is_in(plain, value_set=pa.array((*MISSING_WORDS, *MISSING_SIGNS)))
    plain = pc.if_else(gone, pa.scalar(None, pa.string()), plain)
    if unit:
        if not pc.all(pc.or_(pc.starts_with(_unsigned(plain), unit), pc.ends_with(plain, unit))).as_py():
            return None, ""
        plain = pc.utf8_trim_whitespace(pc.replace_substring(plain, unit, "", max_replacements=1))
        plain = pc.replace_substring_regex(plain, r"^-\s+", "-")
    for pattern, negative in ((r"^\((.*)\)$", r"-\1"), (r"^([^-].*)-$", r"-\1")):
        plain = pc.replace_substring_regex(plain, pattern, negative)
    found, code = typed(plain, style)
    if code or found.dtype.kind not in "iuf":
        return None, ""
    return found, f"without {unit}" if unit else "with (12) or 12- as -12"


def _unsigned(values: Any) -> Any:
    import pyarrow.compute as pc

    return pc.utf8_ltrim(values, "-+( ")


def moments(values: Any) -> pd.Series[Any] | None:
    """A column of dates and times in the order year-month-day; None where a value is none, or only some have a zone."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sample = first_values(values)
    if not sample or not all(_MOMENT.fullmatch(v) for v in sample):
        return None
    plain = pc.utf8_trim_whitespace(values)
    plain = pc.if_else(pc.is_in(plain, value_set=pa.array(MISSING_WORDS)), pa.scalar(None, pa.string()), plain)
    if not pc.all(pc.match_substring_regex(plain, f"^({_MOMENT.pattern})$")).as_py():
        return None
    try:
        return pd.Series(pd.to_datetime(plain.to_pandas(), format="ISO8601"))
    except (ValueError, OverflowError):  # 2024-02-31, or zones of several kinds
        return None
