"""How evenly the classes are filled, and which of them are confused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dqkit.checks import as_labels, distinct_names, number, whole_number
from dqkit.records import InputError
from dqkit.signals.labels import wilson_interval

MOST_CLASSES = 1_000_000
MOST_COMPARED = 20_000  # the matrix of given and predicted classes takes 3 GB at that


@dataclass(frozen=True, eq=False, repr=False)
class Balance:
    """Class counts, and per-class errors where a second opinion on the labels was given.

    Attributes
    ----------
    table : DataFrame
        Indexed by class. count, share. effective_number: what `count` samples are worth when each new one repeats an
        earlier one ever more often. weight: 1 / effective_number, mean 1 over the classes present, 0 for an empty
        class. rare: bool. With `predicted` also errors, error_rate, error_low and error_high: a 95 % Wilson interval;
        (0, 1) for an empty class, whose rate is 0.
    rare_below : float
        The count below which a class is rare.
    imbalance_ratio : float
        Largest count / smallest non-zero count.
    effective_classes : float
        exp(entropy of the shares), at most c.
    labeled, unlabeled : int
        How many samples.
    empty : tuple of str
        Names of the classes without a sample.
    confused_pairs : DataFrame
        given, predicted, count, share (of the given class), most common first; empty without `predicted`.
    """

    table: pd.DataFrame
    rare_below: float
    imbalance_ratio: float
    effective_classes: float
    labeled: int
    unlabeled: int
    empty: tuple[str, ...]
    confused_pairs: pd.DataFrame

    def __repr__(self) -> str:
        return (
            f"Balance({self.labeled:,} labelled, {len(self.table)} classes, imbalance {self.imbalance_ratio:.2f}, "
            f"{int(self.table['rare'].sum())} rare)"
        )


def class_balance(
    labels: ArrayLike,
    classes: Sequence[str] | int,
    *,
    predicted: ArrayLike | None = None,
    beta: float = 0.999,
    rare_below: float = 0.1,
) -> Balance:
    """Measure how the labelled samples are spread over the classes.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
        -1 = unlabelled.
    classes : sequence of str, or int
        The class names, or how many there are.
    predicted : array-like of int, shape (n,), optional
        A second opinion, such as out-of-sample predictions or suggested labels; -1 = none. A labelled sample counts as
        an error where it differs.
    beta : float
        In [0, 1): the overlap of samples in the effective number (1 - beta ** count) / (1 - beta).
    rare_below : float
        A class is rare below this share of the mean count, as in Datalab; one without a sample is empty instead.

    Returns
    -------
    Balance

    Raises
    ------
    InputError
        On a label out of range or arrays of unequal length.

    References
    ----------
    Y. Cui et al., 2019 (effective number of samples).

    Examples
    --------
    >>> class_balance([0, 0, 0, 1], ["cat", "dog"]).imbalance_ratio
    3.0
    """
    if isinstance(classes, int | np.integer):
        names = [str(i) for i in range(whole_number("classes", classes, least=1, most=MOST_CLASSES))]
    else:
        names = [str(name) for name in distinct_names("classes", classes)]
    c = len(names)
    if c == 0 or len(set(names)) != c:
        raise InputError(f"classes must be at least one distinct name; got {names[:5]}.")
    beta = number("beta", beta, least=0, below=1)
    rare_below = number("rare_below", rare_below, least=0)
    given = as_labels(labels, classes=c)
    labeled = given >= 0
    count = np.bincount(given[labeled], minlength=c)
    total = int(count.sum())
    share = count / max(total, 1)
    effective = (1 - beta**count) / (1 - beta)
    weight = np.divide(1.0, effective, out=np.zeros(c), where=count > 0)
    weight = weight / weight[count > 0].mean() if total else weight
    table = pd.DataFrame(
        {
            "count": count,
            "share": share,
            "effective_number": effective,
            "weight": weight,
            "rare": (count > 0) & (count < rare_below * total / c),
        },
        index=pd.Index(names, name="class"),
    )
    pairs = pd.DataFrame({"given": [], "predicted": [], "count": [], "share": []})
    if predicted is not None:
        other = as_labels(predicted, classes=c, n=len(given))
        judged = labeled & (other >= 0)
        if c > MOST_COMPARED:
            raise InputError(f"predicted can be compared for at most {MOST_COMPARED:,} classes; got {c:,}.")
        matrix = np.bincount(given[judged] * c + other[judged], minlength=c * c).reshape(c, c)
        errors = matrix.sum(axis=1) - np.diag(matrix)
        low, high = wilson_interval(errors, matrix.sum(axis=1))
        table["errors"] = errors
        table["error_rate"] = errors / np.maximum(matrix.sum(axis=1), 1)
        table["error_low"], table["error_high"] = low, high
        pairs = _confused_pairs(matrix, names)
    positive = share[share > 0]
    return Balance(
        table=table,
        rare_below=rare_below * total / c,
        imbalance_ratio=float(count.max() / count[count > 0].min()) if total else 1.0,
        effective_classes=float(np.exp(-(positive * np.log(positive)).sum())) if total else 0.0,
        labeled=total,
        unlabeled=int(len(given) - total),
        empty=tuple(name for name, k in zip(names, count, strict=True) if k == 0),
        confused_pairs=pairs,
    )


def _confused_pairs(matrix: np.ndarray[tuple[int, int], np.dtype[np.int64]], names: Sequence[str]) -> pd.DataFrame:
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    given, other = np.nonzero(off)
    order = np.lexsort((other, given, -off[given, other]))
    given, other = given[order], other[order]
    return pd.DataFrame(
        {
            "given": [names[int(i)] for i in given],
            "predicted": [names[int(i)] for i in other],
            "count": off[given, other],
            "share": off[given, other] / np.maximum(matrix.sum(axis=1)[given], 1),
        }
    )
