"""Columns of written values (pyarrow texts) as numbers, booleans or texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dqkit.records import InputError

# What pandas takes for missing (pandas.read_csv, na_values).
MISSING_WORDS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
# In labels, texts and ids, "NA" and "None" may be what somebody wrote.
MISSING_IN_TEXTS = ("", "nan", "NaN")
# In a column of numbers: what people and spreadsheets write where there is none.
MISSING_SIGNS = (
    "?", "-", "--", "–", "—", ".", "..", "*", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "#WERT!",
    "#BEZUG!", "#ZAHL!", "#NV", "#VALEUR!",
)  # fmt: skip
UNITS = ("%", "€", "$", "£", "¥", "₹", "CHF", "EUR", "USD", "GBP")
_UNIT = re.compile("|".join(map(re.escape, UNITS)))
_SAMPLE = 200
_EXACT = 15  # a float holds so many digits
_BLANKS = "\u00a0\u202f '’"  # between thousands; the characters themselves, since RE2 knows no escapes of them
_GROUP = rf"[.{_BLANKS}]"
_COMMA = re.compile(rf"[-+]?([1-9]\d{{0,2}}({_GROUP}\d{{3}})+|\d+)?(,\d+)?([eE][-+]?\d+)?")
_POINT = re.compile(rf"[-+]?([1-9]\d{{0,2}}([,{_BLANKS}]\d{{3}})+|\d+)?(\.\d*)?([eE][-+]?\d+)?")
_THOUSANDS_COMMA = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")
_SURE_COMMA = re.compile(
    r"[-+]?(\d{1,3}(\.\d{3})+|\d+),(\d{1,2}|\d{4,})|[-+]?\d{1,3}(\.\d{3})+,\d+|[-+]?(0|\d{4,}),\d+"
)
_SURE_POINT = re.compile(
    r"[-+]?(\d{1,3}(,\d{3})+|\d+)\.(\d{1,2}|\d{4,})|[-+]?\d{1,3}(,\d{3})+\.\d+|[-+]?(0|\d{4,})\.\d+"
)
_THOUSANDS_POINT = re.compile(r"[-+]?[1-9]\d{0,2}(\.\d{3}){2,}")
_EITHER = re.compile(r"[-+]?[1-9]\d{0,2}(\.\d{3})?")
_PLAIN = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d+)?")
_NO_VALUE = frozenset((*MISSING_WORDS, *MISSING_SIGNS))
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class NumberStyle:
    """decimal: the sign before the decimals. thousands: the sign between thousands, "" where none was seen.
    said: whether it is worth a word. unsure: a number whose point may stand before decimals or between thousands."""

    decimal: str = "."
    thousands: str = ""
    said: bool = False
    unsure: str = ""


def number_style(columns: Iterable[Any], *, decimal: str | None, separator: str) -> NumberStyle:
    """How a table writes its numbers, from the first values of each column.

    A comma is before the decimals where it can be nothing else ("3,50"), and where it may be either ("1,234") but the
    fields are not separated by commas, as spreadsheets of such countries write.
    """
    if decimal is not None and decimal not in (",", "."):
        raise InputError(f"decimal must be '.' or ','; got {decimal!r}.")
    comma = point = unsure = False
    either = ""
    for column in columns:
        values = [_UNIT.sub("", v).strip().replace("- ", "-") for v in first_values(column)]
        if not values or not all(_COMMA.fullmatch(v) or _POINT.fullmatch(v) for v in values):
            continue
        # Dates and versions are no numbers in either style.
        if all(_COMMA.fullmatch(v) for v in values):
            comma |= any(_SURE_COMMA.fullmatch(v) for v in values)
            comma |= separator != "," and any(_THOUSANDS_POINT.fullmatch(v) for v in values)
        if all(_POINT.fullmatch(v) for v in values):
            point |= any(_SURE_POINT.fullmatch(v) for v in values)
        unsure |= any(_THOUSANDS_COMMA.fullmatch(v) for v in values)
        if all(_EITHER.fullmatch(v) for v in values):
            either = either or next((v for v in values if "." in v), "")
    if decimal is not None or comma or point or separator == ",":
        either = ""
    if decimal is None:
        decimal = "," if comma or (unsure and not point and separator != ",") else "."
    if decimal == ",":
        return NumberStyle(",", ".", True)
    return NumberStyle(".", "," if unsure else "", unsure, either)


def typed(values: Any, style: NumberStyle) -> tuple[pd.Series[Any], bool]:
    """The column as numbers or booleans where all of it is that, else as texts; and whether it is kept as codes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sample = first_values(values)
    plain = sample and all(_PLAIN.fullmatch(v) for v in sample)
    # Beside decimal commas, a point stands between thousands where it can.
    if (
        plain
        and not (style.decimal == "," and any("." in v for v in sample))
        and (numbers := _plain_numbers(values, sample)) is not None
    ):
        return numbers, False
    values = _without(values, MISSING_WORDS)
    if values.null_count == len(values):
        return pd.Series(values.to_pandas()).astype("float64"), False
    if all(v.casefold() in _BOOLEANS for v in sample):
        lower = pc.utf8_lower(values)
        known = pc.is_in(lower, value_set=pa.array([*_BOOLEANS, None]))
        if pc.all(known).as_py():
            return pd.Series(pc.equal(lower, "true").to_pandas()), False
    pattern = _COMMA if style.decimal == "," else _POINT
    if all(_is_number(v, pattern) for v in sample):
        numbers, code = _numbers(values, style)
        if code:
            return words(values), True
        if numbers is not None:
            return numbers, False
    if style.decimal == "," and all(_is_number(v, _POINT) for v in sample):
        numbers, code = _numbers(values, NumberStyle())
        if numbers is not None:
            return numbers, False
    return words(values, missing=()), False


def numbers_beside_signs(values: Any, style: NumberStyle) -> tuple[pd.Series[Any] | None, list[str]]:
    """A column that is numbers but for signs of missing values, and these signs; None where it is not that."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not all(_is_number(v, _COMMA) or _is_number(v, _POINT) for v in first_values(values)):
        return None, []
    plain = pc.utf8_trim_whitespace(values)
    signs = pc.is_in(plain, value_set=pa.array(MISSING_SIGNS))
    if not pc.any(signs).as_py() or pc.all(pc.or_(signs, pc.is_in(plain, value_set=pa.array(MISSING_WORDS)))).as_py():
        return None, []
    found, code = typed(pc.if_else(signs, pa.scalar(None, pa.string()), plain), style)
    if code or found.dtype.kind not in "iuf":
        return None, []
    return found, sorted(set(pc.filter(plain, signs).unique().to_pylist()))


def word_among_numbers(values: Any, style: NumberStyle) -> str | None:
    """The first word of a column that is nearly all numbers; None for other columns."""
    pattern = _COMMA if style.decimal == "," else _POINT
    sample = first_values(values)
    if not sample or sum(_is_number(v, pattern) for v in sample) < 0.9 * len(sample):
        return None
    listed = (v.strip() for v in values.to_pylist())
    return next((v for v in listed if v not in _NO_VALUE and not _is_number(v, pattern)), None)


def _plain_numbers(values: Any, sample: list[str]) -> pd.Series[Any] | None:
    """The numbers of a column without missing values, codes and any other sign; None where it is not that."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # Where the first values have decimals, whole numbers need not be tried.
    for kind in (pa.float64(),) if any("." in v for v in sample) else (pa.int64(), pa.float64()):
        try:
            numbers = pc.cast(values, kind)
        except pa.ArrowInvalid:
            continue
        longest = pc.max(pc.binary_length(values)).as_py()
        return None if _has_codes(values) or longest > _EXACT else pd.Series(numbers.to_pandas())
    return None


def words(values: Any, *, missing: tuple[str, ...] = MISSING_IN_TEXTS) -> pd.Series[Any]:
    """The column as it is written, missing where nothing is."""
    return pd.Series(_without(values, missing).to_pandas())


def _without(values: Any, missing: tuple[str, ...]) -> Any:
    """The texts with nothing in the place of the `missing` words."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not missing:
        return values
    # The words are short: most columns of texts and ids are told by their lengths alone, which Arrow has at hand.
    lengths = pc.binary_length(values).unique().to_pylist()
    if not {len(word) for word in missing} & {0 if length is None else length for length in lengths}:
        return values
    gone = pc.is_in(values, value_set=pa.array(missing, type=pa.string()))
    return pc.if_else(gone, pa.scalar(None, pa.string()), values) if pc.any(gone).as_py() else values


def first_values(values: Any, *, strip: bool = True) -> list[str]:
    """Some values that are not missing, without blanks around them: the first ones."""
    found: list[str] = []
    for start in range(0, len(values), _SAMPLE):
        some = [v for v in values[start : start + _SAMPLE].to_pylist() if v is not None]
        found += [v.strip() if strip else v for v in some if v.strip() not in _NO_VALUE]
        if len(found) >= _SAMPLE:
            break
    return found


def _is_number(value: str, pattern: re.Pattern[str]) -> bool:
    if value.casefold().lstrip("+-") in {"inf", "infinity"}:
        return True
    return pattern.fullmatch(value) is not None and any(c.isdigit() for c in value)


def _numbers(values: Any, style: NumberStyle) -> tuple[pd.Series[Any] | None, bool]:
    """The numbers, None where a value is none; and whether they are codes: leading zeros, or too long to be held."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first = first_values(values, strip=False)
    plain = pc.utf8_trim_whitespace(values) if any(v != v.strip() for v in first) else values
    if style.decimal == ",":
        grouped = pc.match_substring_regex(plain, rf"^({_COMMA.pattern})$")
        if not pc.all(grouped).as_py():
            return None, False
        plain = pc.replace_substring(pc.replace_substring_regex(plain, f"[.{_BLANKS}]", ""), ",", ".")
    elif any(c in v for v in first for c in f",{_BLANKS}"):
        grouped = pc.match_substring_regex(plain, rf"^({_POINT.pattern})$")
        if not pc.all(grouped).as_py():
            return None, False
        plain = pc.replace_substring_regex(plain, f"[,{_BLANKS}]", "")
    if any(v.startswith("+") for v in first):
        plain = pc.utf8_ltrim(plain, "+")
    if _has_codes(plain):
        return None, True
    for kind in (pa.int64(), pa.float64()):
        try:
            numbers = pc.cast(plain, kind)
        except pa.ArrowInvalid:
            continue
        if kind == pa.float64() and pc.all(pc.match_substring_regex(plain, rf"^-?\d{{{_EXACT + 1},}}$")).as_py():
            return None, True  # an identifier: as a float it would lose its last digits
        return pd.Series(numbers.to_pandas()), False
    return None, False


def _has_codes(plain: Any) -> bool:
    """Whether a number starts with a zero that a number would not have."""
    import pyarrow.compute as pc

    zeros = pc.starts_with(plain, "0")
    if not pc.any(zeros).as_py():
        return False
    return bool(pc.any(pc.match_substring_regex(pc.filter(plain, pc.fill_null(zeros, False)), r"^0\d")).as_py())
