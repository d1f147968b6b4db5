"""A project.json that was lost or damaged, made again from the journal in its folder and the dataset loaded anew."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from dqkit.files import write_json
from dqkit.records import Dataset, InputError, StoreError
from dqkit.workbench.project import DATABASE_FILE, FORMAT, PROJECT_FILE, now


def make(folder: Path, dataset: Dataset) -> dict[str, Any]:
    """Write project.json anew and return what it says. The title, the description and the tags are lost.

    Raises `StoreError` where the journal is not in the folder, or holds several workbenches, and `InputError` where
    `dataset` is not the one of this workbench.
    """
    about = {
        "dqkit": "workbench",
        "format": FORMAT,
        "id": _id(folder / DATABASE_FILE),
        "title": folder.name,
        "description": "",
        "tags": [],
        "created": now(),
        "name": dataset.name,
        "modality": dataset.modality,
        "classes": list(dataset.classes),
        "store_url": None,
        "reading": dataset.reading,
        "window": None if dataset.window is None else list(dataset.window),
    }
    _check_labels(folder / "dataset" / "samples.parquet", dataset)
    write_json(folder / PROJECT_FILE, about)
    return about


def _id(journal: Path) -> str:
    """The id of the only workbench in a journal."""
    if not journal.is_file():
        raise StoreError(
            f"{PROJECT_FILE} cannot be made again: the journal {str(journal)!r} is not there. Bring {PROJECT_FILE} "
            "back from a copy. Nothing was changed."
        )
    try:
        with closing(sqlite3.connect(f"{journal.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            ids = [row[0] for row in connection.execute("SELECT id FROM workbenches")]
    except sqlite3.Error as error:
        raise StoreError(f"The journal {str(journal)!r} cannot be read: {error}. Nothing was changed.") from error
    if len(ids) != 1:
        raise StoreError(
            f"{PROJECT_FILE} cannot be made again: the journal {str(journal)!r} holds {len(ids)} workbenches, and "
            "nothing says which of them this is. Nothing was changed."
        )
    return str(ids[0])


def _check_labels(file: Path, dataset: Dataset) -> None:
    """Raise `InputError` unless the dataset has the ids and the given labels that the workbench keeps, if it does."""
    try:
        table = pd.read_parquet(file, columns=["sample_id", "label"])
    except (OSError, ValueError, KeyError):
        return
    if table["sample_id"].tolist() != list(dataset.ids):
        raise InputError(
            "dataset must be the one that the workbench was made of; its ids are others. Nothing was changed."
        )
    if table["label"].tolist() != dataset.labels.tolist():
        raise InputError(
            "dataset must have the labels and the order of classes that the workbench was made with; some given labels "
            "are others. Pass classes= in the order of that time. Nothing was changed."
        )
