"""What the report is made from, aligned once to the ids of the dataset, with what is missing made plain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.records import HUMAN_SOURCES, UNLABELED, Dataset, Predictions

LABEL_COLUMNS = ("label", "source", "annotator", "at", "round")


class Absent(Exception):
    """A section has nothing to say because its input was not given; the text says what is missing."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything the sections read. `labels` and `signals` have one row per sample, in the order of the dataset."""

    dataset: Dataset
    labels: pd.DataFrame
    signals: pd.DataFrame | None
    summary: Mapping[str, Any]
    predictions: Predictions | None
    queue: pd.DataFrame | None
    rounds: Sequence[Mapping[str, Any]]
    events: pd.DataFrame | None

    @cached_property
    def classes(self) -> list[str]:
        """The class names of the dataset, then those that annotators added, in alphabetical order."""
        known = list(self.dataset.classes)
        added = {name for name in self.label_names if name is not None} - set(known)
        return known + sorted(added)

    @cached_property
    def label_names(self) -> list[str | None]:
        """The current label of each sample, None where there is none."""
        return texts(self.labels, "label")

    @cached_property
    def current(self) -> NDArray[np.int64]:
        """(n,) positions of the current labels in `classes`, -1 for unlabelled."""
        position = {name: i for i, name in enumerate(self.classes)}
        return np.asarray([UNLABELED if name is None else position[name] for name in self.label_names], dtype=np.int64)

    @cached_property
    def checked(self) -> NDArray[np.bool_]:
        """(n,) True where a person has decided the current label."""
        return np.asarray([source in HUMAN_SOURCES for source in texts(self.labels, "source")], dtype=bool)

    @cached_property
    def is_test(self) -> NDArray[np.bool_]:
        """(n,) True for the held-out samples; kept, because the dataset compares strings each time."""
        return np.asarray(self.dataset.is_test, dtype=bool)

    @cached_property
    def weak(self) -> NDArray[np.bool_]:
        """(n,) True where the current label is a labelling function's guess."""
        return np.asarray([source == "weak" for source in texts(self.labels, "source")], dtype=bool)

    @cached_property
    def predicted_at(self) -> NDArray[np.int64]:
        """(n,) the row of each sample in the predictions, -1 where it has none; raises `Absent`."""
        if self.predictions is None:
            raise Absent("No predictions were given.")
        rows = pd.Index(self.predictions.ids).get_indexer(pd.Index(self.dataset.ids))
        return np.asarray(rows, dtype=np.int64)

    def need_model(self) -> None:
        """Raise `Absent` where labels were too few to train one; predictions that were not given are no matter here."""
        if self.predictions is not None and not self.predictions.is_trained:
            raise Absent("No model yet: fewer than two classes have labels to train on. Label what is queued.")

    def signal(self, name: str) -> NDArray[np.float64]:
        """One numeric column of the signals, (n,), NaN where a sample has no row; raises `Absent`."""
        frame = self.signal_table()
        if name not in frame.columns:
            raise Absent(f"The signals have no column {name}.")
        return np.asarray(pd.to_numeric(frame[name], errors="coerce"), dtype=np.float64)

    def signal_flags(self, name: str) -> NDArray[np.bool_]:
        """One true/false column of the signals, (n,), False where a sample has no row; raises `Absent`."""
        return np.nan_to_num(self.signal(name)) > 0

    def signal_texts(self, name: str) -> list[str | None]:
        """One column of names or words; None where missing, and everywhere when the column is not there."""
        return texts(self.signal_table(), name)

    def signal_table(self) -> pd.DataFrame:
        if self.signals is None:
            raise Absent("No signals were given: run a round first.")
        return self.signals

    def id_at(self, position: int | np.integer[Any]) -> str:
        return str(self.dataset.ids[position])


def align(
    dataset: Dataset,
    labels: pd.DataFrame | None,
    signals: pd.DataFrame | None,
    summary: Mapping[str, Any] | None,
    predictions: Predictions | None,
    queue: pd.DataFrame | None,
    rounds: Sequence[Mapping[str, Any]],
    events: pd.DataFrame | None,
) -> Inputs:
    """The inputs with `labels` and `signals` brought to one row per sample; labels that miss come from the dataset."""
    index = pd.Index([str(i) for i in dataset.ids], dtype=object)
    given = [None if code == UNLABELED else dataset.classes[code] for code in dataset.labels]
    if labels is None or "label" not in labels.columns:
        labels = pd.DataFrame({"label": given}, index=index, dtype=object)
    labels = labels.astype(object).reindex(index)
    if "source" not in labels.columns:
        labels["source"] = [None if name is None else "given" for name in texts(labels, "label")]
    for column in LABEL_COLUMNS:
        if column not in labels.columns:
            labels[column] = None
    return Inputs(
        dataset=dataset,
        labels=labels,
        signals=None if signals is None else signals.astype(object).reindex(index),
        summary=summary or {},
        predictions=predictions,
        queue=queue,
        rounds=list(rounds),
        events=events,
    )


def texts(frame: pd.DataFrame, column: str) -> list[str | None]:
    """One column as strings, None for missing values; all None when the column is not there."""
    if column not in frame.columns:
        return [None] * len(frame)
    values = frame[column].to_numpy(dtype=object)
    return [None if missing else str(value) for value, missing in zip(values, pd.isna(values), strict=True)]


def plain(value: Any) -> Any:
    """The same value in JSON's own types: NumPy becomes Python, keys become strings, NaN and infinity become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    return str(value)
