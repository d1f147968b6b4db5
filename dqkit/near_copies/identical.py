"""Samples whose content is the same to the last bit: the one meaning of "identical" in dqkit."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import instance, truth_values, whole_numbers
from dqkit.records import Dataset


def identical_content(dataset: Dataset, among: ArrayLike | None = None) -> NDArray[np.int64]:
    """Return (n,) the position of the first sample with the same content; a sample unlike any earlier one has its own.

    Identical are images with the same pixels, texts with the same characters (case, spaces and punctuation count) and
    rows of a table with the same value in every column (missing equals missing). Samples that cannot be read are
    identical to none.

    Parameters
    ----------
    dataset
        The samples.
    among
        Positions; only these samples are compared with one another, the others are identical to none. All where None.

    Returns
    -------
    ndarray of int64, shape (n,)

    Examples
    --------
    >>> import dqkit as dq
    >>> identical_content(dq.from_arrays(["one", "two", "One", "one"], [0, 1, 0, 1]))
    array([0, 1, 2, 0])
    """
    instance("dataset", dataset, Dataset, "a dqkit.Dataset")
    first = np.arange(len(dataset), dtype=np.int64)
    rows = first
    if among is not None:
        if str(getattr(among, "dtype", "")) == "bool":
            among = np.flatnonzero(truth_values("among", among, n=len(dataset)))
        most = max(len(dataset) - 1, 0)
        rows = np.unique(whole_numbers("among", among, shape="(k,), positions", ndim=1, least=0, most=most))
    rows = rows[np.asarray(dataset.is_usable, dtype=bool)[rows]]
    seen: dict[Hashable, int] = {}
    for row, content in zip(rows, content_keys(dataset, rows), strict=True):
        first[row] = seen.setdefault(content, int(row))
    return first


def content_keys(dataset: Dataset, rows: NDArray[np.int64] | None = None) -> Iterator[Hashable]:
    """A value for each row, of all where None, that is equal for samples whose content is."""
    content: Any = dataset.content
    rows = np.arange(len(dataset), dtype=np.int64) if rows is None else rows
    if dataset.modality == "image":
        # All pictures of a dataset have one shape, so that the bytes alone tell them apart.
        return (blake2b(np.ascontiguousarray(content[row]).tobytes(), digest_size=16).digest() for row in rows)
    if dataset.modality == "text":
        return (str(content[row]) for row in rows)
    return content.iloc[rows].astype(str).itertuples(index=False, name=None)  # type: ignore[no-any-return]
