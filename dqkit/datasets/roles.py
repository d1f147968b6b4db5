"""What the columns of a table are: which may be features, and which only name rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dqkit.datasets.conversion import nested
from dqkit.datasets.splits import is_split_column
from dqkit.records import InputError

PICTURES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif",
    ".jp2", ".dcm", ".ppm", ".pgm",
)  # fmt: skip
TEXT_WORDS = 3.0
IDENTIFIERS = "identifiers"
_SAMPLE = 500
# In fewer rows, whole numbers may all differ by chance.
_MANY = 20
_ROW_NAME = re.compile(r"unnamed:? ?\d*|index|level_0|row|row_?(nr|num|number|id|names?)|x\.?1?|", re.IGNORECASE)
_ID_NAME = re.compile(r"(.*[_\W])?(id|ids|uuid|guid|key|nr|no|number|index|hash|sha\d*|md5)", re.IGNORECASE)


# What `Workbench.export` writes beside the content: what is known of the labels, and no feature.
EXPORTED = (
    "sample_id", "split", "given_label", "label", "source", "annotator", "at", "round", "why", "event_id", "weak_label",
    "suggested_label", "error_probability", "flags",
)  # fmt: skip
WRITTEN_BY_EXPORT = "written by dqkit's export"


def exported_columns(frame: pd.DataFrame) -> tuple[str, ...]:
    """The columns of a table that dqkit's export wrote beside the content; none where it is another table."""
    return EXPORTED if set(EXPORTED) <= set(frame.columns) else ()


@dataclass(frozen=True)
class Features:
    """columns: those that say something of a row. left_out: a sentence's end for each reason, with its columns."""

    columns: list[Any]
    left_out: dict[str, list[str]]

    @property
    def names(self) -> list[str]:
        """The columns that were left out since they only name rows."""
        return [name for why, names in self.left_out.items() if why.startswith(IDENTIFIERS) for name in names]

    @property
    def others(self) -> dict[str, list[str]]:
        """The other columns that were left out, by the reason."""
        return {why: names for why, names in self.left_out.items() if not why.startswith(IDENTIFIERS)}

    def sentence(self) -> str:
        """What was taken and what was left out."""
        taken = f"{len(self.columns)} column{'' if len(self.columns) == 1 else 's'} taken as features"
        out = "; ".join(f"{', '.join(names)} ({why})" for why, names in self.left_out.items())
        return f"{taken}: {_some(self.columns)}." + (f" Left out: {out}." if out else "")


def choose_features(frame: pd.DataFrame, taken: Collection[Any]) -> Features:
    """The columns that may be features, beside the `taken` ones.

    Left out are what dqkit's export writes about the labels, row numbers, identifiers (a different text or whole number
    in every row, or a name such as "customer_id"), columns of splits, of one value or none, of prose, and of what is no
    number, text, category or date.
    """
    columns: list[Any] = []
    left_out: dict[str, list[str]] = {}
    own = exported_columns(frame)
    for name in frame.columns:
        if name in taken:
            continue
        if name in own:
            left_out.setdefault(WRITTEN_BY_EXPORT, []).append(str(name))
            continue
        why = _no_feature(frame[name], str(name))
        if why is None:
            columns.append(name)
        else:
            left_out.setdefault(why, []).append(str(name))
    return Features(columns, left_out)


def _no_feature(values: pd.Series[Any], name: str) -> str | None:
    known = values.dropna()
    if not len(known):
        return "no value"
    plain = known.dtype != object or all(isinstance(v, str | bool | int) for v in known.head(_SAMPLE))
    if not plain or nested(known):
        return "neither numbers nor texts"
    if _counts_rows(values, name):
        return "row numbers"
    if is_split_column(values, name):
        return "names of splits"
    distinct = int(known.nunique())
    if distinct == 1 and len(known) == len(values):
        return "one value"
    texts = known.dtype.kind == "O"
    if texts and looks_like_pictures(values):
        return "names of pictures"
    if texts and looks_like_text(values):
        return "texts"
    if _ID_NAME.fullmatch(_snake(name)) and (distinct > 0.5 * len(known) or (not texts and distinct == len(known))):
        return IDENTIFIERS
    if distinct == len(known) and (texts or (known.dtype.kind in "iu" and len(known) >= _MANY)):
        return f"{IDENTIFIERS}, different in every row"
    return None


def _counts_rows(values: pd.Series[Any], name: str) -> bool:
    if values.dtype.kind not in "iu" or len(values) < 2:
        return False
    numbers = values.to_numpy()
    counts = bool((np.diff(numbers) == 1).all()) and int(numbers[0]) in (0, 1)
    return counts or (bool(_ROW_NAME.fullmatch(name.strip())) and bool(values.is_unique))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())


def looks_like_text(column: pd.Series[Any]) -> bool:
    """Whether a column holds prose: strings of several words, mostly distinct."""
    values = [value for value in column.dropna().head(_SAMPLE) if isinstance(value, str)]
    if not values or len(values) < 0.9 * min(_SAMPLE, int(column.notna().sum())):
        return False
    words = sum(len(value.split()) for value in values) / len(values)
    return words >= TEXT_WORDS and len(set(values)) > 0.5 * len(values)


def looks_like_pictures(column: pd.Series[Any]) -> bool:
    """Whether a column holds names of image files."""
    values = [value for value in column.dropna().head(_SAMPLE) if isinstance(value, str)]
    return bool(values) and sum(value.lower().endswith(PICTURES) for value in values) > 0.9 * len(values)


def one_column(option: str, name: Any, frame: pd.DataFrame, table: str) -> None:
    """Raise `InputError` unless `name` is one column of the table."""
    if isinstance(name, list | tuple | set | dict) or not isinstance(name, Hashable):
        raise InputError(f"{option} must be one column; got {name!r}. The columns are {shown(frame.columns)}.")
    if name not in frame.columns:
        like = next((c for c in frame.columns if str(c).strip().casefold() == str(name).strip().casefold()), None)
        meant = "" if like is None else f" Did you mean {like!r}?"
        if len(frame.columns) == 1 and str(name) in str(frame.columns[0]):
            meant = " For a text file, pass the sign between its fields, such as sep=' '."
        raise InputError(
            f"{option} must be a column of {table}; got {name!r}.{meant} The columns are {shown(frame.columns)}."
        )


def shown(columns: Any) -> str:
    """The first thirty names, quoted."""
    names = list(columns)
    return ", ".join(repr(c) for c in names[:30]) + (f", ... ({len(names)})" if len(names) > 30 else "")


def _some(columns: list[Any]) -> str:
    return ", ".join(str(c) for c in columns[:8]) + (", ..." if len(columns) > 8 else "")
