"""A `Dataset` from a table: texts, feature columns, or pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from dqkit.checks import is_iterable
from dqkit.datasets.assemble import Columns, GivenLabels, Samples, assemble, row_names
from dqkit.datasets.boundary import own_errors
from dqkit.datasets.conversion import blank, texts_of
from dqkit.datasets.embedded import without_lists
from dqkit.datasets.groups import column_groups
from dqkit.datasets.labels import LabelRules
from dqkit.datasets.picture_column import pictures_of
from dqkit.datasets.pixels import SIDE, decode
from dqkit.datasets.pixels.brought import keep
from dqkit.datasets.roles import choose_features, one_column, shown
from dqkit.datasets.sources import ReadOptions, Table, read
from dqkit.datasets.splits import is_split_column
from dqkit.later import Later
from dqkit.records import Dataset, InputError

AUTO = "auto"


@own_errors
def from_table(
    source: Any,
    *,
    label: str | None = None,
    text: str | None = None,
    image: str | None = None,
    features: Sequence[str] | str | None = None,
    exclude: Sequence[str] = (),
    id: str | None = None,
    split: str | None = None,
    groups: str | re.Pattern[str] | None = None,
    classes: Any = None,
    unlabeled: Any = None,
    sep: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    sheet: str | int | None = None,
    side: int = SIDE,
    progress: bool = True,
) -> Dataset:
    """A `Dataset`, one sample per row; its `reading` says how the table was understood.

    Parameters
    ----------
    source : path or table
        A file: delimited text (.csv, .tsv, .txt), .xlsx, .xls, .ods, .jsonl, .json, .parquet, .feather or .arrow, text
        also packed (.gz, .bz2, .xz, .zip, .zst). A folder of Parquet parts, or one that Hugging Face's datasets saved.
        A table of pandas, polars, pyarrow or Hugging Face's datasets. A DatasetDict brings its splits.
    label : str, optional
        The column of given labels; None for none, with `classes`.
    text, image, features : optional
        What the samples are, exactly one of them: a column of texts; a column of pictures (paths relative to the
        table's folder, file:// URLs, bytes, base64); a list of columns, or "auto" for all that may be features.
    exclude : sequence of str
        Columns that are no features whatever `features` says, such as those that give the label away; they stay in the
        metadata.
    id : str, optional
        A column of ids, kept as they are written; row positions otherwise. Where an id comes again, its later rows are
        called "<id> (2)", "<id> (3)" and so on, which is recorded as a problem.
    split : str, optional
        A column of split names, or of yes and no where its name says of what ("is_test").
    groups : str or re.Pattern, optional
        A column whose equal values (a patient, a video) are held out together, or a compiled regular expression whose
        first group names them in the column `image`, else in `id`. A missing value is a group of one.
    classes : sequence or dict, optional
        The class names in order, or {label value: name}. None: the distinct labels.
    unlabeled : optional
        The label value that means no label, or a list of them. None: -1 where the other labels show that it is none.
    sep, encoding, decimal : str, optional
        Of a text file; each is found where it is left out.
    sheet : str or int, optional
        Of a spreadsheet: the name or position of the sheet.
    side : int
        Edge of the decoded pictures in pixels.
    progress : bool
        Whether to show a bar while many pictures are decoded.

    Returns
    -------
    Dataset
        Columns that have no role are its metadata. Empty texts and rows without any value are recorded as problems; an
        unreadable picture is a fatal one.

    Raises
    ------
    InputError
        For what is no table, a missing column, duplicate ids, fewer than two classes, or what may be read in two ways.
    MissingExtra
        Where the reader of a format is not installed.

    Examples
    --------
    >>> ds = from_table({"review": ["good", "bad", "fine"], "stars": [5, 1, None]}, text="review", label="stars")
    >>> ds.classes, ds.labels.tolist()
    (('1', '5'), [1, 0, -1])
    """
    roles = {"label": label, "text": text, "image": image, "id": id, "split": split}
    roles["groups"] = None if isinstance(groups, re.Pattern) else groups
    for option, value in roles.items():
        if value is not None and (isinstance(value, list | tuple | set | dict | np.ndarray) or not value == value):
            raise InputError(f"{option} must be one column; got {value!r}. Name one, such as {option}='name'.")
    named = [column for column in roles.values() if column is not None]
    table = read(source, named, ReadOptions(sep, encoding, decimal, sheet))
    if split is None and table.split is not None:
        roles["split"] = split = table.split
    wanted = _feature_list(features, table.frame)
    _check_roles(table, roles, wanted, features)
    left_out = _excluded(exclude, table)
    taken = {c for c in roles.values() if c is not None}
    notes = list(table.notes)
    if isinstance(wanted, str):
        chosen = choose_features(table.frame, taken | set(left_out))
        notes.append(chosen.sentence())
        wanted = chosen.columns
        if not wanted:
            raise InputError(f"features='auto' finds no column that may be a feature. {chosen.sentence()} Name them.")
    if left_out:
        notes.append(f"Left out by exclude: {', '.join(map(str, left_out))}.")
        wanted = None if wanted is None else [column for column in wanted if column not in left_out]
        if wanted == []:
            raise InputError("exclude leaves no feature; name fewer columns in it.")
    frame = table.frame
    rest = [c for c in frame.columns if c not in taken | set(wanted or ())]
    unused = [str(c) for c in rest if split is None and is_split_column(frame[c], str(c))]
    if unused:
        notes.append(
            f"Column {unused[0]!r} looks like splits and is not used; split={unused[0]!r} holds its test rows out."
        )
    n = len(frame)
    ids, again = row_names(None if id is None else frame[id], n=n)
    twice = _problems(ids, again, "duplicate_id", f"another row has the same id in column {id!r}")
    if len(again):
        notes.append(
            f"{len(again):,} rows of column {id!r} repeat an id; they are called such as {twice[0][0]!r}, and all rows "
            "are kept."
        )
    columns = Columns(
        checked_ids=ids,
        split=None if split is None else frame[split],
        split_column="" if split is None else str(split),
        groups=column_groups(frame, groups, image if image is not None else id),
        metadata=frame[rest],
    )
    rules = LabelRules(unlabeled=unlabeled, written=True)
    given = GivenLabels(None if label is None else frame[label], classes, rules)
    if text is not None:
        texts = _texts(frame[text])
        column = frame[text].fillna("") if isinstance(texts, Later) else texts
        empty = _problems(ids, np.flatnonzero(blank("text", column)), "empty_text", "the text is empty")
        samples = Samples(texts, "text", problems=[*twice, *empty], checked_texts=True)
        return assemble(samples, given, columns, name=table.name, reading=" ".join(notes))
    if wanted is not None:
        rows, said = without_lists(frame[list(wanted)])
        void = np.flatnonzero(rows.isna().all(axis=1).to_numpy())
        samples = Samples(
            rows, "table", problems=[*twice, *_problems(ids, void, "empty_row", "no feature has a value")]
        )
        return assemble(samples, given, columns, name=table.name, reading=" ".join([*notes, *said]))
    pictures = pictures_of(frame[image], table.base)
    decoded = decode(pictures.sources, side=side, progress=progress)
    failures = {**decoded.failures, **pictures.problems}
    if len(failures) == n:
        first = min(failures)
        raise InputError(
            f"image must be a column of readable pictures; none of {n:,} is. First, at position {first}: "
            f"{failures[first]}."
        )
    found = replace(decoded, failures=failures).problems(ids.value() if isinstance(ids, Later) else ids)
    # The table's own columns of these names, if it has them, are what its owner measured, perhaps of something else.
    own = {"width", "height"} & set(frame.columns)
    sizes = pd.DataFrame(decoded.sizes, columns=["image_width", "image_height"] if own else ["width", "height"])
    added = frame[rest].assign(**{str(k): v for k, v in sizes.items() if k not in frame})
    brought, said_of_them = keep(pictures.sources, decoded.sizes, failures, side)
    paths = [own or kept for own, kept in zip(pictures.paths, brought, strict=True)]
    samples = Samples(decoded.pixels, "image", paths if any(paths) else None, decoded.window, [*twice, *found])
    if failures:
        first = min(failures)
        notes.append(
            f"{len(failures):,} of {n:,} pictures cannot be read and are kept out of training and queues; the first, "
            f"in row {first}: {failures[first]}."
        )
    reading = " ".join([*notes, *pictures.notes, *([said_of_them] if said_of_them else [])])
    return assemble(samples, given, replace(columns, metadata=added), name=table.name, reading=reading)


def _check_roles(table: Table, roles: dict[str, Any], wanted: Any, features: Any) -> None:
    """Raise `InputError` unless every role has its own column of the table and one thing says what the samples are."""
    frame, name = table.frame, table.name
    chosen = [option for option in (roles["text"], roles["image"], features) if option is not None]
    if len(chosen) != 1:
        raise InputError(
            "from_table needs exactly one of text='column', image='column' and features=[columns] (or "
            f"features='auto'); got {len(chosen)} of them. The columns are {shown(frame.columns)}."
        )
    listed = [] if wanted is None or isinstance(wanted, str) else wanted
    for option, column in [*roles.items(), *(("features", c) for c in listed)]:
        if column is not None:
            one_column(option, column, frame, name)
    label = roles["label"]
    holder = "features" if features is not None else "text" if roles["text"] is not None else "image"
    if label is not None and label in (listed if features is not None else (roles["text"], roles["image"])):
        raise InputError(
            f"{holder} must not hold the label column {label!r}: the answer would be part of the question."
        )


def _excluded(exclude: Any, table: Table) -> list[Any]:
    """The columns that `exclude` names, each of them a column of the table."""
    if isinstance(exclude, str | bytes) or not is_iterable(exclude):
        raise InputError(f"exclude must be a list of columns; got {exclude!r}. Write exclude=[{exclude!r}].")
    names = list(exclude)
    for name in names:
        one_column("exclude", name, table.frame, table.name)
    return names


def _feature_list(features: Any, frame: pd.DataFrame) -> list[Any] | str | None:
    """The named feature columns, "auto", or None."""
    if features is None:
        return None
    if isinstance(features, str):
        if features == AUTO and AUTO not in frame.columns:
            return AUTO
        raise InputError(
            f"features must be a list of columns; got the string {features!r}. Write features=[{features!r}]."
        )
    if not is_iterable(features) or isinstance(features, bytes | set | frozenset | dict):
        raise InputError(f"features must be a list of columns; got {type(features).__name__}.")
    names = list(features)
    if not names:
        raise InputError("features must name at least one column; got an empty list.")
    twice = next((c for i, c in enumerate(names) if any(c is d or c == d for d in names[:i])), None)
    if twice is not None:
        raise InputError(f"features must be distinct columns; {twice!r} comes more than once.")
    return names


def _problems(ids: Any, rows: np.ndarray, kind: str, message: str) -> list[tuple[str, str, str, bool]]:
    """A problem of some rows that is not fatal; ids that are made later are made only where there are such rows."""
    if not len(rows):
        return []
    names = ids.value() if isinstance(ids, Later) else ids
    return [(names[i], kind, message, False) for i in rows]


def _texts(values: pd.Series[Any]) -> Any:
    """(n,) texts, empty where missing; those of pandas' text type are made later."""
    if isinstance(values.dtype, pd.StringDtype):
        return Later(partial(texts_of, values, missing=""), len(values))
    filled = values.astype(object).where(values.notna(), "").to_numpy(dtype=object)
    if set(map(type, filled)) <= {str}:
        return np.array(filled, dtype=object)
    return np.array([v.decode("utf-8", "backslashreplace") if isinstance(v, bytes) else str(v) for v in filled], object)
