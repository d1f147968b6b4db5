"""The one place where a `Dataset` is put together, so that every way in obeys the same rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.datasets.labels import encode
from dqkit.records import PROBLEM_COLUMNS, TEST_SPLIT, Dataset, InputError, Modality


def assemble(
    content: Any,
    labels: ArrayLike | None,
    *,
    modality: Modality,
    classes: Sequence[str] | None = None,
    ids: ArrayLike | None = None,
    split: ArrayLike | None = None,
    metadata: pd.DataFrame | None = None,
    paths: Sequence[str] | None = None,
    true_labels: ArrayLike | None = None,
    problems: Sequence[tuple[str, str, str, bool]] = (),
    groups: ArrayLike | None = None,
    reading: str = "",
    name: str,
) -> Dataset:
    """A checked `Dataset`; see there for the shapes. Raises `InputError` on the first rule that does not hold."""
    n = len(content)
    if n == 0:
        raise InputError(f"{name} must hold at least one sample; got none.")
    sample_ids = sample_names(ids, n=n)
    codes, names = encode(labels, classes, n=n)
    if metadata is not None and (not isinstance(metadata, pd.DataFrame) or len(metadata) != n):
        raise InputError(
            f"metadata must be a DataFrame with one row per sample ({n:,}); got {type(metadata).__name__}."
        )
    for what, frame in (("x", content), ("metadata", metadata)):
        if isinstance(frame, pd.DataFrame):
            _check_columns(what, frame)
    _check_utf8("classes", names)
    if modality == "text":
        _check_utf8("x", content)
    if isinstance(content, pd.DataFrame) and not len(content.columns):
        raise InputError("x must hold at least one feature column; got none.")
    truth = None if true_labels is None else np.asarray(true_labels)
    if truth is not None and (truth.shape != (n,) or truth.dtype.kind not in "iu"):
        raise InputError(f"true_labels must be {n:,} positions in classes; got {truth.dtype} of shape {truth.shape}.")
    rows = pd.DataFrame(list(problems), columns=list(PROBLEM_COLUMNS))
    table = pd.DataFrame(index=pd.Index(sample_ids)) if metadata is None else metadata.set_axis(pd.Index(sample_ids))
    return Dataset(
        ids=sample_ids,
        labels=codes,
        classes=names,
        modality=modality,
        content=content,
        split=split_names(split, n=n),
        metadata=table.rename_axis("sample_id"),
        paths=None if paths is None else np.asarray(paths, dtype=object),
        true_labels=None if truth is None else truth.astype(np.int64),
        problems=rows.astype({"fatal": bool}),
        name=name,
        reading=reading,
        groups=None if groups is None else group_names(groups, n=n),
    )


def split_names(split: ArrayLike | None, *, n: int) -> NDArray[np.object_]:
    """(n,) split names; missing ones are "train", and "test" is known however it is spelled."""
    values = np.asarray(["train"] * n if split is None else split, dtype=object).ravel()
    if len(values) != n:
        raise InputError(f"split must have one entry per sample; got {len(values):,} for {n:,} samples.")
    names = ["train" if pd.isna(v) or not str(v).strip() else str(v).strip() for v in values]
    # To train on what somebody has marked as "Test" would be the worst reading of it.
    return np.array([TEST_SPLIT if name.casefold() == TEST_SPLIT else name for name in names], dtype=object)


def group_names(groups: ArrayLike, *, n: int) -> NDArray[np.object_]:
    """(n,) group names as strings; None where a sample is of no group (None, NaN or an empty text)."""
    values = np.asarray(groups, dtype=object)
    if values.shape != (n,):
        raise InputError(f"groups must have one entry for each of the {n:,} samples; got shape {values.shape}.")
    missing = pd.isna(values)
    names = [None if gone or not str(v).strip() else str(v) for v, gone in zip(values, missing, strict=True)]
    _check_utf8("groups", [name or "" for name in names])
    return np.array(names, dtype=object)


def _check_columns(what: str, table: pd.DataFrame) -> None:
    names = [str(column) for column in table.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{what} must have columns of different names; {twice!r} comes more than once. Rename one.")
    odd = [str(column) for column, dtype in table.dtypes.items() if dtype.kind == "c"]
    if odd:
        raise InputError(f"{what} must hold numbers, texts, categories or dates; column {odd[0]!r} is complex.")


def _check_utf8(what: str, texts: Iterable[Any]) -> None:
    """Half a surrogate pair is no text: neither a file nor the database could hold it."""
    for i, text in enumerate(texts):
        try:
            str(text).encode("utf-8")
        except UnicodeEncodeError as error:
            raise InputError(
                f"{what} must hold texts that UTF-8 can hold; the one at position {i} has half a surrogate pair, "
                f"{error.object[error.start]!r}. Mend it: text.encode('utf-16', 'surrogatepass').decode('utf-16', "
                "'replace')."
            ) from error


def sample_names(ids: ArrayLike | None, *, n: int) -> NDArray[np.object_]:
    """(n,) distinct string ids; positions with leading zeros, so that they sort in their order, when none are given."""
    if ids is None:
        return np.array([f"{i:07d}" for i in range(n)], dtype=object)
    values = np.asarray(ids, dtype=object).ravel()
    if len(values) != n:
        raise InputError(f"ids must have one entry per sample; got {len(values):,} ids for {n:,} samples.")
    empty = np.array([bool(pd.isna(v)) or not str(v).strip() for v in values], dtype=bool)
    if empty.any():
        raise InputError(
            f"ids must not be empty; the id at position {int(np.argmax(empty))} is {values[int(np.argmax(empty))]!r}."
        )
    names = np.array([str(v) for v in values], dtype=object)
    _check_utf8("ids", names)
    repeated = pd.Index(names).duplicated(keep=False)
    if repeated.any():
        first = names[int(np.argmax(repeated))]
        at = np.flatnonzero(names == first)[:2]
        raise InputError(f"ids must be unique; {first!r} stands at positions {at[0]} and {at[1]}. Drop or rename one.")
    return names
