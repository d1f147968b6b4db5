"""Several annotators' labels: the consensus, how good each annotator is, and how sure each sample's label is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import as_array, as_probabilities, whole_number, whole_numbers
from dqkit.records import UNLABELED, InputError
from dqkit.signals.dawid_skene import dawid_skene, enough_answers

MOST_CLASSES = 1_000_000
MOST_CELLS = 500_000_000


@dataclass(frozen=True, eq=False)
class Consensus:
    """Consensus labels, and how good each annotator is.

    Attributes
    ----------
    samples : DataFrame
        Rows 0 to n - 1. consensus_label: int, -1 where nobody answered. agreement: the share of the answers equal to
        it. score: higher = look sooner, one minus the label's CROWDLAB quality, its probability or the agreement.
        answers: int.
    annotators : DataFrame
        One row an annotator. quality: the expected share of right answers, or the agreement with the consensus where a
        majority decided. agreement, answers.
    method : str
        "CROWDLAB (cleanlab)", "Dawid-Skene" or "majority vote".
    """

    samples: pd.DataFrame
    annotators: pd.DataFrame
    method: str


def consensus(answers: ArrayLike, pred_probs: ArrayLike | None = None, *, classes: int | None = None) -> Consensus:
    """Estimate the true labels from the answers of several annotators.

    Parameters
    ----------
    answers : array-like of int, shape (n, annotators)
        Positions of classes, -1 or missing = not answered.
    pred_probs : array-like, shape (n, c), optional
        Out-of-sample probabilities of a model, which then counts beside the annotators.
    classes : int, optional
        How many classes there are, where `pred_probs` is not given.

    Returns
    -------
    Consensus
        One row a sample, and one row an annotator.

    Raises
    ------
    InputError
        On bad shapes or labels.

    Notes
    -----
    With `pred_probs`, CROWDLAB weighs the model and each annotator. Without, annotators are weighed by their confusions
    (Dawid & Skene) where there are at least 4 answers a sample and 10 an annotator on average. With fewer, the majority
    decides; ties go to the class answered more often in all, then to the lower one.

    References
    ----------
    H. W. Goh, U. Tkachenko & J. Mueller, 2022 (CROWDLAB). A. P. Dawid & A. M. Skene, 1979.

    Examples
    --------
    >>> consensus([[0, 0, 1], [1, 1, 1], [0, -1, -1]]).samples["consensus_label"].tolist()
    [0, 1, 0]
    """
    given = _answers(answers)
    if classes is not None:
        classes = whole_number("classes", classes, least=1, most=MOST_CLASSES)
    c = classes if classes is not None else max(int(given.max()) + 1, 2)
    probs = None
    if pred_probs is not None:
        probs = as_probabilities("pred_probs", pred_probs, n=len(given), least_classes=2).astype(np.float64)
        c = probs.shape[1]
    if given.min() < UNLABELED or given.max() >= c:
        raise InputError(f"answers must be -1 (not answered) to {c - 1}; got {int(given.min())} to {int(given.max())}.")
    if len(given) * c > MOST_CELLS:
        raise InputError(f"answers of {len(given):,} rows and {c:,} classes are too many; number the classes from 0.")
    answered = given >= 0
    rows, columns = np.flatnonzero(answered.any(axis=1)), np.flatnonzero(answered.any(axis=0))
    label = _majority(given, c)
    quality = np.full(len(given), np.nan)
    skill: NDArray[np.float64] | None = None
    method = "majority vote"
    several = bool((answered.sum(axis=1) > 1).any())
    if probs is not None and several:
        label, quality, skill = _crowdlab(given, probs, rows, columns, label)
        method = "CROWDLAB (cleanlab)"
    elif probs is None and enough_answers(given):
        label, quality, skill = _weighed(given, rows, columns, c)
        method = "Dawid-Skene"
    hits = (given == label[:, None]) & answered
    count = answered.sum(axis=1)
    agreement = np.where(count > 0, hits.sum(axis=1) / np.maximum(count, 1), np.nan)
    share = hits.sum(axis=0) / np.maximum(answered.sum(axis=0), 1)
    own = np.where(np.isnan(quality), agreement, quality)
    samples = pd.DataFrame(
        {
            "consensus_label": label,
            "agreement": agreement,
            "score": np.where(count > 0, np.clip(1 - own, 0, 1), 0.0),
            "answers": count.astype(np.int64),
        }
    )
    people = pd.DataFrame(
        {
            "quality": share if skill is None else skill,
            "agreement": np.where(answered.any(axis=0), share, np.nan),
            "answers": answered.sum(axis=0).astype(np.int64),
        }
    )
    return Consensus(samples, people, method)


def _answers(answers: ArrayLike) -> NDArray[np.int64]:
    """(n, annotators) with -1 for what is missing in any spelling of pandas."""
    array = as_array("answers", answers, shape="(n, annotators), whole numbers")
    if array.ndim != 2 or array.size == 0:
        raise InputError(f"answers must be whole numbers of shape (n, annotators); got {array.dtype} {array.shape}.")
    if array.dtype.kind in "fO":
        missing = np.asarray(pd.isna(array), dtype=bool)
        filled = array.astype(object)
        filled[missing] = UNLABELED
        array = filled
    return whole_numbers("answers", array, shape="(n, annotators)", ndim=2, least=UNLABELED)


def _majority(given: NDArray[np.int64], c: int) -> NDArray[np.int64]:
    counts = np.zeros((len(given), c))
    rows, columns = np.nonzero(given >= 0)
    np.add.at(counts, (rows, given[rows, columns]), 1.0)
    overall = counts.sum(axis=0) / max(float(counts.sum()), 1.0)
    label: NDArray[np.int64] = (counts + 0.5 * overall).argmax(axis=1).astype(np.int64)
    label[counts.sum(axis=1) == 0] = UNLABELED
    return label


def _weighed(
    given: NDArray[np.int64], rows: NDArray[np.intp], columns: NDArray[np.intp], c: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    truth, confusion = dawid_skene(given[np.ix_(rows, columns)], c)
    label = np.full(len(given), UNLABELED, dtype=np.int64)
    quality, skill = np.full(len(given), np.nan), np.full(given.shape[1], np.nan)
    label[rows] = truth.argmax(axis=1)
    quality[rows] = truth.max(axis=1)
    skill[columns] = np.einsum("kcc,c->k", confusion, truth.mean(axis=0))
    return label, quality, skill


def _crowdlab(
    given: NDArray[np.int64],
    probs: NDArray[np.float64],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    label: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    from cleanlab.multiannotator import get_label_quality_multiannotator

    table = pd.DataFrame(given[np.ix_(rows, columns)].astype(float)).replace(-1.0, np.nan)
    found = get_label_quality_multiannotator(table, probs[rows], verbose=False)
    label = label.copy()
    quality = np.full(len(given), np.nan)
    label[rows] = found["label_quality"]["consensus_label"].to_numpy()
    quality[rows] = found["label_quality"]["consensus_quality_score"].to_numpy()
    skill = np.full(given.shape[1], np.nan)
    stats = found["annotator_stats"]["annotator_quality"]
    skill[columns[stats.index.to_numpy().astype(int)]] = stats.to_numpy()
    return label, quality, skill
