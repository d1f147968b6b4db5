"""From FiftyOne: a user's own dataset or view, read as the plain arrays a dqkit Dataset is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..records import UNLABELED, InputError
from .connection import connect

SPLIT_TAGS = ("test", "train", "validation", "val")


@dataclass(frozen=True, eq=False)
class Source:
    """What a FiftyOne dataset says: (n,) ids, image paths, labels (positions in `classes`, -1 for none) and splits."""

    ids: NDArray[np.object_]
    filepaths: NDArray[np.object_]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    split: NDArray[np.object_]
    name: str


def from_fiftyone(dataset: Any, label_field: str, *, uri: str | None = None) -> Source:
    """The images, labels and splits of a FiftyOne dataset, view or dataset name; FiftyOne's data is only read.

    label_field: a field of Classifications, or of texts. ids: FiftyOne's own sample ids. classes: the dataset's
    `classes[label_field]` or `default_classes` where they are set and cover the labels, otherwise the labels found,
    sorted. split: the sample's tag among test, train, validation and val; "train" where it has none of them.
    Raises `InputError` when the dataset or field is not there, is of another type, or holds no image.

    >>> source = from_fiftyone("quickstart", "ground_truth")  # doctest: +SKIP
    """
    fo = connect(uri)
    if isinstance(dataset, str):
        if not fo.dataset_exists(dataset):
            raise InputError(
                f"the 'dataset' argument must be a FiftyOne dataset; got {dataset!r}, known: {fo.list_datasets()}."
            )
        dataset = fo.load_dataset(dataset)
    field = dataset.get_field(label_field)
    if isinstance(field, fo.EmbeddedDocumentField) and issubclass(field.document_type, fo.Classification):
        path = f"{label_field}.label"
    elif isinstance(field, fo.StringField):
        path = label_field
    else:
        names = [name for name, known in dataset.get_field_schema().items() if _holds_labels(fo, known)]
        raise InputError(
            f"the 'label_field' argument must be a field of Classifications or texts; got {label_field!r}, "
            f"the dataset has {names or 'none'}."
        )
    if len(dataset) == 0 or dataset.media_type != "image":
        raise InputError(
            f"the 'dataset' argument must hold images; got {len(dataset)} samples of type {dataset.media_type!r}."
        )
    ids, files, names, tags = dataset.values(["id", "filepath", path, "tags"])
    found = sorted({name for name in names if name is not None})
    given = (dataset.classes or {}).get(label_field) or dataset.default_classes or []
    classes = tuple(given) if set(found) <= set(given) else tuple(found)
    position = {name: i for i, name in enumerate(classes)}
    return Source(
        ids=np.array(ids, dtype=object),
        filepaths=np.array(files, dtype=object),
        labels=np.array([UNLABELED if name is None else position[name] for name in names], dtype=np.int64),
        classes=classes,
        split=np.array(
            [next((tag for tag in SPLIT_TAGS if tag in (own or ())), "train") for own in tags], dtype=object
        ),
        name=str(getattr(dataset, "dataset_name", None) or dataset.name),
    )


def _holds_labels(fo: Any, field: Any) -> bool:
    return isinstance(field, fo.EmbeddedDocumentField) and issubclass(field.document_type, fo.Classification)
