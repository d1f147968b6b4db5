"""A `Dataset` from what is already in memory."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import kinds, takes
from dqkit.datasets.assemble import Columns, GivenLabels, Samples, assemble
from dqkit.datasets.boundary import own_errors
from dqkit.datasets.conversion import brief, call_foreign, is_tensor, library_of, numpy_array
from dqkit.datasets.embedded import without_lists
from dqkit.datasets.image_arrays import images_of
from dqkit.datasets.item_lists import content_of_items
from dqkit.datasets.labels import LabelRules
from dqkit.datasets.memory import Content
from dqkit.datasets.pixels import SIDE
from dqkit.datasets.sources.frames import plain_frame
from dqkit.datasets.sources.libraries import frame_of_library
from dqkit.datasets.torch_datasets import items_of
from dqkit.records import Dataset, InputError

# A sparse matrix is written out up to so many cells (400 MB).
MOST_CELLS = 50_000_000
_RULE = "images, a float matrix (n, d), a DataFrame or a list of texts"


@own_errors
@takes(name=kinds.text)
def from_arrays(
    x: Any,
    labels: ArrayLike | None = None,
    *,
    classes: Any = None,
    ids: ArrayLike | None = None,
    split: ArrayLike | None = None,
    metadata: pd.DataFrame | None = None,
    true_labels: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    unlabeled: Any = None,
    channels: Literal["first", "last"] | None = None,
    side: int = SIDE,
    name: str = "arrays",
) -> Dataset:
    """A `Dataset` over arrays in memory; its `reading` says what was decided.

    Parameters
    ----------
    x : array or sequence
        Images: (n, h, w) or (n, h, w, channels) of 8 bits, of 16, or of floats in [0, 1]; or a list of arrays, of
        Pillow's images, of file paths or of the bytes of files, of any sizes. Features: a matrix (n, d), dense or
        sparse, or a DataFrame. Texts: n of them. Tensors and other arrays are taken too, and so are datasets of torch
        and of Hugging Face, which bring their own labels.
    labels : (n,), optional
        Class names or whole numbers; None, NaN or -1 where unlabelled.
    classes : sequence or dict, optional
        The class names in order; whole numbers are then positions in it. Or {label value: name}. None: the distinct
        labels.
    ids : (n,), optional
        Unique; positions when left out.
    split : (n,), optional
        Names; "test" is never trained on.
    metadata : DataFrame, optional
        One row a sample.
    true_labels : (n,), optional
        Known truth as positions in the classes.
    groups : (n,), optional
        Samples that share a value (a patient, a video) are held out together. None: of no group.
    unlabeled : optional
        The label value that means no label, or a list of them. None: -1 where the other labels show that it is none.
    channels : {"first", "last"}, optional
        Which axis of images (n, ., ., .) holds the channels; found where the shape shows it.
    side : int
        Edge in pixels of the square that images of several sizes are fitted to.
    name : str
        The dataset's name.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        On other shapes, NaN or infinite features, duplicate ids, unknown labels, a single class, and on what may be
        read in two ways; the message names the calls that say which.

    Examples
    --------
    >>> ds = from_arrays(["good", "bad", "fine"], ["pos", "neg", None])
    >>> ds.classes, ds.labels.tolist()
    (('neg', 'pos'), [1, 0, -1])
    """
    if channels not in (None, "first", "last"):
        raise InputError(f"channels must be 'first' or 'last'; got {channels!r}.")
    own = items_of(x)
    if own is not None:
        x = own.items
        labels = own.labels if labels is None else labels
        classes = own.classes if classes is None else classes
    _check_alignment(x, labels)
    content = _content(x, channels=channels, side=side)
    notes = [*(own.notes if own else ()), *content.notes]
    return assemble(
        Samples(content.values, content.modality, content.paths, content.window, content.problems_of(ids)),
        GivenLabels(labels, classes, LabelRules(unlabeled=unlabeled), true_labels),
        Columns(ids=ids, split=split, metadata=metadata, groups=groups),
        reading=" ".join(notes),
        name=name,
    )


def _content(x: Any, *, channels: str | None, side: int) -> Content:
    """What the samples show, of whatever kind it is."""
    if isinstance(x, str | bytes | dict) or (not hasattr(x, "__len__") and not hasattr(x, "shape")):
        hint = " Write list(x)." if hasattr(x, "__iter__") and not isinstance(x, str | bytes | dict) else ""
        hint = " Write pandas.DataFrame(x)." if isinstance(x, dict) else hint
        raise InputError(f"x must be an array, a DataFrame or a list of texts; got {type(x).__name__}.{hint}")
    if isinstance(x, set | frozenset):
        raise InputError(
            f"x must be an array, a DataFrame or a list of texts; got {type(x).__name__}, without an order."
        )
    if library_of(x) == "scipy" and hasattr(x, "toarray"):
        x = _dense(x)
    elif is_tensor(x):
        x = numpy_array("x", x)
    size = getattr(x, "shape", None)
    n = size[0] if isinstance(size, tuple) and size else None if isinstance(size, tuple) else len(x)
    if n is None:
        raise InputError(f"x must be {_RULE}; got a single value, {brief(x, 60)}.")
    if not n:
        raise InputError("x must hold at least one sample; got none.")
    if isinstance(x, pd.DataFrame):
        return _table(plain_frame("x", x.reset_index(drop=True)))
    if library_of(x) in {"polars", "pyarrow"} and hasattr(x, "columns"):
        return _table(frame_of_library(x)[0])
    if isinstance(x, pd.Series | pd.Index | pd.api.extensions.ExtensionArray) or library_of(x) in {"polars", "pyarrow"}:
        x = call_foreign("x", lambda: list(x.to_pylist() if hasattr(x, "to_pylist") else x), rule=_RULE)
    if not isinstance(x, np.ndarray) or x.dtype == object or (x.dtype.kind == "U" and x.ndim == 1):
        items = call_foreign("x", lambda: list(x), rule=_RULE)
        content = content_of_items(items, channels=channels, side=side)
        if content is not None:
            return content
        x = numpy_array("x", x)
    return _array(x, channels)


def _array(array: NDArray[Any], channels: str | None) -> Content:
    kind = array.dtype.kind
    if kind in "US" and array.ndim == 1:
        texts = [t.decode("utf-8", "backslashreplace") if isinstance(t, bytes) else str(t) for t in array.tolist()]
        return Content("text", np.array(texts, dtype=object))
    if kind in "fiub" and array.ndim == 2:
        return _features(array)
    if kind in "fiub" and array.ndim in (3, 4):
        return images_of(array, channels)
    advice = {
        1: " A single feature is x[:, None].",
        2: " Texts and categories in columns are a pandas.DataFrame.",
    }.get(array.ndim, " Take one picture of each video or volume first." if array.ndim > 4 else "")
    if kind == "c":
        advice = " Take their parts: numpy.concatenate([x.real, x.imag], axis=1)."
    raise InputError(
        f"x must be uint8 images (n, h, w[, channels]), a float matrix (n, d), a DataFrame or a list of texts; got "
        f"{type(array).__name__} of dtype {array.dtype} and shape {array.shape}.{advice}"
    )


def _features(array: NDArray[Any]) -> Content:
    if not array.shape[1]:
        raise InputError("x must hold at least one feature column; got none.")
    with np.errstate(over="ignore"):
        rows = array.astype(np.float64)
    if not np.isfinite(rows).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(rows))[0])
        raise InputError(
            f"x must be finite; got {array[row, column]} at row {row}, column {column}. "
            "Impute it, drop the row, or use dqkit.from_table, where missing values are allowed."
        )
    return Content("table", pd.DataFrame(rows, columns=[f"x{i}" for i in range(rows.shape[1])]))


def _table(frame: pd.DataFrame) -> Content:
    rows, notes = without_lists(frame)
    return Content("table", rows, notes=notes)


def _dense(matrix: Any) -> NDArray[Any]:
    rows, columns = matrix.shape if len(matrix.shape) == 2 else (1, matrix.shape[0])
    if rows * columns > MOST_CELLS:
        raise InputError(
            f"x must be a matrix of at most {MOST_CELLS:,} cells; the sparse one has {rows:,} x {columns:,}. Make it "
            "narrower: sklearn.decomposition.TruncatedSVD(100).fit_transform(x)."
        )
    return numpy_array("x", call_foreign("x", matrix.toarray, rule=_RULE))


def _check_alignment(x: Any, labels: Any) -> None:
    """Labels are taken by position; a Series whose index says another order is refused."""
    if not isinstance(x, pd.DataFrame | pd.Series) or not isinstance(labels, pd.Series) or len(x) != len(labels):
        return
    if not x.index.equals(labels.index) and x.index.is_unique and set(x.index) == set(labels.index):
        raise InputError(
            "labels must be in the order of x; their index has the same keys in another order. Write "
            "labels.reindex(x.index), or labels.to_numpy() if the positions are right."
        )
