"""A labelled dataset."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import as_array
from dqkit.errors import InputError
from dqkit.later import MadeLater
from dqkit.records.ids import as_ids
from dqkit.records.names import TEST_SPLIT, UNLABELED, Modality

PROBLEM_COLUMNS = ("sample_id", "kind", "message", "fatal")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(MadeLater):
    """A labelled dataset: its samples and their labels.

    Every array has one entry per sample, in the order of `ids`.

    Attributes
    ----------
    ids : ndarray of str, shape (n,)
        Unique and not empty. A sample is known by its id, never by its position.
    labels : ndarray of int64, shape (n,)
        Positions in `classes`; -1 (`UNLABELED`) where no label is given.
    classes : tuple of str
        The class names.
    modality : {"image", "text", "table"}
        What `content` is.
    content : ndarray or DataFrame
        Images: uint8 (n, height, width) or (n, height, width, channels), possibly a read-only memory map. Texts: (n,)
        strings. Tables: n rows of numbers, categories and dates; missing values are allowed.
    split : ndarray of str, shape (n,)
        Samples whose split is "test" are never trained on and never queued.
    metadata : DataFrame
        Indexed by id, any columns.
    paths : ndarray of str or None
        The image file of each sample, where the samples are files.
    true_labels : ndarray of int64 or None
        Known truth (planted or verified). No stage reads it except to score itself.
    problems : DataFrame
        Columns sample_id, kind, message, fatal. A fatal problem (an unreadable file) takes its sample out of training
        and queues; the sample stays in the dataset.
    name : str
        The name of the dataset.
    reading : str
        What a loader understood and what it left out, in one or two sentences.
    groups : ndarray of str or None
        Samples of one group (a patient, a video) are held out together; None where a sample is of no group.
    window : pair of numbers or None
        The two values that pictures of more than 8 bits show as black and white.
    """

    ids: NDArray[np.object_]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    modality: Modality
    content: Any
    split: NDArray[np.object_]
    metadata: pd.DataFrame
    paths: NDArray[np.object_] | None = None
    true_labels: NDArray[np.int64] | None = None
    problems: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(PROBLEM_COLUMNS)))
    name: str = "dataset"
    reading: str = ""
    groups: NDArray[np.object_] | None = None
    window: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def is_labeled(self) -> NDArray[np.bool_]:
        """(n,) True where a label is given."""
        return np.asarray(self.labels != UNLABELED)

    @property
    def is_test(self) -> NDArray[np.bool_]:
        """(n,) True for the held-out samples."""
        return np.asarray(self.split == TEST_SPLIT)

    @property
    def is_usable(self) -> NDArray[np.bool_]:
        """(n,) False where a fatal problem (an unreadable file) is recorded."""
        broken = self.problems.loc[self.problems["fatal"].astype(bool), "sample_id"]
        return ~self._index.isin(broken)

    @cached_property
    def _index(self) -> pd.Index[Any]:
        return pd.Index(self.ids, dtype=object)  # else pandas copies them all into Arrow's memory

    def positions(self, sample_ids: ArrayLike) -> NDArray[np.int64]:
        """Where some samples stand.

        Parameters
        ----------
        sample_ids : array-like of str, shape (k,)
            Ids of this dataset, or a single one.

        Returns
        -------
        ndarray of int64, shape (k,)

        Raises
        ------
        InputError
            Names the first id that is not here.
        """
        wanted = np.array([sample_ids], dtype=object) if isinstance(sample_ids, str) else as_ids(sample_ids)
        try:
            found = np.asarray(self._index.get_indexer(pd.Index(wanted, dtype=object)), dtype=np.int64)
        except TypeError as error:  # lists or dicts, which cannot be looked up
            raise InputError(f"sample_ids must be ids of this dataset; {error}.") from error
        if (found < 0).any():
            missing = wanted[int(np.argmax(found < 0))]
            raise InputError(f"sample_ids must be ids of this dataset; got {missing!r}, which it does not have.")
        return found

    def with_labels(self, labels: ArrayLike) -> Dataset:
        """The same samples under other labels.

        Parameters
        ----------
        labels : array-like of int, shape (n,)
            Positions in `classes`, -1 for unlabelled.

        Returns
        -------
        Dataset
            This one stays as it is.

        Raises
        ------
        InputError
            Where a label is no whole number or no class, or there is not one a sample.
        """
        codes = as_array("labels", labels, shape=f"({len(self):,},), whole numbers")
        if codes.shape != (len(self),) or (codes.size and codes.dtype.kind not in "iu"):
            raise InputError(f"labels must be {len(self):,} whole numbers; got {codes.dtype} of shape {codes.shape}.")
        if len(codes) and not (codes.min() >= UNLABELED and codes.max() < len(self.classes)):
            raise InputError(
                f"labels must lie between -1 and {len(self.classes) - 1}; got {codes.min()} to {codes.max()}."
            )
        return replace(self, labels=codes.astype(np.int64))

    def take(self, positions: ArrayLike) -> Dataset:
        """Some of the samples, with their problems and metadata.

        Parameters
        ----------
        positions : array-like, shape (k,) or (n,)
            Whole numbers from 0, or one True or False a sample.

        Returns
        -------
        Dataset
            In the order of `positions`.

        Raises
        ------
        InputError
            Where a position is none of this dataset, or comes twice.
        """
        at = _places(positions, len(self))
        ids = self.ids[at]
        content = self.content.iloc[at].reset_index(drop=True) if self.modality == "table" else self.content[at]
        return replace(
            self,
            ids=ids,
            labels=self.labels[at],
            content=content,
            split=self.split[at],
            metadata=self.metadata.iloc[at],
            paths=None if self.paths is None else self.paths[at],
            true_labels=None if self.true_labels is None else self.true_labels[at],
            groups=None if self.groups is None else self.groups[at],
            problems=self.problems[self.problems["sample_id"].isin(ids)].reset_index(drop=True),
        )

    def __repr__(self) -> str:
        labeled = int(self.is_labeled.sum())
        about = (
            f"Dataset({self.name!r}: {len(self):,} {self.modality} samples, {labeled:,} labelled, "
            f"{len(self.classes)} classes, {int(self.is_test.sum()):,} held out for test)"
        )
        return f"{about}\n{self.reading}" if self.reading else about


def _places(positions: Any, n: int) -> NDArray[np.int64]:
    at = as_array("positions", positions, shape="(k,), whole numbers from 0, or one True or False a sample")
    if at.dtype == bool and at.shape == (n,):
        return np.flatnonzero(at).astype(np.int64)
    if at.ndim != 1 or (at.size and at.dtype.kind not in "iu"):
        raise InputError(
            f"positions must be whole numbers from 0 to {n - 1}, or one True or False for each of the {n:,} samples; "
            f"got {at.dtype} of shape {at.shape}."
        )
    if at.size and not (-n <= at.min() and at.max() < n):
        raise InputError(f"positions must lie between 0 and {n - 1}; got {at.min()} to {at.max()}.")
    at = at.astype(np.int64) % max(n, 1)
    if len(np.unique(at)) < len(at):
        twice = int(np.flatnonzero(np.bincount(at) > 1)[0])
        raise InputError(f"positions must name each sample once; got {twice} more than once.")
    return at
