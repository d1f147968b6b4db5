"""A `Dataset` from a CSV or Parquet table: texts, feature columns, or paths of images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.datasets.assemble import assemble, sample_names
from dqkit.datasets.pixels import SIDE, decode
from dqkit.records import Dataset, InputError


def from_table(
    source: str | os.PathLike[str] | pd.DataFrame,
    *,
    label: str | None = None,
    text: str | None = None,
    image: str | None = None,
    features: Sequence[str] | None = None,
    id: str | None = None,
    split: str | None = None,
    classes: Sequence[str] | None = None,
    side: int = SIDE,
    progress: bool = True,
) -> Dataset:
    """A `Dataset`, one sample per row.

    source: a .csv, .tsv or .parquet file, or a DataFrame.
    label: the column of given labels (None for none, with `classes`). Exactly one of `text` (a column of texts),
    `image` (a column of image paths, relative to the table's folder) and `features` (a list of columns: numbers,
    categories, dates; missing values allowed) says what the samples are.
    id: a column of unique ids; row positions otherwise. split: a column of split names. Other columns become metadata.
    Empty texts and rows without any value are recorded as problems; an unreadable image is a fatal one.
    Raises `InputError` for a missing file or column, duplicate ids, or fewer than two classes.
    """
    named = [column for column in (label, text, image, id, split) if column is not None]
    table, base, name = _read(source, named)
    chosen = [option for option in (text, image, features) if option is not None]
    if len(chosen) != 1:
        raise InputError(
            "from_table needs exactly one of text='column', image='column' and features=[columns]; "
            f"got {len(chosen)} of them. The columns are {_columns(table)}."
        )
    if isinstance(features, str):
        raise InputError(
            f"features must be a list of columns; got the string {features!r}. Write features=[{features!r}]."
        )
    if features is not None and not list(features):
        raise InputError("features must name at least one column; got an empty list.")
    used = {"label": label, "text": text, "image": image, "id": id, "split": split}
    for option, column in [*used.items(), *(("features", c) for c in features or ())]:
        if column is not None and column not in table.columns:
            raise InputError(f"{option} must be a column of {name}; got {column!r}. The columns are {_columns(table)}.")
    holder = "features" if features is not None else "text" if text is not None else "image"
    if label is not None and label in (features or (text, image)):
        raise InputError(
            f"{holder} must not hold the label column {label!r}: the answer would be part of the question."
        )
    ids = sample_names(None if id is None else table[id].to_numpy(), n=len(table))
    taken = {c for c in used.values() if c is not None} | set(features or ())
    options: dict[str, Any] = {
        "classes": classes,
        "ids": ids,
        "split": None if split is None else table[split].fillna("train").to_numpy(dtype=object),
        "metadata": table[[c for c in table.columns if c not in taken]],
        "name": name,
    }
    labels = None if label is None else _numbers(table[label])
    if text is not None:
        texts = np.array(["" if pd.isna(v) else str(v) for v in table[text]], dtype=object)
        blank = [
            (ids[i], "empty_text", f"column {text!r} is empty", False) for i, t in enumerate(texts) if not t.strip()
        ]
        return assemble(texts, labels, modality="text", problems=blank, **options)
    if features is not None:
        rows = table[list(features)].reset_index(drop=True)
        rows = rows.replace([np.inf, -np.inf], np.nan)
        void = [
            (ids[i], "empty_row", "every feature is missing", False) for i in np.flatnonzero(rows.isna().all(axis=1))
        ]
        return assemble(rows, labels, modality="table", problems=void, **options)
    files = [base / ("(no path given)" if pd.isna(p) else str(p)) for p in table[image]]
    decoded = decode(files, side=side, progress=progress)
    failures = decoded.failures
    if files and len(failures) == len(files):
        raise InputError(
            f"image must be a column of readable image files; none of {len(files)} is. First: {failures[0]}"
        )
    broken = [(ids[i], "unreadable", message, True) for i, message in sorted(failures.items())]
    paths = [str(file.resolve()) for file in files]
    # The table's own columns of these names, if it has them, are what its owner measured, perhaps of something else.
    own = {"width", "height"} & set(table.columns)
    sizes = pd.DataFrame(decoded.sizes, columns=["image_width", "image_height"] if own else ["width", "height"])
    options["metadata"] = options["metadata"].assign(**{str(k): v for k, v in sizes.items() if k not in table})
    return assemble(decoded.pixels, labels, modality="image", paths=paths, problems=broken, **options)


def _read(source: str | os.PathLike[str] | pd.DataFrame, named: Sequence[str]) -> tuple[pd.DataFrame, Path, str]:
    """The table, the folder that relative paths start from, and a name for messages.

    named: the columns that hold labels, texts, paths, ids or splits; what is written there is read as it is written.
    """
    if isinstance(source, pd.DataFrame):
        return source.reset_index(drop=True), Path.cwd(), "table"
    if not isinstance(source, str | os.PathLike):
        raise InputError(f"source must be a path or a DataFrame; got {type(source).__name__}.")
    file = Path(source)
    if not file.is_file():
        raise InputError(
            f"source must be an existing .csv, .tsv or .parquet file; got {str(file)!r} (now in {Path.cwd()})."
        )
    kind = file.suffix.lower()
    try:
        if kind in {".parquet", ".pq"}:
            table = pd.read_parquet(file)
        elif kind in {".csv", ".tsv", ".txt"}:
            table = read_text_table(file, named)
        else:
            raise InputError(f"source must be a .csv, .tsv or .parquet file; got {file.name!r}.")
    except (ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"source {str(file)!r} cannot be read as a table: {error}") from error
    if table.empty:
        raise InputError(
            f"source must hold at least one row; {str(file)!r} has {len(table.columns)} columns and no rows."
        )
    return table.reset_index(drop=True), file.parent, file.stem


def read_text_table(file: Path, named: Sequence[str], *, rows: int | None = None) -> pd.DataFrame:
    """A CSV or TSV file; the `named` columns word for word, the others by pandas' own guesses.

    pandas takes "None", "NA" and "null" for missing and 001 for a number: right for measurements, wrong for a class
    called None and for an id. Labels that are all numbers are numbers.
    """
    separator = "\t" if file.suffix.lower() == ".tsv" else ","
    table = pd.read_csv(file, sep=separator, encoding="utf-8-sig", nrows=rows)
    kept = [column for column in named if column in table.columns]
    if kept:
        words = pd.read_csv(
            file,
            sep=separator,
            encoding="utf-8-sig",
            nrows=rows,
            usecols=kept,
            dtype=str,
            keep_default_na=False,
            na_values=["", "nan", "NaN"],
        )
        for column in kept:
            table[column] = words[column].astype(object).where(words[column].notna(), None)
    return table


def _numbers(labels: pd.Series) -> np.ndarray:
    """Labels as numbers where all that are given are, else as they are."""
    given = labels.dropna()
    if not all(isinstance(v, str) for v in given):
        return labels.to_numpy(dtype=object)
    values = pd.to_numeric(given, errors="coerce")
    if len(given) and values.notna().all():
        return values.reindex(labels.index).to_numpy(dtype=object)
    return labels.to_numpy(dtype=object)


def _columns(table: pd.DataFrame) -> str:
    return ", ".join(repr(c) for c in list(table.columns)[:30])
