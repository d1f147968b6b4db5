"""Text tables: fields apart by a separator, every field first as it is written."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dqkit.datasets.conversion import brief
from dqkit.datasets.sources.layout import Layout, find_layout
from dqkit.datasets.sources.text_encoding import to_utf8
from dqkit.datasets.sources.units import moments, numbers_with_unit
from dqkit.datasets.sources.written_values import (
    NumberStyle,
    number_style,
    numbers_beside_signs,
    typed,
    word_among_numbers,
    words,
)
from dqkit.records import InputError

_LINES_NAMED = 5
_HEAD = 4096
_MANY = 100_000
# Blocks that fit a processor's cache are read a third faster; a longer row needs a longer block.
_BLOCKS = (1 << 20, 1 << 23)


def read_delimited(
    raw: bytes,
    named: Sequence[str],
    *,
    separator: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    name: str,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table, and sentences on how it was read.

    named: the columns that hold labels, texts, paths, ids or splits; they are kept word for word. In the others,
    numbers become numbers, but for codes (007), which stay as they are written.
    Raises `InputError` for what is no table, and for a row of more fields than there are columns, with its line.
    """
    text, found = to_utf8(raw, encoding, name=name)
    layout = find_layout(text, named, separator, name=name)
    if layout.escaped:  # doubled, as the format has them; every other backslash stays as it is written
        text = text[: layout.start] + re.sub(rb'(?<!\\)\\"', b'""', text[layout.start :])
    twice = next((c for c in layout.names if layout.names.count(c) > 1), None)
    if twice is not None:
        raise InputError(f"source must have columns of different names; {twice!r} comes more than once. Rename one.")
    columns, notes = _fields(text, layout, name)
    columns, repeated = _without_headers(columns, layout.names)
    if columns and not len(columns[0]):
        raise InputError(f"source must hold at least one row; {name!r} has {len(layout.names)} columns and no rows.")
    by_name = dict(zip(layout.names, columns, strict=True))
    others = {c: v for c, v in by_name.items() if c not in set(named)}
    style = number_style(others.values(), decimal=decimal, separator=layout.separator)
    kept = set(named)
    read = list(_each(lambda c: _column(by_name[c], None if c in kept else style), layout.names, len(columns[0])))
    out = {column: each.values for column, each in zip(layout.names, read, strict=True)}
    told: dict[str, dict[str, list[str]]] = {}
    for column, each in zip(layout.names, read, strict=True):
        told.setdefault(each.kind, {}).setdefault(each.how, []).append(column)
    empty = [c for c in out if re.fullmatch(r"Unnamed: \d+", c) and c not in named and out[c].isna().all()]
    frame = pd.DataFrame({c: v for c, v in out.items() if c not in empty})
    said = [f"{', '.join([*layout.notes, found])}."]
    said += [_style_note(style)] if style.said else []
    if style.unsure:
        said.append(
            f"Numbers such as {style.unsure} are read with the point before the decimals; pass decimal=',' if it "
            "stands between thousands."
        )
    said += [f"Missing beside numbers: {how} in {', '.join(c)}." for how, c in told.get("signs", {}).items()]
    said += [f"Read as numbers {how}: {', '.join(c)}." for how, c in told.get("unit", {}).items()]
    said += [f"Read as dates: {', '.join(c)}." for c in told.get("dates", {}).values()]
    odd = [f"{column} ({word!r})" for word, c in told.get("odd", {}).items() for column in c]
    said += [f"Taken as texts, since not all of it is numbers: {', '.join(odd)}."] if odd else []
    codes = [c for some in told.get("codes", {}).values() for c in some]
    said += [f"Kept as they are written, with their leading zeros: {', '.join(codes)}."] if codes else []
    return frame, (*said, *notes, *repeated)


@dataclass(frozen=True, eq=False)
class _Column:
    """values: the column. kind: what is worth a word ("signs", "unit", "dates", "codes", "odd"), else "". how: the
    detail of it."""

    values: pd.Series[Any]
    kind: str = ""
    how: str = ""


def _column(values: Any, style: NumberStyle | None) -> _Column:
    """One column; style: how numbers are written, None for a column that is kept word for word."""
    if style is None:
        return _Column(words(values))
    out, is_code = typed(values, style)
    if is_code:
        return _Column(out, "codes")
    if out.dtype.kind in "iufb":
        return _Column(out)
    numbers, signs = numbers_beside_signs(values, style)
    if numbers is not None:
        return _Column(numbers, "signs", ", ".join(map(repr, signs)))
    amounts, how = numbers_with_unit(values, style)
    if amounts is not None:
        return _Column(amounts, "unit", how)
    dates = moments(values)
    if dates is not None:
        return _Column(dates, "dates")
    word = word_among_numbers(values, style)
    return _Column(out) if word is None else _Column(out, "odd", brief(word, 20))


def _each(work: Callable[[str], _Column], names: Sequence[str], rows: int) -> Iterable[_Column]:
    """What `work` makes of each column, in threads where there are many rows: Arrow lets Python go on meanwhile."""
    if rows < _MANY:
        return map(work, names)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(work, names))


def _without_headers(columns: list[Any], names: Sequence[str]) -> tuple[list[Any], list[str]]:
    """The columns without rows that repeat the names, as joined files have them, and without Qualtrics' two rows of
    questions and import ids."""
    import pyarrow.compute as pc

    if len(columns) < 2 or not len(columns[0]):
        return columns, []
    said = []
    if len(columns[0]) > 2 and all(str(c[1].as_py()).startswith('{"ImportId"') for c in columns):
        columns = [c[2:] for c in columns]
        said.append("Two rows of Qualtrics, the questions and their import ids, are left out.")
    same = pc.equal(pc.utf8_trim_whitespace(columns[0]), names[0])
    if not pc.any(same).as_py():
        return columns, said
    for column, name in zip(columns[1:], names[1:], strict=True):
        same = pc.and_(same, pc.equal(pc.utf8_trim_whitespace(column), name))
    count = int(pc.sum(same).as_py() or 0)
    if count:
        columns = [c.filter(pc.invert(same)) for c in columns]
        said.append(f"Rows that repeat the names of the columns are left out: {count:,}.")
    return columns, said


def _style_note(style: NumberStyle) -> str:
    thousands = f" and {style.thousands!r} between thousands" if style.thousands else ""
    return f"Numbers are read with {style.decimal!r} before the decimals{thousands}; decimal= says otherwise."


def _fields(text: bytes, layout: Layout, name: str) -> tuple[list[Any], tuple[str, ...]]:
    """A pyarrow column of texts for each name."""
    import pyarrow as pa

    body = pa.py_buffer(text)[layout.start :] if layout.start < len(text) else pa.py_buffer(b"")
    if not bytes(body[:_HEAD]).strip() and not body.to_pybytes().strip():
        return [pa.chunked_array([[]], type=pa.string()) for _ in layout.names], ()
    if not layout.spaced:
        columns = _by_arrow(body, layout, quotes=b'"' in text)
        if columns is not None:
            return columns, ()
    try:
        return _by_line(text, layout, name, quotes=True)
    except InputError:
        # A quotation mark that is never closed, such as an inch in a table that quotes nothing.
        if b'"' in text and (columns := _by_arrow(body, layout, quotes=False)) is not None:
            return columns, ("Quotation marks are taken as text, since they come in no pairs.",)
        raise


def _by_arrow(body: Any, layout: Layout, *, quotes: bool) -> list[Any] | None:
    """The columns as pyarrow reads them, None where a row has another number of fields or a quotation is not closed."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    keys = [str(i) for i in range(len(layout.names))]
    odd: list[object] = []
    # A field on several lines makes the reader look for the end of every quotation in each block twice.
    blocks = _BLOCKS[1:] if quotes else _BLOCKS

    def on_odd(row: object) -> str:
        odd.append(row)
        return "skip" if len(odd) < 2 else "error"

    def read(block: int) -> Any:
        return arrow_csv.read_csv(
            pa.BufferReader(body),
            read_options=arrow_csv.ReadOptions(column_names=keys, block_size=block),
            parse_options=arrow_csv.ParseOptions(
                delimiter=layout.separator,
                quote_char='"' if quotes else False,
                newlines_in_values=quotes,
                invalid_row_handler=on_odd,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(keys, pa.string()), strings_can_be_null=False
            ),
        )

    for block in blocks:
        try:
            table = read(block)
        except pa.ArrowInvalid as error:
            if "straddling" in str(error):  # a row longer than a block
                continue
            return None
        return None if odd else [table.column(key) for key in keys]
    return None


def _by_line(text: bytes, layout: Layout, name: str, *, quotes: bool) -> tuple[list[Any], tuple[str, ...]]:
    """The same row by row, for tables with rows of other lengths; a short row ends in missing values, and is said."""
    import pyarrow as pa

    limit = csv.field_size_limit(2**31 - 1)
    try:
        rows, short = _rows(text, layout, name)
    finally:
        csv.field_size_limit(limit)
    lines = ", ".join(f"{line:,}" for line in short[:_LINES_NAMED]) + (", ..." if len(short) > _LINES_NAMED else "")
    notes = (f"{len(short):,} rows have fewer fields than columns (line {lines}); the last ones are missing.",)
    columns = zip(*rows, strict=True) if rows else [()] * len(layout.names)
    return [pa.chunked_array([pa.array(list(c), type=pa.string())]) for c in columns], notes if short else ()


def _rows(text: bytes, layout: Layout, name: str) -> tuple[list[list[str]], list[int]]:
    """The rows, each as long as there are columns, and the lines of those that were shorter."""
    lines = list(io.StringIO(text[layout.start :].decode("utf-8"), newline=""))
    reader = csv.reader(iter(lines), delimiter=layout.separator, skipinitialspace=layout.spaced)
    width = len(layout.names)
    rows: list[list[str]] = []
    short: list[int] = []
    before = 0
    try:
        for fields in reader:
            line, before = layout.line + before, reader.line_num
            if not fields or (len(fields) == 1 and not fields[0].strip() and width > 1):
                continue
            if len(fields) > width:
                if any(field.strip() for field in fields[width:]):
                    raise InputError(
                        f"source must have {width} fields in every row, as its line of names has; line {line:,} of "
                        f"{name!r} has {len(fields)}: {brief(layout.separator.join(fields), 80)!r}. Put a field that "
                        "holds the separator in quotation marks, or name another separator with sep=."
                    )
                fields = fields[:width]
            if len(fields) < width:
                short.append(line)
                fields += [""] * (width - len(fields))
            rows.append(fields)
    except csv.Error as error:
        raise InputError(
            f"source {name!r} cannot be read as a table near line {layout.line + before:,}: {error}."
        ) from error
    if rows and _is_open(lines[line - layout.line :], layout.separator):
        raise InputError(
            f"source {name!r} cannot be read as a table: the quotation mark in the row that starts on line {line:,} "
            "is not closed."
        )
    return rows, short


def _is_open(lines: list[str], separator: str) -> bool:
    """Whether the record that these lines end with has a quotation mark that is not closed."""
    try:
        list(csv.reader(iter(lines), delimiter=separator, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False
