"""How a text table is laid out: its separator, the line of its column names, and what stands before it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dqkit.records import InputError

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
HEAD = 131_072
_RECORDS = 200
_PREAMBLE = 60
_NEVER = "\x1f"
_EXCEL = re.compile(r'"?sep=(.)"?[\r\n]*$')


@dataclass(frozen=True)
class Layout:
    """separator: one character. names: the column names. start: the byte where the rows begin; line: its number from 1.
    spaced: a blank follows every separator. escaped: a backslash, not a second quotation mark, stands before one in a
    field. notes: what was found and left out."""

    separator: str
    names: tuple[str, ...]
    start: int
    line: int
    spaced: bool
    escaped: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Record:
    fields: list[str]
    first: int
    last: int  # the line after it, from 0


def find_layout(text: bytes, named: Sequence[str], separator: str | None, *, name: str) -> Layout:
    """The layout of a table in UTF-8.

    named: columns that it must have; the line that holds them all is the line of names. separator: None to find it.
    Raises `InputError` for an empty file, and for a separator of more than one character.
    """
    if separator is not None and (not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n'):
        raise InputError(f"sep must be one character, such as ',', ';' or '\\t'; got {separator!r}.")
    head = text[:HEAD].decode("utf-8", "ignore")
    whole = len(text) <= HEAD
    lines = list(io.StringIO(head, newline=""))
    if not whole and len(lines) > 1:
        lines.pop()  # it may be cut
    first = _EXCEL.match(lines[0]) if lines else None
    skipped = 1 if first else 0
    if first and separator is None:
        separator = first.group(1)
    candidates = [_Candidate.of(sign, lines[skipped:], named) for sign in (separator or SEPARATORS)]
    found = [candidate for candidate in candidates if candidate is not None]
    if not found:
        raise InputError(f"source must hold a line of column names and at least one row; {name!r} is empty.")
    best = max(found, key=lambda c: c.score)
    single = len(best.records[best.header].fields) == 1 and not best.row_names
    header = best.records[best.header]
    names = [field.strip().lstrip("\ufeff") for field in header.fields]
    between = SEPARATORS.get(best.separator, repr(best.separator))
    notes = ["Read as a single column" if single else f"Read with {between}s between the fields"]
    if best.row_names:
        names = ["Unnamed: 0", *names]
        notes.append("the first field of each row taken as its name")
    before = header.first - sum(not line.strip() for line in lines[skipped : skipped + header.first])
    if first:
        notes.append("Excel's line sep= passed over")
    if before:
        notes.append(f"{before} line{'s' if before > 1 else ''} before the column names left out")
    escaped = '\\"' in head and _is_escaped(lines[skipped:], best.separator)
    if escaped:
        notes.append("quotation marks after a backslash taken as text")
    names = [field or f"Unnamed: {i}" for i, field in enumerate(names)]
    end = skipped + header.last
    return Layout(
        # Of a single column every line is one value, whatever signs are in it.
        separator=_NEVER if single and separator is None else best.separator,
        names=tuple(names),
        start=sum(len(line.encode("utf-8")) for line in lines[:end]),
        line=end + 1,
        spaced=best.spaced,
        escaped=escaped,
        notes=tuple(notes),
    )


def _is_escaped(lines: list[str], separator: str) -> bool:
    """Whether quoted fields are whole only if a backslash stands before the quotation marks in them."""
    faults = []
    for escape in (None, "\\"):
        reader = csv.reader(
            iter(lines), delimiter=separator, strict=True, escapechar=escape, doublequote=escape is None
        )
        try:
            list(reader)
        except csv.Error as error:
            faults.append("unexpected end" not in str(error))
        else:
            faults.append(False)
    return faults == [True, False]


@dataclass(frozen=True)
class _Candidate:
    """What the head of the file is with one separator."""

    separator: str
    records: list[_Record]
    header: int
    row_names: bool
    spaced: bool
    score: tuple[bool, bool, float, int]

    @classmethod
    def of(cls, separator: str, lines: list[str], named: Sequence[str]) -> _Candidate | None:
        spaced = _is_spaced(lines, separator)
        records = _records(lines, separator, spaced)
        if not records:
            return None
        wanted = set(named)
        by_name = next(
            (i for i, r in enumerate(records[:_PREAMBLE]) if wanted and wanted <= {f.strip() for f in r.fields}), None
        )
        body = records[by_name + 1 :] if by_name is not None else [r for r in records if not _is_comment(r)] or records
        widths = Counter(len(r.fields) for r in body) or Counter([len(records[by_name or 0].fields)])
        width = max(widths, key=lambda w: (widths[w], w))
        share = widths[width] / max(len(body), 1)
        header = by_name if by_name is not None else _header(records, width)
        names = len(records[header].fields)
        spare = names == width - 1 and share == 1.0 and names > 1
        ended = spare and all(not r.fields[-1].strip() for r in body)
        row_names = spare and not ended and by_name is not None and _are_row_names(body, lines, separator)
        fits = names > 1 and (row_names or ended or names >= width)
        return cls(separator, records, header, row_names, spaced, (by_name is not None, fits, round(share, 2), width))


def _are_row_names(body: list[_Record], lines: list[str], separator: str) -> bool:
    """Whether the first fields of rows that have one more than the line of names are row names, as R writes them: in
    quotation marks, numbers from 1, or before a tab. Else the separator stands inside a text or a number."""
    first = [record.fields[0].strip() for record in body]
    if len(set(first)) < len(first):
        return False
    quoted = all(lines[record.first].lstrip().startswith('"') for record in body)
    counted = len(first) > 2 and first in [[str(i + k) for i in range(len(first))] for k in (0, 1)]
    return quoted or counted or separator == "\t"


def _header(records: list[_Record], width: int) -> int:
    """The first record as wide as most; the last of the comment lines where only these are before the rows."""
    for i, record in enumerate(records[:_PREAMBLE]):
        wide = len(record.fields) == width and width > 1
        if wide and (not _is_comment(record) or (i + 1 < len(records) and not _is_comment(records[i + 1]))):
            if _is_comment(record) and i + 1 < len(records) and _names_follow(records, i + 1, width):
                continue
            return i
    return next((i for i, r in enumerate(records) if not _is_comment(r)), 0)


def _names_follow(records: list[_Record], i: int, width: int) -> bool:
    """Whether the record after a comment is itself a line of names: no number in it, numbers below it."""
    fields = records[i].fields
    if len(fields) != width or any(re.search(r"\d", f) for f in fields):
        return False
    below = records[i + 1].fields if i + 1 < len(records) else []
    return any(re.fullmatch(r"[-+\d.,]+", f.strip()) for f in below)


def _is_comment(record: _Record) -> bool:
    return record.fields[0].lstrip().startswith(("#", "%", "//"))


def _is_spaced(lines: list[str], separator: str) -> bool:
    """Whether a blank follows every separator, as people write lists by hand."""
    text = "".join(lines[:_RECORDS])
    followed = text.count(separator + " ") + text.count(separator + "\n") + text.count(separator + "\r")
    return separator in ",;|" and text.count(separator + " ") > 0 and followed == text.count(separator)


def _records(lines: list[str], separator: str, spaced: bool) -> list[_Record]:
    reader = csv.reader(iter(lines), delimiter=separator, skipinitialspace=spaced)
    records: list[_Record] = []
    first = 0
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                records.append(_Record(fields, first, reader.line_num))
            first = reader.line_num
            if len(records) == _RECORDS:
                break
    except csv.Error:  # a field longer than the module allows: what was read before it is enough
        pass
    return records
