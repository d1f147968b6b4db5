"""Samples with identical content: which there are, and what is certain where their labels differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.records import Dataset

BY_CHANCE = 0.05  # so many pairs of equal rows may be expected by chance, where equal rows are taken for copies
RATES = (0.01, 0.5)  # bounds of the error rate that the labels of copies are weighed with


def copies(dataset: Dataset, first: NDArray[np.int64]) -> NDArray[np.object_]:
    """Name the group of every sample that has copies.

    Parameters
    ----------
    dataset : Dataset
        The samples.
    first : ndarray of int, shape (n,)
        From `dqkit.near_copies.identical_content`.

    Returns
    -------
    ndarray of object, shape (n,)
        The id of the first sample of the group; "" for a sample without a copy. Equal rows of a table are copies only
        where fewer than one such pair in twenty tables would be expected by chance, were the columns independent: two
        people of the same age and sex are two people.
    """
    out = np.full(len(first), "", dtype=object)
    several = np.bincount(first, minlength=len(first))[first] > 1 if len(first) else np.zeros(0, dtype=bool)
    if not several.any() or (dataset.modality == "table" and expected_pairs(dataset.content) > BY_CHANCE):
        return out
    out[several] = np.asarray(dataset.ids, dtype=object)[first[several]]
    return out


def expected_pairs(table: pd.DataFrame) -> float:
    """Pairs of equal rows to expect if every column were dealt to the rows at random.

    >>> expected_pairs(pd.DataFrame({"sex": list("mfmf"), "ward": [1, 1, 2, 2]}))  # 6 pairs; a quarter of them equal
    1.5
    """
    n = len(table)
    chance = 1.0
    for name in table.columns:
        counts = table[name].astype(str).value_counts(dropna=False).to_numpy(float)
        chance *= float((counts**2).sum()) / n**2 if n else 1.0
    return chance * n * (n - 1) / 2


def true_label_of_copies(labels: NDArray[np.int64], probs: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """P(class) of the one true label of some copies, from their labels and what a model says of their content.

    Parameters
    ----------
    labels : ndarray of int, shape (k,)
        The labels of the copies that have one.
    probs : ndarray, shape (c,)
        The model's probabilities of the content.
    rate : float
        How often a label is wrong; a wrong one is any other class.

    Returns
    -------
    ndarray, shape (c,)
        Where labels differ, the probabilities that each is wrong add up to 1 or more, whatever the model says.

    Examples
    --------
    >>> true_label_of_copies(np.array([0, 1, 1]), np.array([0.5, 0.5]), 0.1).round(2).tolist()
    [0.1, 0.9]
    """
    c = len(probs)
    rate = float(np.clip(rate, *RATES))
    right, other = np.log1p(-rate), np.log(rate / max(c - 1, 1))
    logs = np.log(np.maximum(probs, 1e-4)) + len(labels) * other
    logs += np.bincount(labels, minlength=c) * (right - other)
    weight = np.exp(logs - logs.max())
    return np.asarray(weight / weight.sum())


def settle_copies(
    table: pd.DataFrame,
    labels: NDArray[np.int64],
    probs: NDArray[np.floating] | None,
    classes: Sequence[str],
    rate: float,
) -> pd.DataFrame:
    """The table of signals with what is certain about copies whose labels differ written in.

    Parameters
    ----------
    table : DataFrame
        By sample id: copy_of and the columns about labels; see `dqkit.signals.signal_table`.
    labels : ndarray of int, shape (n,)
        -1 = no label.
    probs : ndarray, shape (n, c), or None
        Out-of-sample probabilities; None without a model.
    classes : sequence of str
        Their names.
    rate : float
        The estimated rate of wrong labels.

    Returns
    -------
    DataFrame
        label_score and error_probability add up to 1 or more over the copies.
    """
    group = pd.factorize(table["copy_of"].where(table["copy_of"] != ""))[0]
    rows = np.flatnonzero((group >= 0) & (labels >= 0))
    kinds = pd.Series(labels[rows]).groupby(group[rows]).nunique()
    if not (kinds > 1).any():
        return table
    out = table.copy()
    for number in kinds.index[kinds > 1]:
        members = rows[group[rows] == number]
        content = np.full(len(classes), 1 / len(classes)) if probs is None else probs[group == number].mean(axis=0)
        truth = true_label_of_copies(labels[members], np.asarray(content, dtype=np.float64), rate)
        best = int(truth.argmax())
        for row in members:
            wrong = float(1 - truth[labels[row]])
            name = table.index[row]
            others = ", ".join(f"{table.index[o]!s} ({classes[labels[o]]})" for o in members if o != row)
            said = f"identical to {others}: one of the labels is wrong"
            before = str(table.at[name, "reasons"])
            changes: dict[str, Any] = {
                "label_score": wrong,
                "error_probability": wrong,
                "label_flag": wrong > 0.5,
                "suggested_label": classes[best],
                "label_kind": "mislabelled" if wrong > 0.5 else "",
                "reasons": f"{said}; {before}" if before else said,
            }
            for column, value in changes.items():
                out.at[name, column] = value
    return out
