"""What a round is computed from: the dataset and every label, read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.checks import takes
from dqkit.records import UNLABELED, Dataset, arguments
from dqkit.signals import AuditSample
from dqkit.signals.label_noise.taught import Reviewed

LABEL_COLUMNS = ("label", "source", "annotator", "at", "round")
VOTE_COLUMNS = ("sample_id", "annotator", "label")
REVIEW_COLUMNS = ("sample_id", "round", "action", "detector", "score", "wrong", "at_random")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A dataset and what people and labelling functions have said of it, at one moment.

    Parameters
    ----------
    given : Dataset
        The dataset under the labels it came with.
    labels : DataFrame
        By sample id, in the order of the dataset: label (class name or None), source ("human", "fiftyone", "given",
        "weak" or None), annotator, at, round; see `Workbench.labels`.
    votes : DataFrame
        Each person's newest live label per sample: sample_id, annotator, label.
    answers : Series
        By sample id: how many live answers of people agree with the newest one.
    reviews : DataFrame
        What became of the rows that people looked at; see `Workbench.reviews`.
    put_aside : tuple of str
        Ids that the next queue leaves out: flagged samples, and those skipped since the round before.
    sample : AuditSample
        The answers to the random audit samples of the rounds before.
    """

    given: Dataset
    labels: pd.DataFrame
    votes: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(VOTE_COLUMNS)))
    answers: pd.Series = field(default_factory=lambda: pd.Series(dtype=int))
    reviews: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(REVIEW_COLUMNS)))
    put_aside: tuple[str, ...] = ()
    sample: AuditSample = field(default_factory=AuditSample)

    @classmethod
    @takes(dataset=arguments.dataset)
    def of(cls, dataset: Dataset) -> Snapshot:
        """Return the snapshot of a dataset about which nobody has said anything yet.

        Parameters
        ----------
        dataset : Dataset
            The samples, under their given labels.

        Returns
        -------
        Snapshot
        """
        nobody = pd.DataFrame(columns=["sample_id", "label", "annotator", "at", "round", "source"])
        return cls(given=dataset, labels=current_labels(dataset, nobody, nobody))

    @cached_property
    def audited(self) -> Dataset:
        """The dataset under its current labels of people, else given ones; weak labels are no labels here."""
        label = self.labels["label"].where(self.labels["source"] != "weak", None)
        return under_labels(self.given, label)

    @cached_property
    def training(self) -> Dataset:
        """The dataset under its current labels, weak ones where nothing better is known."""
        return under_labels(self.given, self.labels["label"])

    @property
    def in_play(self) -> NDArray[np.bool_]:
        """(n,) True for samples that are neither held out nor broken."""
        return np.asarray(~self.given.is_test & self.given.is_usable)

    @property
    def source(self) -> pd.Series:
        """Where each label is from, "none" for a sample without one; a weak label is a guess, hence none."""
        known = self.labels["source"].notna() & (self.labels["source"] != "weak")
        return self.labels["source"].where(known, "none")

    @property
    def unseen(self) -> NDArray[np.bool_]:
        """(n,) True for samples in play whose given label nobody has looked at."""
        return self.in_play & (self.source == "given").to_numpy()

    def reviewed(self) -> tuple[Reviewed, pd.Index]:
        """Return the given labels that people have looked at, and where they stand in `reviews`.

        Returns
        -------
        Reviewed
            What teaches the judge of label errors.
        Index
            Of the rows of `reviews`, in the same order.
        """
        at = self.given.positions(self.reviews["sample_id"])
        labels = self.given.labels[at]
        use = (self.reviews["action"] == "relabel").to_numpy() & (labels != UNLABELED) & self.in_play[at]
        wrong, drawn = (self.reviews[name].to_numpy(bool)[use] for name in ("wrong", "at_random"))
        return Reviewed(at[use], labels[use], wrong, drawn), self.reviews.index[use]

    def status(self) -> pd.DataFrame:
        """Return what `dqkit.acquisition.build_queue` wants to know of every sample.

        Returns
        -------
        DataFrame
            Indexed by sample id: source of the label, annotators (how many), answers (how many agree), disputed.
        """
        votes = self.votes.groupby("sample_id")
        status = pd.DataFrame({"source": self.source}, index=self.labels.index)
        status["annotators"] = votes["annotator"].nunique().reindex(status.index).fillna(0).astype(int)
        status["answers"] = self.answers.reindex(status.index).fillna(0).astype(int)
        status["disputed"] = (votes["label"].nunique() > 1).reindex(status.index).eq(True)
        return status


def current_labels(dataset: Dataset, weak: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """The table of labels: a person's newest decision, else the given label, else the weak one, else None.

    Parameters
    ----------
    dataset : Dataset
        Under its given labels.
    weak, people : DataFrame
        The newest live event of labelling functions and of people per sample, with the columns sample_id, label,
        source, annotator, at, round.
    """
    names = np.array([*dataset.classes, None], dtype=object)
    columns: dict[str, Any] = {
        "label": names[dataset.labels],
        "source": np.array([None, "given"], dtype=object)[dataset.is_labeled.astype(int)],
        "annotator": np.full(len(dataset), None, dtype=object),
        "at": np.full(len(dataset), None, dtype=object),
        "round": np.zeros(len(dataset), dtype=np.int64),
    }
    weak = weak[dataset.labels[dataset.positions(weak["sample_id"])] == UNLABELED]
    for rows in (weak, people):
        at = dataset.positions(rows["sample_id"])
        for column, values in columns.items():
            values[at] = rows[column].to_numpy(dtype=values.dtype)
    index = pd.Index(dataset.ids, name="sample_id")
    # Objects, so that a missing value stays None and pandas does not turn it into NaN.
    return pd.DataFrame({k: pd.Series(v, index=index, dtype=v.dtype) for k, v in columns.items()})


def under_labels(dataset: Dataset, label: pd.Series) -> Dataset:
    """The dataset with these class names, None for unlabelled, as its labels."""
    codes = label.map({name: i for i, name in enumerate(dataset.classes)})
    return dataset.with_labels(codes.fillna(UNLABELED).to_numpy(dtype=np.int64))
