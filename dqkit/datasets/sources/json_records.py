"""Tables in JSON: a record a line, a list of records, or columns by name."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from dqkit.datasets.conversion import brief
from dqkit.datasets.sources.text_encoding import to_utf8
from dqkit.records import InputError


def read_json(raw: bytes, *, encoding: str | None, lines: bool, name: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table and how it was read. Values keep their types: "007" is a text, 7 a number.

    Raises `InputError` for what is no JSON, with the line, and for JSON that is no table.
    """
    text, found = to_utf8(raw, encoding, name=name)
    text = text.strip()
    if not text:
        raise InputError(f"source must hold at least one row; {name!r} is empty.")
    if not lines:
        try:
            return _table(_loads(text), name), (f"Read as JSON, {found}.",)
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            # Many files of one record a line are called .json.
            if text[:1] != b"{" or b"\n" not in text:
                raise InputError(f"source {name!r} cannot be read as JSON: {brief(error)}. {_PANDAS}") from error
    rows, numbers = [], []
    for number, line in enumerate(text.split(b"\n"), start=1):
        if line.strip():
            rows.append(line)
            numbers.append(number)
    try:
        records = _loads(b"[" + b",".join(rows) + b"]")
        if len(records) != len(rows):
            raise ValueError("a line holds more than one record")
    except ValueError:
        records = [_one(line, number, name) for line, number in zip(rows, numbers, strict=True)]
    odd = next((i for i, record in enumerate(records) if not isinstance(record, dict)), None)
    if odd is not None:
        raise InputError(
            f"source must hold one record, {{...}}, on each line; line {numbers[odd]:,} of {name!r} holds "
            f"{brief(records[odd], 60)!r}. {_PANDAS}"
        )
    return _frame(records), (f"Read as one JSON record a line, {found}.",)


_PANDAS = "If pandas reads it (pandas.read_json), pass the DataFrame."


def _loads(text: bytes) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _one(line: bytes, number: int, name: str) -> Any:
    try:
        return _loads(line)
    except ValueError as error:
        raise InputError(
            f"source {name!r} cannot be read as JSON lines: line {number:,}: {brief(error)}. {_PANDAS}"
        ) from error


def _table(found: Any, name: str) -> pd.DataFrame:
    """The table in a JSON document."""
    if isinstance(found, dict) and {"columns", "data"} <= set(found) and isinstance(found["columns"], list):
        try:
            return _frame([dict(zip(found["columns"], row, strict=True)) for row in found["data"]])
        except (ValueError, TypeError) as error:
            raise InputError(f"source must hold rows as long as its columns; {name!r} does not: {error}.") from error
    if isinstance(found, dict):
        lists = {k: v for k, v in found.items() if isinstance(v, list) and v and all(isinstance(r, dict) for r in v)}
        if len(lists) == 1:
            return _frame(next(iter(lists.values())))
        if found and all(isinstance(v, list) for v in found.values()) and len(set(map(len, found.values()))) == 1:
            return pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in found.items()})
        if found and all(isinstance(v, dict) for v in found.values()):
            keys = list(dict.fromkeys(k for v in found.values() for k in v))
            return pd.DataFrame(
                {c: pd.Series([values.get(k) for k in keys], dtype=object) for c, values in found.items()}
            )
    if isinstance(found, list) and found and all(isinstance(record, dict) for record in found):
        return _frame(found)
    raise InputError(
        f"source must hold a list of records, [{{...}}, ...]; {name!r} holds {brief(found, 60)!r}. {_PANDAS}"
    )


def _frame(records: list[dict[str, Any]]) -> pd.DataFrame:
    names = list(dict.fromkeys(name for record in records for name in record))
    return pd.DataFrame({c: pd.Series([record.get(c) for record in records], dtype=object) for c in names})
