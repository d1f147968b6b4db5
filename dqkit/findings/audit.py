"""What the checks may read: the dataset under its current labels and all that is known of it, aligned once by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.checks import as_positions, kinds, takes, whole_number
from dqkit.findings.finding import NotMeasured
from dqkit.records import HUMAN_SOURCES, UNLABELED, Dataset, InputError, Predictions, arguments
from dqkit.signals import AuditSample

LABEL_COLUMNS = ("label", "source", "annotator", "at", "round")


@dataclass(frozen=True, eq=False, repr=False)
class Journal:
    """What people have done so far.

    Parameters
    ----------
    events
        One row per label event, with event_id, sample_id, kind, label, source, annotator, at, round and undoes; None
        where there is no journal.
    queue
        The newest queue, with sample_id and action.
    rounds
        Oldest first, each with round, metrics, queue_counts, answered, ...
    """

    events: pd.DataFrame | None = None
    queue: pd.DataFrame | None = None
    rounds: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Audit:
    """Everything a check may read; make one with `Audit.of`.

    Parameters
    ----------
    dataset
        The dataset under its current labels. Its classes are those of the dataset as it was given, then those that
        annotators added.
    given
        (n,) the labels as they were given, positions in `dataset.classes`, -1 = unlabelled.
    labels
        One row per sample, in the order of the dataset: label (name), source, annotator, at, round.
    predictions
        Out-of-sample predictions, or None.
    signals
        The signal table, one row per sample in the order of the dataset, or None.
    summary
        The summary of the signal table; empty where there is none.
    neighbors
        (n, k) positions of the nearest samples, nearest first, -1 = none; None without features.
    journal
        What people have done so far.
    sample
        The answers to the random audit samples.
    """

    dataset: Dataset
    given: NDArray[np.int64]
    labels: pd.DataFrame
    predictions: Predictions | None = None
    signals: pd.DataFrame | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    neighbors: NDArray[np.int64] | None = None
    journal: Journal = field(default_factory=Journal)
    sample: AuditSample = field(default_factory=AuditSample)

    @classmethod
    @takes(
        dataset=arguments.dataset,
        labels=kinds.optional(kinds.table),
        predictions=kinds.optional(arguments.predictions),
        signals=kinds.optional(kinds.table),
        summary=kinds.optional(kinds.mapped("names to figures")),
        journal=kinds.optional(kinds.a(Journal, "a Journal")),
        sample=kinds.optional(kinds.a(AuditSample, "an AuditSample")),
    )
    def of(
        cls,
        dataset: Dataset,
        *,
        labels: pd.DataFrame | None = None,
        predictions: Predictions | None = None,
        signals: pd.DataFrame | None = None,
        summary: Mapping[str, Any] | None = None,
        neighbors: NDArray[np.int64] | None = None,
        journal: Journal | None = None,
        sample: AuditSample | None = None,
    ) -> Audit:
        """Return the audit of a dataset, with `labels` and `signals` brought to one row per sample.

        Parameters
        ----------
        dataset
            The samples with their labels as they were given.
        labels
            The current labels by sample id, with the columns label, source, annotator, at and round, as
            `Workbench.labels` returns them; the dataset's own where None.
        predictions, signals, summary, neighbors, journal, sample
            See the class.

        Returns
        -------
        Audit

        Examples
        --------
        >>> import dqkit as dq
        >>> audit = Audit.of(dq.from_arrays([[0.1], [0.9]], ["no", "yes"]))
        >>> audit.dataset.classes, audit.label_names
        (('no', 'yes'), ['no', 'yes'])
        """
        index = pd.Index([str(i) for i in dataset.ids], dtype=object)
        for name, frame in (("labels", labels), ("signals", signals)):
            if frame is not None and not (frame.index.is_unique and frame.columns.is_unique):
                raise InputError(f"{name} must have one row a sample id and one column a name; one comes twice.")
        if labels is None or "label" not in labels.columns:
            named = [None if code == UNLABELED else dataset.classes[code] for code in dataset.labels]
            labels = pd.DataFrame({"label": named}, index=index, dtype=object)
        labels = labels.astype(object).reindex(index)
        names = texts(labels, "label")
        if "source" not in labels.columns:
            labels["source"] = [None if name is None else "given" for name in names]
        for column in LABEL_COLUMNS:
            if column not in labels.columns:
                labels[column] = None
        added = sorted({name for name in names if name is not None} - set(dataset.classes))
        classes = (*dataset.classes, *added)
        position = {name: i for i, name in enumerate(classes)}
        current = np.asarray([UNLABELED if name is None else position[name] for name in names], dtype=np.int64)
        return cls(
            dataset=replace(dataset, labels=current, classes=classes),
            given=np.asarray(dataset.labels, dtype=np.int64),
            labels=labels,
            predictions=predictions,
            signals=None if signals is None else signals.astype(object).reindex(index),
            summary=summary or {},
            neighbors=neighbors,
            journal=journal or Journal(),
            sample=sample or AuditSample(),
        )

    def __len__(self) -> int:
        return len(self.dataset)

    def __repr__(self) -> str:
        known = [name for name in ("predictions", "signals", "neighbors") if getattr(self, name) is not None]
        return f"Audit({self.dataset!r}; with {', '.join(known) or 'the dataset alone'})"

    @property
    def current(self) -> NDArray[np.int64]:
        """(n,) positions of the current labels in `dataset.classes`, -1 = unlabelled."""
        return self.dataset.labels

    @cached_property
    def label_names(self) -> list[str | None]:
        """The current label of each sample, None where there is none."""
        return texts(self.labels, "label")

    @cached_property
    def checked(self) -> NDArray[np.bool_]:
        """(n,) True where a person has decided the current label."""
        return np.asarray([source in HUMAN_SOURCES for source in texts(self.labels, "source")], dtype=bool)

    @cached_property
    def changed(self) -> NDArray[np.bool_]:
        """(n,) True where a person has decided that the given label was wrong."""
        return np.asarray(self.checked & (self.given >= 0) & (self.given != self.current))

    @cached_property
    def weak(self) -> NDArray[np.bool_]:
        """(n,) True where the current label is a labelling function's guess."""
        return np.asarray([source == "weak" for source in texts(self.labels, "source")], dtype=bool)

    @cached_property
    def is_test(self) -> NDArray[np.bool_]:
        """(n,) True for the held-out samples; kept, because the dataset compares strings each time."""
        return np.asarray(self.dataset.is_test, dtype=bool)

    @cached_property
    def predicted_at(self) -> NDArray[np.int64]:
        """(n,) the row of each sample in the predictions, -1 where it has none; raises `NotMeasured`."""
        if self.predictions is None:
            raise NotMeasured("No predictions were given.")
        rows = pd.Index(self.predictions.ids).get_indexer(pd.Index(self.dataset.ids))
        return np.asarray(rows, dtype=np.int64)

    def need_model(self) -> None:
        """Raise `NotMeasured` where the labels were too few to train a model; predictions not given are no matter."""
        if self.predictions is not None and not self.predictions.is_trained:
            raise NotMeasured("No model yet: fewer than two classes have labels to train on. Label what is queued.")

    @takes(name=kinds.text)
    def signal(self, name: str) -> NDArray[np.float64]:
        """Return one numeric column of the signals.

        Parameters
        ----------
        name
            The column.

        Returns
        -------
        ndarray, shape (n,)
            NaN where a sample has no row.

        Raises
        ------
        NotMeasured
            Where there is no such column.
        """
        frame = self.signal_table()
        if name not in frame.columns:
            raise NotMeasured(f"The signals have no column {name}.")
        return np.asarray(pd.to_numeric(frame[name], errors="coerce"), dtype=np.float64)

    @takes(name=kinds.text)
    def signal_flags(self, name: str) -> NDArray[np.bool_]:
        """Return one true/false column of the signals.

        Parameters
        ----------
        name
            As in `signal`, which also says what is raised.

        Returns
        -------
        ndarray of bool, shape (n,)
            False where a sample has no row.
        """
        return np.asarray(np.nan_to_num(self.signal(name)) > 0)

    @takes(name=kinds.text)
    def signal_texts(self, name: str) -> list[str | None]:
        """Return one column of names or words.

        Parameters
        ----------
        name
            As in `signal`.

        Returns
        -------
        list of str or None
            None where the value is missing, and everywhere when the column is not there.
        """
        return texts(self.signal_table(), name)

    def signal_table(self) -> pd.DataFrame:
        """Return the signals.

        Returns
        -------
        DataFrame

        Raises
        ------
        NotMeasured
            Where there are none.
        """
        if self.signals is None:
            raise NotMeasured("No signals were given: run a round first.")
        return self.signals

    @takes(name=kinds.text)
    def told(self, name: str) -> Mapping[str, Any]:
        """Return one entry of the summary of the signals.

        Parameters
        ----------
        name
            The entry.

        Returns
        -------
        dict

        Raises
        ------
        NotMeasured
            Where it is missing or was skipped.
        """
        entry = self.summary.get(name)
        if not isinstance(entry, Mapping):
            raise NotMeasured("The summary of the signals says nothing about it: run a round first.")
        if "skipped" in entry:
            reason = str(entry["skipped"])
            raise NotMeasured(f"{reason[:1].upper()}{reason[1:].rstrip('.')}.")
        return entry

    def id_at(self, position: int | np.integer[Any]) -> str:
        """Return the id of a sample.

        Parameters
        ----------
        position
            From 0.

        Returns
        -------
        str

        Raises
        ------
        InputError
            For a position that is none.
        """
        return str(self.dataset.ids[whole_number("position", position, least=0, most=len(self) - 1)])

    def ids_at(self, positions: Sequence[Any] | NDArray[Any]) -> tuple[str, ...]:
        """Return the ids of some samples.

        Parameters
        ----------
        positions
            From 0.

        Returns
        -------
        tuple of str
            In the order of the positions.
        """
        return tuple(str(i) for i in self.dataset.ids[as_positions("positions", positions, size=len(self), ndim=1)])


def texts(frame: pd.DataFrame, column: str) -> list[str | None]:
    """Return one column as strings, None for missing values; all None when the column is not there."""
    if column not in frame.columns:
        return [None] * len(frame)
    values = frame[column].to_numpy(dtype=object)
    return [None if missing else str(value) for value, missing in zip(values, pd.isna(values), strict=True)]
