"""From FiftyOne: a workbench's `Dataset` made of a user's own FiftyOne dataset or view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.datasets.assemble import Columns, GivenLabels, Samples, assemble
from dqkit.datasets.pixels import SIDE, decode
from dqkit.fiftyone_bridge.connection import connect
from dqkit.records import Dataset, InputError

SPLIT_TAGS = ("test", "train", "validation", "val")


def from_fiftyone(
    dataset: Any, label_field: str, *, side: int = SIDE, progress: bool = True, uri: str | None = None
) -> Dataset:
    """Make a `Dataset` of the images of a FiftyOne dataset; FiftyOne's data is only read.

    Parameters
    ----------
    dataset : fiftyone.Dataset, fiftyone.DatasetView or str
        A dataset, a view, or the name of a dataset.
    label_field : str
        A field of Classifications, or of texts.
    side : int
        Pixels are decoded once to (n, side, side, 3).
    progress : bool
        Whether to show a progress bar.
    uri : str, optional
        As in `dqkit.fiftyone_bridge.connect`.

    Returns
    -------
    Dataset
        Its ids are FiftyOne's sample ids. Its classes are `classes[label_field]` or `default_classes` where they are
        set and cover the labels, otherwise the labels found, sorted. The split is the sample's tag among test, train,
        validation and val; "train" without one. A file that is no readable image is a fatal problem of its sample.

    Raises
    ------
    InputError
        Where the dataset or field is not there, is of another type, or holds no readable image.
    MissingExtra
        Where FiftyOne or its database is not there.

    Examples
    --------
    >>> ds = from_fiftyone("quickstart", "ground_truth")  # doctest: +SKIP
    """
    fo = connect(uri)
    if isinstance(dataset, str):
        if not fo.dataset_exists(dataset):
            raise InputError(
                f"the 'dataset' argument must be a FiftyOne dataset; got {dataset!r}, known: {fo.list_datasets()}."
            )
        dataset = fo.load_dataset(dataset)
    path = _label_path(fo, dataset, label_field)
    if len(dataset) == 0 or dataset.media_type != "image":
        raise InputError(
            f"the 'dataset' argument must hold images; got {len(dataset)} samples of type {dataset.media_type!r}."
        )
    ids, files, names, tags = dataset.values(["id", "filepath", path, "tags"])
    decoded = decode([Path(file) for file in files], side=side, progress=progress)
    failures = decoded.failures
    if len(failures) == len(files):
        first = f"{files[min(failures)]}: {failures[min(failures)]}"
        raise InputError(f"the 'dataset' argument must hold readable images; none of {len(files)} is one. {first}")
    found = {name for name in names if name is not None}
    given = (dataset.classes or {}).get(label_field) or dataset.default_classes or []
    return assemble(
        Samples(decoded.pixels, "image", files, decoded.window, decoded.problems(ids)),
        GivenLabels(np.array(names, dtype=object), given if found <= set(given) and given else None),
        Columns(
            ids=ids,
            split=[next((tag for tag in SPLIT_TAGS if tag in (own or ())), "train") for own in tags],
            metadata=pd.DataFrame(decoded.sizes, columns=["width", "height"]),
        ),
        name=str(getattr(dataset, "dataset_name", None) or dataset.name),
    )


def _label_path(fo: Any, dataset: Any, label_field: str) -> str:
    fields = dataset.get_field_schema()
    field = fields.get(label_field)
    if _is_classification(fo, field):
        return f"{label_field}.label"
    if isinstance(field, fo.StringField) and label_field != "filepath":
        return label_field
    names = [name for name, known in fields.items() if _is_classification(fo, known)]
    raise InputError(
        f"the 'label_field' argument must be a field of Classifications or texts; got {label_field!r}, "
        f"the dataset has {names or 'none'}."
    )


def _is_classification(fo: Any, field: Any) -> bool:
    return isinstance(field, fo.EmbeddedDocumentField) and issubclass(field.document_type, fo.Classification)
