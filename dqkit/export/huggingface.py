"""A Hugging Face dataset saved to disk: a `DatasetDict` by split, labels as ClassLabel, images as Image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.export.pictures import png, with_pictures
from dqkit.export.selection import Chosen
from dqkit.export.tables import arrow_table, full_table
from dqkit.files import read_file, text_of
from dqkit.records import UNLABELED, InputError, MissingExtra

WITHOUT = ("label", "given_label")


def write(root: Path, chosen: Chosen) -> tuple[Chosen, dict[str, Any]]:
    """Save with `save_to_disk`; `datasets.load_from_disk(root)` reads it. A missing label is None."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra(
            "format='huggingface' needs the package datasets. Run `pip install 'dqkit[huggingface]'`."
        ) from error
    if chosen.dataset.modality == "image":
        chosen = with_pictures(chosen)
    names = list(chosen.dataset.classes)
    table, renamed = full_table(chosen)
    given = table["given_label"].map({name: i for i, name in enumerate(names)})
    parts = {}
    for split in dict.fromkeys(map(str, table["split"])):
        if not split.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise InputError(
                f"split names must be letters, digits, '.', '-' and '_' for Hugging Face; got {split!r}. "
                "Use format='parquet', or rename the split."
            )
        here = np.flatnonzero(table["split"] == split)
        rows = arrow_table(table.iloc[here].drop(columns=[c for c in WITHOUT if c in table]))
        columns: dict[str, Any] = {}
        features: dict[str, Any] = {}
        if chosen.dataset.modality == "image":
            columns["image"] = [_image(chosen, int(i)) for i in chosen.at[here]]
            features["image"] = datasets.Image()
        for name, codes in (("label", chosen.codes[here]), ("given_label", given.iloc[here])):
            columns[name] = [None if pd.isna(c) or c == UNLABELED else int(c) for c in codes]
            features[name] = datasets.ClassLabel(names=names)
        for column in rows.column_names:
            columns[column], features[column] = _column(datasets, rows[column])
        parts[split] = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    shown = datasets.utils.logging.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        datasets.DatasetDict(parts).save_to_disk(str(root))
    finally:
        if shown:
            datasets.enable_progress_bars()
    return chosen, {"classes": names, "renamed": renamed}


def _image(chosen: Chosen, i: int) -> dict[str, Any]:
    dataset = chosen.dataset
    if dataset.paths is None:
        return {"bytes": png(np.asarray(dataset.content[i])), "path": None}
    file = Path(str(dataset.paths[i]))
    return {"bytes": read_file(file), "path": text_of(file.name)}


def _column(datasets: Any, column: Any) -> tuple[Any, Any]:
    """An Arrow array, and the feature that it is."""
    found = column.combine_chunks()
    return found, datasets.features.features.generate_from_arrow_type(found.type)
