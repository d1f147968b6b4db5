"""A `Dataset` from what is already in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dqkit.datasets.assemble import assemble
from dqkit.records import Dataset, InputError


def from_arrays(
    x: Any,
    labels: ArrayLike | None,
    *,
    classes: Sequence[str] | None = None,
    ids: ArrayLike | None = None,
    split: ArrayLike | None = None,
    metadata: pd.DataFrame | None = None,
    true_labels: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    name: str = "arrays",
) -> Dataset:
    """A `Dataset` over arrays in memory.

    x: uint8 (n, h, w) or (n, h, w, channels) images, float (n, d) feature rows, or n texts.
    labels: (n,) class names or integers; None, NaN or -1 where unlabelled. Without `classes`, the distinct labels are
        the classes; with it, integers are positions in it.
    ids: (n,) unique; positions when left out. split: (n,) names, "test" is never trained on.
    groups: (n,) values; samples that share one (a patient, a video) are held out together. None: of no group.
    Raises `InputError` on other shapes, NaN or infinite features, duplicate ids, unknown labels or a single class.

    >>> ds = from_arrays(["good", "bad", "fine"], ["pos", "neg", None])
    >>> ds.classes, ds.labels.tolist()
    (('neg', 'pos'), [1, 0, -1])
    """
    options: dict[str, Any] = {
        "classes": classes,
        "ids": ids,
        "split": split,
        "metadata": metadata,
        "true_labels": true_labels,
        "groups": groups,
        "name": name,
    }
    if isinstance(x, str | bytes) or not hasattr(x, "__len__"):
        raise InputError(f"x must be an array, a DataFrame or a list of texts; got {type(x).__name__}.")
    if not len(x):
        raise InputError("x must hold at least one sample; got none.")
    if isinstance(x, pd.DataFrame):
        return assemble(x.reset_index(drop=True), labels, modality="table", **options)
    if isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.ndim in (3, 4):
        if 0 in x.shape[1:]:
            raise InputError(f"x must hold images of at least one pixel; got shape {x.shape}.")
        if x.ndim == 4 and x.shape[3] > 4:
            raise InputError(
                f"x must hold images of 1 to 4 channels, the channels last (n, h, w, channels); got shape {x.shape}. "
                "Channels that stand before height and width are moved by x.transpose(0, 2, 3, 1)."
            )
        return assemble(x, labels, modality="image", **options)
    if not isinstance(x, np.ndarray) and all(isinstance(t, str) for t in x) and len(x):
        return assemble(np.asarray(list(x), dtype=object), labels, modality="text", **options)
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise InputError(f"x must have rows of one length; {error}.") from error
    if array.dtype.kind in "UO" and array.ndim == 1 and all(isinstance(t, str) for t in array.tolist()):
        return assemble(array.astype(object), labels, modality="text", **options)
    if array.ndim == 2 and array.dtype.kind in "fiub":
        rows = array.astype(np.float64)
        if not np.isfinite(rows).all():
            row, column = (int(i) for i in np.argwhere(~np.isfinite(rows))[0])
            raise InputError(
                f"x must be finite; got {rows[row, column]} at row {row}, column {column}. "
                "Impute it, drop the row, or use dqkit.from_table, where missing values are allowed."
            )
        table = pd.DataFrame(rows, columns=[f"x{i}" for i in range(rows.shape[1])])
        return assemble(table, labels, modality="table", **options)
    if array.dtype.kind == "O" and array.ndim == 1 and any(isinstance(t, str) for t in array.tolist()):
        odd = next(i for i, t in enumerate(array.tolist()) if not isinstance(t, str))
        raise InputError(
            f"x must hold texts alone, or none; got {array[odd]!r} at position {odd}. "
            "Write a missing text as an empty one, or drop the row."
        )
    raise InputError(
        "x must be uint8 images (n, h, w[, channels]), a float matrix (n, d), a DataFrame or a list of texts; "
        f"got {type(x).__name__} of dtype {array.dtype} and shape {array.shape}."
    )
