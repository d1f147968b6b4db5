"""The plain rows that travel between the stages, and the errors every stage raises.

Nothing here does I/O and nothing here knows a stage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import as_array, as_probabilities, distinct_names, finite_rows, rows_in_order
from dqkit.checks import check_probabilities as check_probabilities
from dqkit.errors import DqkitError as DqkitError
from dqkit.errors import InputError as InputError
from dqkit.errors import MissingExtra as MissingExtra
from dqkit.errors import StoreError as StoreError
from dqkit.later import MadeLater

UNLABELED = -1
ABSTAIN = -1

Modality = Literal["image", "text", "table"]
Action = Literal["label", "relabel", "second_opinion"]

ACTIONS: tuple[Action, ...] = ("label", "relabel", "second_opinion")
TEST_SPLIT = "test"
# Where a decision of a person comes from; "weak" is a guess of labelling functions.
HUMAN_SOURCES = ("human", "fiftyone")
CHECK_COLUMNS = ("member", "fold", "check", "ok", "found")
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
        return pd.Index(self.ids)

    def positions(self, sample_ids: ArrayLike) -> NDArray[np.int64]:
        """Where some samples stand.

        Parameters
        ----------
        sample_ids : array-like of str, shape (k,)

        Returns
        -------
        ndarray of int64, shape (k,)

        Raises
        ------
        InputError
            Names the first id that is not here.
        """
        wanted = np.array([sample_ids], dtype=object) if isinstance(sample_ids, str) else _id_array(sample_ids)
        try:
            found = np.asarray(self._index.get_indexer(pd.Index(wanted, dtype=object)), dtype=np.int64)
        except TypeError as error:  # lists or dicts, which cannot be looked up
            raise InputError(f"sample_ids must be ids of this dataset; {error}.") from error
        if (found < 0).any():
            missing = wanted[int(np.argmax(found < 0))]
            raise InputError(f"sample_ids must be ids of this dataset; got {missing!r}, which it does not have.")
        return found

    def with_labels(self, labels: ArrayLike) -> Dataset:
        """The same samples under other labels: (n,) positions in `classes`, -1 for unlabelled; else `InputError`."""
        codes = as_array("labels", labels, shape=f"({len(self):,},), whole numbers")
        if codes.shape != (len(self),) or (codes.size and codes.dtype.kind not in "iu"):
            raise InputError(f"labels must be {len(self):,} whole numbers; got {codes.dtype} of shape {codes.shape}.")
        if len(codes) and not (codes.min() >= UNLABELED and codes.max() < len(self.classes)):
            raise InputError(
                f"labels must lie between -1 and {len(self.classes) - 1}; got {codes.min()} to {codes.max()}."
            )
        return replace(self, labels=codes.astype(np.int64))

    def take(self, positions: ArrayLike) -> Dataset:
        """The samples at the given positions (whole numbers from 0, or one True or False a sample), in that order, with
        their problems and metadata; a position that is none, or comes twice, is an `InputError`."""
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


@dataclass(frozen=True, eq=False, repr=False)
class Predictions:
    """What the baselines say of every sample, without having been trained on that sample's label.

    Attributes
    ----------
    ids : ndarray of str, shape (n,)
        Sample ids.
    classes : tuple of str
        The c class names.
    member_probs : ndarray of float32, shape (m, n, c)
        For a labelled training sample: the fold model that did not see it. For unlabelled and test samples: the mean
        over the member's fold models.
    pred_probs : ndarray of float32, shape (n, c)
        The members' log-probabilities averaged by `weights`, calibrated; of a user's own members the plain average.
    members : tuple of str
        The m member names; empty where too few labels were there to train on (`is_trained` is False).
    weights : ndarray, shape (m,)
        Not negative, sum 1.
    folds : ndarray of int, shape (n,)
        The fold a sample was held out of, -1 if in none.
    features : ndarray of float32, shape (n, d), or None
        For neighbours, outliers and strategies.
    baselines : DataFrame
        One row per model (chance, majority, members, ensemble) with accuracy, log_loss and more.
    dynamics : mapping of str to ndarray
        Training history where a member recorded it: margins (n, epochs), by how much the logit of the given label led
        the best other after each epoch, and wrong_epochs (n,), the share of epochs in which it lost.
    checks : DataFrame
        Columns member, fold, check, ok, found: what the checks of the training found.
    """

    ids: NDArray[np.object_]
    classes: tuple[str, ...]
    member_probs: NDArray[np.float32]
    pred_probs: NDArray[np.float32]
    members: tuple[str, ...]
    weights: NDArray[np.float64]
    folds: NDArray[np.int64]
    features: NDArray[np.float32] | None = None
    baselines: pd.DataFrame = field(default_factory=pd.DataFrame)
    dynamics: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    checks: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(CHECK_COLUMNS)))

    @classmethod
    def from_arrays(
        cls,
        pred_probs: ArrayLike,
        *,
        ids: Sequence[str],
        classes: Sequence[str],
        features: ArrayLike | None = None,
        members: Sequence[str] | None = None,
    ) -> Predictions:
        """Take a user's own out-of-sample probabilities.

        Parameters
        ----------
        pred_probs : array-like, shape (n, c) or (members, n, c)
            Rows summing to one. In a DataFrame the columns are found by the class names, and the rows by the ids where
            it has an index of its own. For two classes also (n,) or (n, 1), the probabilities of the second, which a
            warning says.
        ids : sequence of str
            n distinct sample ids.
        classes : sequence of str
            c distinct names, in the order of the columns.
        features : array-like, shape (n, d), optional
            For neighbours, outliers and strategies.
        members : sequence of str, optional
            A name for each member.

        Returns
        -------
        Predictions

        Raises
        ------
        InputError
            Where shapes disagree, an id or class comes twice, a column is missing or none of the classes, a value is
            not finite or negative, or a row does not sum to one.

        Examples
        --------
        >>> frame = pd.DataFrame({"yes": [0.9, 0.2], "no": [0.1, 0.8]}, index=["b", "a"])
        >>> Predictions.from_arrays(frame, ids=["a", "b"], classes=["no", "yes"]).pred_probs.argmax(axis=1)
        array([0, 1])
        """
        known = distinct_names("ids", ids)
        names_of_classes = distinct_names("classes", classes)
        if len(names_of_classes) == 0:
            raise InputError("classes must name at least one class; got none.")
        array = as_probabilities(
            "pred_probs",
            rows_in_order("pred_probs", pred_probs, known),
            dims=(2, 3),
            n=len(known),
            classes=names_of_classes,
            one_column=True,
        )
        probs = np.asarray(array, dtype=np.float32)
        probs = probs[None] if probs.ndim == 2 else probs
        m = len(probs)
        names = [f"member_{i}" for i in range(m)] if members is None else distinct_names("members", members, length=m)
        matrix = None
        if features is not None:
            rows = finite_rows("features", rows_in_order("features", features, known), n=len(known))
            matrix = _single(rows)
        return cls(
            ids=_id_array(known),
            classes=tuple(names_of_classes),
            member_probs=probs,
            pred_probs=probs.mean(axis=0),
            members=tuple(names),
            weights=np.full(m, 1.0 / m),
            folds=np.full(len(known), -1, dtype=np.int64),
            features=matrix,
        )

    @property
    def is_trained(self) -> bool:
        """Whether a model stands behind these; if not, only `features` say anything."""
        return len(self.members) > 0

    def __repr__(self) -> str:
        m, n, c = self.member_probs.shape
        if not self.is_trained:
            return f"Predictions({n:,} samples, {c} classes, no model yet: too few labels)"
        d = "no" if self.features is None else str(self.features.shape[1])
        return f"Predictions({n:,} samples, {c} classes, {m} members: {', '.join(self.members)}; {d} features)"


@dataclass(frozen=True)
class LabelEvent:
    """One decision about one sample. The journal holds these and never changes one.

    Attributes
    ----------
    event_id : str
        Unique. Recording it twice gives one event.
    sample_id : str
        The sample.
    kind : {"label", "skip", "flag", "note", "undo"}
        What was decided.
    label : str or None
        The class name, for kind "label".
    source : {"human", "weak", "fiftyone"}
        Where it was decided.
    annotator : str
        Who decided.
    at : str
        UTC, ISO 8601.
    round : int
        0 before the first round.
    why : str
        The reason; for kind "note" the text.
    undoes : str or None
        The event that is withdrawn, for kind "undo".
    """

    event_id: str
    sample_id: str
    kind: Literal["label", "skip", "flag", "note", "undo"]
    label: str | None
    source: Literal["human", "weak", "fiftyone"]
    annotator: str
    at: str
    round: int
    why: str = ""
    undoes: str | None = None


def _id_array(values: Any) -> NDArray[np.object_]:
    """One id an entry; a NumPy array of tuples would become a matrix."""
    if isinstance(values, np.ndarray):
        values = values.ravel()
    try:
        flat = [values] if isinstance(values, type) else list(values)
    except TypeError:  # a single value
        flat = [values]
    out = np.empty(len(flat), dtype=object)
    for at, value in enumerate(flat):
        out[at] = value
    return out


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


def _single(rows: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        out = np.asarray(rows, dtype=np.float32)
    if not np.isfinite(out).all():
        raise InputError(
            f"features must fit into float32; got values up to {np.abs(rows).max():.4g}. Scale them first."
        )
    return out
