"""Spreadsheets: Excel's .xlsx, .xlsm and .xls, and OpenDocument's .ods."""

from __future__ import annotations

import importlib.util
import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from dqkit.datasets.conversion import brief, call_foreign
from dqkit.datasets.sources.frames import plain_column
from dqkit.datasets.sources.written_values import MISSING_WORDS
from dqkit.records import InputError, MissingExtra

ENGINES = {".xlsx": "openpyxl", ".xlsm": "openpyxl", ".xls": "xlrd", ".ods": "odf"}
_PREAMBLE = 60


def read_spreadsheet(
    raw: bytes, named: Sequence[str], *, sheet: str | int | None, suffix: str, name: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table and how it was read; cells keep the types that they have there.

    sheet: its name or position; None: the only one that is not empty, or the only one with the named columns.
    Raises `MissingExtra` where the reader is not installed, `InputError` where the sheet is left open.
    """
    engine = ENGINES[suffix]
    if importlib.util.find_spec(engine) is None:
        command = "pip install odfpy" if engine == "odf" else "pip install 'dqkit[excel]'"
        raise MissingExtra(
            f"reading {suffix} needs {engine}; install it with: {command}. Or save the sheet as CSV, or pass the "
            "DataFrame of pandas.read_excel."
        )
    rule = f"a spreadsheet that pandas.read_excel reads ({name!r})"
    book = call_foreign("source", lambda: pd.ExcelFile(io.BytesIO(raw), engine=engine), rule=rule)  # type: ignore[arg-type]
    with book:
        titles = [str(title) for title in book.sheet_names]
        if sheet is not None:
            chosen = _chosen(sheet, titles, name)
            return _table(_cells(book, chosen, rule), named, chosen, name)
        sheets = {title: _cells(book, title, rule) for title in titles}
    filled = {title: cells for title, cells in sheets.items() if len(cells)}
    fitting = {t: c for t, c in filled.items() if _header(c, named)[1]} if named else {}
    found = filled if len(filled) == 1 else fitting
    if not filled:
        raise InputError(f"source must hold at least one row; {name!r} is empty.")
    if len(found) != 1:
        raise InputError(
            f"source {name!r} has {len(filled)} sheets that could be it: {', '.join(map(repr, found or filled))}. Name "
            f"one: sheet={next(iter(found or filled))!r}."
        )
    title, cells = next(iter(found.items()))
    return _table(cells, named, title, name)


def _chosen(sheet: str | int, titles: list[str], name: str) -> str:
    if isinstance(sheet, int) and not isinstance(sheet, bool) and 0 <= sheet < len(titles):
        return titles[sheet]
    if sheet in titles:
        return str(sheet)
    raise InputError(f"sheet must be one of {', '.join(map(repr, titles))} in {name!r}; got {sheet!r}.")


def _cells(book: Any, title: str, rule: str) -> pd.DataFrame:
    cells = call_foreign(
        "source",
        lambda: pd.read_excel(book, sheet_name=title, header=None, dtype=object, keep_default_na=False, na_values=[""]),
        rule=rule,
    )
    kept = cells.dropna(axis=0, how="all").dropna(axis=1, how="all")
    return pd.DataFrame(kept.astype(object))


def _header(cells: pd.DataFrame, named: Sequence[str]) -> tuple[int, bool]:
    """The row of column names, and whether it holds the named ones: else the first row as wide as most."""
    rows = [{str(v).strip() for v in row if pd.notna(v)} for row in cells.head(_PREAMBLE).to_numpy()]
    for i, row in enumerate(rows):
        if named and set(named) <= row:
            return i, True
    widths = cells.notna().sum(axis=1)
    usual = Counter(widths.tolist()).most_common(1)[0][0]
    return next((i for i, width in enumerate(widths.head(_PREAMBLE)) if width >= usual), 0), False


def _table(cells: pd.DataFrame, named: Sequence[str], title: str, name: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    if not len(cells):
        raise InputError(f"source must hold at least one row; sheet {title!r} of {name!r} is empty.")
    at, _ = _header(cells, named)
    names = [f"Unnamed: {i}" if pd.isna(v) else str(v).strip() for i, v in enumerate(cells.iloc[at])]
    twice = next((c for c in names if names.count(c) > 1), None)
    if twice is not None:
        raise InputError(f"source must have columns of different names; {twice!r} comes more than once. Rename one.")
    body = cells.iloc[at + 1 :].reset_index(drop=True)
    if not len(body):
        raise InputError(f"source must hold at least one row; {name!r} has {len(names)} columns and no rows.")
    columns: dict[str, pd.Series[Any]] = {}
    for i, column in enumerate(names):
        values = body.iloc[:, i]
        if column not in named:
            values = values.map(lambda v: None if isinstance(v, str) and v in MISSING_WORDS else v)
        columns[column] = plain_column("source", values.where(values.notna(), None).rename(column))
    before = f", {at} row{'s' if at > 1 else ''} before the column names left out" if at else ""
    return pd.DataFrame(columns), (f"Read from the sheet {brief(title)!r}{before}.",)
