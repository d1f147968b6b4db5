"""Why a label looks wrong, in plain words, and what kind of trouble it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.label_noise.noise_model import Floats, Ints

NEARLY_EQUAL = 0.5  # the weaker of two classes has at least this share of the stronger one's probability
SUPPORT = 0.7  # share of neighbours, or of members, that speak for a label


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of each row; arrays have n rows.

    probs: (n, c) P(given | x). clean_given, clean_top: P(true | x) of the given and the suggested class. votes:
    (members, n). neighbor_labels: (n, k), -1 = none. history: name -> (n,) or (n, epochs).
    """

    given: Ints
    probs: Floats
    clean_given: Floats
    clean_top: Floats
    suggested: Ints
    votes: NDArray[np.int32]
    neighbor_labels: Ints | None
    outlier: NDArray[np.bool_] | None
    history: Mapping[str, NDArray[Any]]


def kinds(evidence: Evidence, flag: NDArray[np.bool_]) -> NDArray[np.object_]:
    """(n,) the kind of each row: the first that holds, "" for a row that nothing speaks against.

    outlier: flagged, and far from its neighbours. hard_but_correct: the plain prediction differs from the label, yet
    the label stands (not flagged), or at least 70 % of the neighbours carry it. ambiguous: flagged, and the given
    class has at least half the probability of the suggested one. mislabelled: flagged, and none of these.
    """
    given = evidence.given
    out = np.full(len(given), "", dtype=object)
    differs = (given >= 0) & (evidence.probs.argmax(axis=1) != given)
    out[differs & ~flag] = "hard_but_correct"
    out[flag] = "mislabelled"
    out[flag & (evidence.clean_given >= NEARLY_EQUAL * evidence.clean_top)] = "ambiguous"
    if evidence.neighbor_labels is not None:
        around = evidence.neighbor_labels
        labeled = (around >= 0).sum(axis=1)
        own = ((around == given[:, None]) & (around >= 0)).sum(axis=1)
        out[flag & (labeled > 0) & (own >= SUPPORT * labeled)] = "hard_but_correct"
    if evidence.outlier is not None:
        out[flag & evidence.outlier] = "outlier"
    return out


def reasons(evidence: Evidence, rows: NDArray[np.intp]) -> NDArray[np.object_]:
    """(n,) plain words joined by "; ", for the given rows; "" elsewhere."""
    out = np.full(len(evidence.given), "", dtype=object)
    if len(rows) == 0:
        return out
    given, suggested = evidence.given[rows], evidence.suggested[rows]
    probs = evidence.probs[rows]
    at = np.arange(len(rows))
    top = probs.argmax(axis=1)
    own, first = probs[at, given], probs[at, top]
    votes = evidence.votes[:, rows]
    against = (votes != given).sum(axis=0)
    thresholds = _class_thresholds(evidence)
    two = np.partition(probs, -2, axis=1)[:, -2:]
    equal = two[:, 0] >= NEARLY_EQUAL * two[:, 1]
    split = (votes != votes[0]).any(axis=0)
    m = len(votes)
    members = f"of {m} members" if m > 1 else "of 1 member"
    around = None if evidence.neighbor_labels is None else evidence.neighbor_labels[rows]
    for i, row in enumerate(rows):
        words = []
        if top[i] != given[i]:
            words.append(f"prediction differs from the label with p = {first[i]:.2f} by {against[i]} {members}")
        elif suggested[i] != given[i]:
            words.append("another class is more probable once the usual label noise is taken out")
        if own[i] < thresholds[given[i]]:
            words.append(
                f"probability of the given label {own[i]:.2f} is below its class threshold {thresholds[given[i]]:.2f}"
            )
        if around is not None:
            labeled = int((around[i] >= 0).sum())
            other = int(((around[i] != given[i]) & (around[i] >= 0)).sum())
            if labeled and 2 * other > labeled:
                words.append(f"{other} of {labeled} neighbours carry another label")
        if split[i]:
            words.append("members disagree")
        if equal[i]:
            words.append("the top probabilities are nearly equal")
        words += _history_words(evidence.history, int(row))
        out[row] = "; ".join(words)
    return out


def _class_thresholds(evidence: Evidence) -> NDArray[np.float64]:
    """Mean probability of the given label by class (confident learning's threshold); 0 for a class without labels."""
    known = np.flatnonzero(evidence.given >= 0)
    labels = evidence.given[known]
    c = evidence.probs.shape[1]
    total = np.bincount(labels, weights=evidence.probs[known, labels].astype(np.float64), minlength=c)
    return np.asarray(total / np.maximum(np.bincount(labels, minlength=c), 1))


def _history_words(history: Mapping[str, NDArray[Any]], row: int) -> list[str]:
    words = []
    for name, values in history.items():
        value = values[row]
        if values.dtype.kind == "b" and values.ndim == 2:
            wrong = int(value.size - value.sum()) if "correct" in name else int(value.sum())
            if 2 * wrong > value.size:
                words.append(f"wrong in {wrong} of {value.size} epochs")
            elif wrong:
                words.append(f"epochs disagree: wrong in {wrong} of {value.size}")
        elif "margin" in name and float(np.mean(value)) < 0:
            words.append(f"mean margin over the epochs is {float(np.mean(value)):.2f}")
        elif "wrong" in name and values.ndim == 1 and float(value) > 0:
            # Whole numbers are counts; floats that never pass one are shares of the epochs.
            if values.dtype.kind in "iub" or float(np.nanmax(values)) > 1:
                words.append(f"wrong in {float(value):g} epoch{'s' if value != 1 else ''}")
            elif value == 1:
                words.append("wrong in every epoch")
            else:
                words.append(f"wrong in {100 * float(value):.0f} % of the epochs")
    return words
