"""How far people agree with one another, and how good each one's answers are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.records import UNLABELED, InputError
from dqkit.rounds.classes import widened
from dqkit.store import gold
from dqkit.workbench.state import State

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far people agree, and how good each one's answers are.

    Attributes
    ----------
    kappa : float
        Fleiss' kappa over the samples that several people labelled; NaN without such samples. With two people on all
        of them it is about Cohen's.
    shared : int
        How many samples those are.
    pairs : DataFrame
        One row two people: shared, agree (share), kappa (Cohen's).
    classes : DataFrame
        One row a class: answers, kappa (this class against the rest).
    annotators : DataFrame
        One row a person: answers, agreement (with the consensus), quality (by `method`), known and known_right (answers
        to gold questions).
    method : str
        How the quality was found; see `dqkit.signals.consensus`.
    """

    kappa: float
    shared: int
    pairs: pd.DataFrame
    classes: pd.DataFrame
    annotators: pd.DataFrame
    method: str

    def __repr__(self) -> str:
        said = "not known yet" if np.isnan(self.kappa) else f"{self.kappa:.2f} ({in_words(self.kappa)})"
        return f"Agreement({len(self.annotators)} people, {self.shared:,} samples in common, kappa {said})"


def agreement(state: State) -> Agreement:
    """See `Workbench.agreement`."""
    votes, checked = state.store.human_votes(), gold.rows(state.store)
    state.labels()  # takes over classes that were added elsewhere
    ds = state.dataset
    people = sorted({*votes["annotator"], *checked["annotator"]})
    ids = list(dict.fromkeys(votes["sample_id"]))
    answers = np.full((len(ids), len(people)), UNLABELED, dtype=np.int64)
    code = {name: i for i, name in enumerate(ds.classes)}
    rows = votes["sample_id"].map({s: i for i, s in enumerate(ids)}).to_numpy(dtype=np.int64)
    columns = votes["annotator"].map({a: i for i, a in enumerate(people)}).to_numpy(dtype=np.int64)
    answers[rows, columns] = votes["label"].map(code).to_numpy(dtype=np.int64)
    probs = None
    if state.rounds and len(ids):
        predictions = widened(state.rounds[-1].predictions, ds.classes)
        at = ds.positions(ids)
        known = at < len(predictions.pred_probs)  # a sample that was added since has no prediction: any class may be it
        probs = np.full((len(ids), len(ds.classes)), 1 / len(ds.classes), dtype=np.float32)
        probs[known] = predictions.pred_probs[at[known]]
    quality, method = _quality(answers, probs, people, len(ds.classes))
    first = checked.drop_duplicates(["annotator", "sample_id"], keep="first")
    first = first[first["kind"] == "label"]
    right = (first["answer"] == first["expected"]).groupby(first["annotator"])
    quality["known"] = right.size().reindex(people).fillna(0).astype(int)
    quality["known_right"] = right.sum().reindex(people).fillna(0).astype(int)
    shared = (answers >= 0).sum(axis=1) > 1
    return Agreement(
        kappa=fleiss_kappa(answers, len(ds.classes)),
        shared=int(shared.sum()),
        pairs=_pairs(answers, people),
        classes=_by_class(answers, ds.classes),
        annotators=quality,
        method=method,
    )


def cohen_kappa(first: ArrayLike, second: ArrayLike) -> float:
    """Cohen's kappa of two people's labels.

    Parameters
    ----------
    first, second : array-like of int, shape (n,)
        Positions of classes, -1 = not answered.

    Returns
    -------
    float
        1 is full agreement, 0 what chance would give at their class frequencies. NaN without a row that both answered.
        1 where both only ever gave one and the same class.

    Raises
    ------
    InputError
        Where lengths differ.

    References
    ----------
    J. Cohen, 1960.

    Examples
    --------
    >>> round(cohen_kappa([0, 0, 1, 1], [0, 1, 1, 1]), 3)
    0.5
    """
    a, b = np.asarray(first), np.asarray(second)
    if a.shape != b.shape or a.ndim != 1:
        raise InputError(f"first and second must have the same shape (n,); got {a.shape} and {b.shape}.")
    both = (a >= 0) & (b >= 0)
    a, b = a[both], b[both]
    if not len(a):
        return float("nan")
    names = np.union1d(a, b)
    chance = sum(float((a == c).mean() * (b == c).mean()) for c in names)
    return 1.0 if chance >= 1 else float(((a == b).mean() - chance) / (1 - chance))


def fleiss_kappa(answers: ArrayLike, classes: int) -> float:
    """Fleiss' kappa over the rows with two answers or more.

    Parameters
    ----------
    answers : array-like of int, shape (n, people)
        Positions of classes, -1 = not answered.
    classes : int
        How many classes there are.

    Returns
    -------
    float
        NaN without a row that two people answered.

    Notes
    -----
    Rows may have different numbers of answers: each counts with its own share of agreeing pairs, and chance agreement
    comes from all their answers.

    References
    ----------
    J. L. Fleiss, 1971.

    Examples
    --------
    >>> round(fleiss_kappa([[0, 0], [0, 1], [1, 1], [1, 1]], 2), 3)
    0.467
    """
    given = np.asarray(answers)
    counts = np.stack([(given == c).sum(axis=1) for c in range(classes)], axis=1) if len(given) else np.zeros((0, 1))
    n = counts.sum(axis=1)
    counts, n = counts[n > 1], n[n > 1]
    if not len(n):
        return float("nan")
    observed = float(((counts * (counts - 1)).sum(axis=1) / (n * (n - 1))).mean())
    share = counts.sum(axis=0) / n.sum()
    chance = float((share**2).sum())
    return 1.0 if chance >= 1 else (observed - chance) / (1 - chance)


def in_words(kappa: float) -> str:
    """Landis & Koch's (1977) word for a kappa."""
    words = ((0.0, "no"), (0.2, "slight"), (0.4, "fair"), (0.6, "moderate"), (0.8, "substantial"))
    return next((word for bound, word in words if kappa <= bound), "almost perfect")


def _quality(
    answers: Ints, probs: NDArray[Any] | None, people: Sequence[str], classes: int
) -> tuple[pd.DataFrame, str]:
    from dqkit.signals.annotators import consensus

    index: pd.Index[Any] = pd.Series(list(people), name="annotator", dtype=object).pipe(pd.Index)
    if not answers.size or not (answers >= 0).any():
        return pd.DataFrame({"answers": 0, "agreement": np.nan, "quality": np.nan}, index=index), "none"
    found = consensus(answers, probs, classes=classes)
    table = found.annotators.set_index(index)[["answers", "agreement", "quality"]]
    return table, found.method


def _pairs(answers: Ints, people: Sequence[str]) -> pd.DataFrame:
    rows = []
    for i, j in itertools.combinations(range(len(people)), 2):
        a, b = answers[:, i], answers[:, j]
        both = (a >= 0) & (b >= 0)
        if both.any():
            agree = float((a[both] == b[both]).mean())
            rows.append((people[i], people[j], int(both.sum()), agree, cohen_kappa(a, b)))
    return pd.DataFrame(rows, columns=["first", "second", "shared", "agree", "kappa"])


def _by_class(answers: Ints, classes: Sequence[str]) -> pd.DataFrame:
    given = [c for c in range(len(classes)) if (answers == c).any()]
    rest = [np.where(answers < 0, UNLABELED, (answers == c).astype(np.int64)) for c in given]
    return pd.DataFrame(
        {
            "answers": [int((answers == c).sum()) for c in given],
            "kappa": [fleiss_kappa(binary, 2) if (binary == 1).any() else float("nan") for binary in rest],
        },
        index=pd.Index([classes[c] for c in given], name="class", dtype=object),
    )
