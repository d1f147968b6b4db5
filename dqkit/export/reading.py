"""Answers that come back: tables, Label Studio's JSON, and folders that dqkit exported, as plain rows."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.export import returned_folders
from dqkit.export.journal import PEOPLE
from dqkit.export.tables import FORMULA
from dqkit.files import read_file
from dqkit.records import InputError

ANSWER_COLUMNS = ("sample_id", "given_label", "now", "label", "annotator", "at", "why", "event_id", "source")
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)
SPARE_COLUMNS = 64  # how many empty cells may stand behind a row
LABEL_FIELDS = ("now", "label", "choice")
READABLE = "a .csv, .tsv, .parquet, .json, .jsonl or .npz file, a folder that wb.export wrote, or a DataFrame"


@dataclass(frozen=True)
class Answer:
    """What somebody says of one sample; what is not known is None.

    as_of: when it was said, or when the file was written. asserted: False where the source only states how things were
    then (a folder of images), so that a label that is the current one already says nothing. problem: why it cannot be
    used.
    """

    sample_id: str
    label: str | None
    annotator: str | None = None
    at: str | None = None
    why: str = ""
    event_id: str | None = None
    source: str | None = None
    as_of: str | None = None
    asserted: bool = True
    problem: str | None = None


def read_answers(source: str | os.PathLike[str] | pd.DataFrame) -> list[Answer]:
    """The answers in a file, folder or frame, in its order; raises `InputError` where it is malformed.

    Labels whose source is "given" or "weak" are nobody's answers and are left out.
    """
    if isinstance(source, pd.DataFrame):
        return _of_table(source, "the frame")
    if not isinstance(source, str | os.PathLike) or isinstance(os.fspath(source), bytes) or not str(source).strip():
        raise InputError(f"apply takes {READABLE}; got {type(source).__name__}.")
    try:
        path = Path(source).expanduser()
        if path.is_dir():
            return [Answer(**row) for row in returned_folders.read(path)]
        if not path.is_file():
            raise InputError(f"apply takes {READABLE}; {str(path)!r} does not exist (now in {Path.cwd()}).")
        return _of_file(path)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise InputError(
            f"{str(source)!r} cannot be read ({type(error).__name__}: {error}). Nothing was written."
        ) from error


def _of_file(path: Path) -> list[Answer]:
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".parquet", ".pq")):
        return _of_table(pd.read_parquet(path), path.name)
    if name.endswith(".npz"):
        return [Answer(**row) for row in returned_folders.read_arrays(path)]
    if name.endswith(".jsonl"):
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        return _of_json([json.loads(line) for line in lines if line.strip()], path)
    if name.endswith(".json"):
        return _of_json(json.loads(path.read_text(encoding="utf-8-sig")), path)
    if name.endswith((".csv", ".tsv", ".txt")):
        return _of_table(_csv(path), path.name)
    raise InputError(f"apply takes {READABLE}; got {path.name!r}.")


def _csv(path: Path) -> pd.DataFrame:
    """Every cell word for word; the separator and the encoding as spreadsheets leave them."""
    raw = read_file(path)
    if raw[:2] == b"\x1f\x8b":
        import gzip

        raw = gzip.decompress(raw)
    for encoding in ("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "cp1252"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise InputError(f"{str(path)!r} is neither UTF-8 nor cp1252 text. Nothing was written.")
    table = _cells(text, path)
    if raw.startswith(b"\xef\xbb\xbf"):  # written for spreadsheets, here or by one
        marked = tuple(f"'{sign}" for sign in (*FORMULA, "'"))
        for column in table:
            table[column] = [v[1:] if isinstance(v, str) and v.startswith(marked) else v for v in table[column]]
    return table


def _cells(text: str, path: Path) -> pd.DataFrame:
    """The cells below the line of names; a cell beyond the names must be empty, as spreadsheets leave them."""
    lines = io.StringIO(text, newline="")
    separator = None
    if marked := SEPARATOR_LINE.match(text):  # Excel's own first line
        separator = marked[1]
        lines.seek(marked.end())
    start = lines.tell()
    first = lines.readline()
    separator = separator or max(",;\t", key=first.count)
    lines.seek(start)
    read: dict[str, Any] = {"sep": separator, "dtype": str, "keep_default_na": False, "header": None}
    names = pd.read_csv(lines, nrows=1, **read).iloc[0].tolist()
    names = [name.strip() for name in names]
    while names and not names[-1]:
        names.pop()
    lines.seek(start)
    # With names for too few columns pandas takes the first ones for an index, and every cell moves.
    table: pd.DataFrame = pd.read_csv(lines, names=range(len(names) + SPARE_COLUMNS), index_col=False, **read).iloc[1:]
    beyond = table.iloc[:, len(names) :]
    full = np.flatnonzero(beyond.fillna("").to_numpy(dtype=bool).any(axis=1))
    if len(full):
        raise InputError(
            f"{path.name}: row {full[0] + 1} has more cells than the first line has names ({len(names)}). "
            "Nothing was written."
        )
    held: pd.DataFrame = table.iloc[:, : len(names)].set_axis(names, axis=1)
    return held.reset_index(drop=True)


def _plain_names(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The columns under the names of `ANSWER_COLUMNS`, however they are written; none of these may be there twice."""
    known = [str(column) for column in table.columns]
    names = []
    for column in known:
        plain = column.strip().casefold()
        names.append(plain if plain in ANSWER_COLUMNS and plain not in known else column)
    twice = next((column for column in ANSWER_COLUMNS if names.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{name} has the column {twice} {names.count(twice)} times; keep one. Nothing was written.")
    return table.set_axis(names, axis=1)


def _of_table(table: pd.DataFrame, name: str) -> list[Answer]:
    if "sample_id" not in table.columns and table.index.name == "sample_id":
        table = table.reset_index()
    table = _plain_names(table, name)
    # An export has given_label and label; a column "now" in it is the dataset's own.
    order = ("label", "now") if "given_label" in table.columns else ("now", "label")
    label = next((column for column in order if column in table.columns), None)
    if "sample_id" not in table.columns or label is None:
        known = ", ".join(map(str, list(table.columns)[:20]))
        raise InputError(
            f"{name} must have the columns sample_id and now (or label); it has: {known}. Nothing was written."
        )
    n = len(table)
    columns = {
        key: [_text(value) for value in table[column]] if column in table.columns else [None] * n
        for key, column in (
            ("sample_id", "sample_id"),
            ("label", label),
            ("annotator", "annotator"),
            ("at", "at"),
            ("why", "why"),
            ("event_id", "event_id"),
            ("source", "source"),
        )
    }
    if any(value is None for value in columns["sample_id"]):
        row = columns["sample_id"].index(None)
        raise InputError(f"{name} must have a sample_id in every row; row {row + 1} has none. Nothing was written.")
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return [
        Answer(**{**row, "why": row["why"] or ""}, as_of=row["at"])
        for row in rows
        if "source" not in table.columns or row["source"] in PEOPLE or (row["source"] is None and row["label"])
    ]


def _text(value: Any) -> str | None:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    if isinstance(value, pd.Timestamp):
        value = value.isoformat()
    return str(value) or None


def _of_json(value: Any, path: Path) -> list[Answer]:
    if isinstance(value, dict) and {"images", "annotations", "categories"} <= set(value):
        return [Answer(**row) for row in returned_folders.of_coco(value, returned_folders.written(path))]
    if isinstance(value, dict):
        value = value.get("tasks", [value])
    if not isinstance(value, list) or not all(isinstance(task, dict) for task in value):
        raise InputError(f"{str(path)!r} must hold a list of Label Studio tasks. Nothing was written.")
    answers = [answer for number, task in enumerate(value, start=1) for answer in _of_task(task, number, path)]
    bare = [task for task in value if "annotations" not in task]
    if bare and not any(field in task for task in bare for field in LABEL_FIELDS):
        raise InputError(
            f"{str(path)!r} names no label: none of its rows has the field {', '.join(LABEL_FIELDS)}. Rename the field "
            "that holds it to label. Nothing was written."
        )
    return answers


def _of_task(task: dict[str, Any], number: int, path: Path) -> Iterable[Answer]:
    data = task.get("data", task)
    sample_id = _text(data.get("sample_id")) if isinstance(data, dict) else None
    if sample_id is None:
        raise InputError(
            f"{str(path)!r}: task {number} has no 'sample_id' in its data. Label Studio keeps it where the tasks came "
            "from wb.export(format='label_studio'). Nothing was written."
        )
    if "annotations" not in task:  # Label Studio's JSON-MIN, or rows of a table
        held = next((task[key] for key in LABEL_FIELDS if task.get(key) is not None), None)
        at = _text(task.get("at") or task.get("created_at"))
        yield _chosen(sample_id, _choices(held), _author(task.get("annotator")), at, as_of=at)
        return
    annotations = task["annotations"]
    if not isinstance(annotations, list) or not all(isinstance(annotation, dict) for annotation in annotations):
        raise InputError(f"{str(path)!r}: the annotations of task {number} must be a list. Nothing was written.")
    for annotation in annotations:
        if annotation.get("was_cancelled"):
            continue
        yield _of_annotation(sample_id, annotation)


def _of_annotation(sample_id: str, annotation: dict[str, Any]) -> Answer:
    found = [r for r in annotation.get("result") or [] if isinstance(r, dict) and isinstance(r.get("value"), dict)]
    results = [result for result in found if "choices" in result["value"]]
    choices = [choice for result in results for choice in _choices(result["value"])]
    author, at = _author(annotation.get("completed_by")), _text(annotation.get("created_at"))
    label = choices[0] if len(choices) == 1 else None
    meta = results[0].get("meta", {}) if results else {}
    if isinstance(meta, dict) and label is not None and meta.get("label") == label:
        # As dqkit exported it: the words of its author, not of whoever opened it in Label Studio.
        known = {key: _text(meta.get(key)) for key in ("annotator", "at", "event_id", "source")}
        if known["source"] not in PEOPLE:
            return Answer(sample_id, None, source=known["source"])
        at, event_id = known["at"], known["event_id"]
        return Answer(sample_id, label, known["annotator"], at, event_id=event_id, source=known["source"], as_of=at)
    return _chosen(sample_id, choices, author, at, as_of=_text(annotation.get("updated_at")) or at)


def _choices(held: Any) -> list[str]:
    """The choices in a value of Label Studio: a text, a list of texts, or either under "choices"."""
    if isinstance(held, dict):
        held = held.get("choices")
    values = held if isinstance(held, list) else [held]
    return [text for text in map(_text, values) if text is not None]


def _chosen(sample_id: str, choices: list[str], author: str | None, at: str | None, *, as_of: str | None) -> Answer:
    problem = f"several choices: {', '.join(map(repr, choices))}" if len(choices) > 1 else None
    label = choices[0] if len(choices) == 1 else None
    return Answer(sample_id, label, author, at, as_of=as_of, problem=problem)


def _author(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("email") or value.get("username") or value.get("id")
    if isinstance(value, int):
        return f"label-studio {value}"
    return _text(value)
