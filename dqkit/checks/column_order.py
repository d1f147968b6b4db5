"""Probabilities whose columns stand in another order than the classes, seen by how the labels agree with them.

The label x most-probable-class counts are compared under the given order and under the best other one (Hungarian
assignment). An order fitted to noise always looks better than the given one, so the rows are cut into halves: the
other order is found on one half and judged on the other. There, among the rows where exactly one of the two orders
gives the label, the other order must win more than two times in three (an exact one-sided binomial test). A model that
predicts the given label out of sample loses such a contest whatever the noise; a model of the true label loses it up
to pair flips of two labels in three, beyond which nothing tells flipped labels from exchanged columns.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqkit.errors import InputError

SIGNIFICANT = 5.0  # standard errors below chance
FAR_BELOW = 0.5  # of the agreement by chance, or of the agreement under the other order
WINS = 2 / 3
LEVEL = 1e-4
MOST_CLASSES = 1_000  # the assignment takes seconds beyond; then the agreement by chance alone decides


class SwappedColumns(InputError):
    """Labels and predictions agree far less than they would under another order of the columns."""


@dataclass(frozen=True, eq=False)
class ColumnOrder:
    """other: (c,) the class that each column seems to mean. name: what that order is called.

    agreement, other_agreement: share of rows whose most probable class is the label, under the given and the other
    order. moved: how many columns it moves. p_value: of the test."""

    other: NDArray[np.int64]
    name: str
    agreement: float
    other_agreement: float
    moved: int
    p_value: float

    @property
    def is_wrong(self) -> bool:
        """Whether the other order is significantly better."""
        return self.p_value < LEVEL


def check_column_order(
    predicted: NDArray[np.integer], given: NDArray[np.int64], c: int, *, stacklevel: int = 4
) -> None:
    """Raise `SwappedColumns` where the columns seem to mean other classes, warn where some of them do.

    predicted, given: (k,) most probable class and label of the labelled rows. Raised: the agreement is less than half
    of that under another order, or than half of the agreement by chance. Warned of: another order is better for some
    classes, or the agreement lies significantly below chance.
    """
    k = len(given)
    if k == 0 or c < 2:
        return
    agree = float((predicted == given).mean())
    if c <= MOST_CLASSES:
        counts = np.bincount(given * c + predicted.astype(np.int64), minlength=c * c).reshape(c, c)
        found = column_order(counts)
        if found.is_wrong:
            whole = found.agreement < FAR_BELOW * found.other_agreement
            _tell(_words(found), raised=whole, stacklevel=stacklevel + 1)
            return
    chance = float((np.bincount(predicted, minlength=c) / k) @ (np.bincount(given, minlength=c) / k))
    if chance - agree <= SIGNIFICANT * np.sqrt(chance * (1 - chance) / k):
        return
    told = (
        f"the columns of pred_probs must be in the order of the classes; the most probable class equals the given "
        f"label in {agree:.1%} of the rows, where chance alone gives {chance:.1%}"
    )
    _tell(told, raised=agree < FAR_BELOW * chance, stacklevel=stacklevel + 1)


def column_order(counts: NDArray[np.integer]) -> ColumnOrder:
    """The best other order of the columns and how sure it is; counts: (c, c) label x most probable class."""
    c = len(counts)
    # Halves of the counts and not of the rows, so that the order of the rows has no part in it.
    half = np.random.default_rng(0).binomial(counts, 0.5)
    halves = (half, counts - half)
    best = _assigned(counts)
    wins = losses = 0
    fixed_p = 1.0
    for fit, judge in (halves, halves[::-1]):
        other = _assigned(fit)
        won, lost = _contest(judge, other, np.arange(c))
        wins, losses = wins + won, losses + lost
        # A few exchanged columns among many show in their own cycle of the assignment.
        cycles = _cycles(other)
        for cycle in cycles:
            fixed_p = min(fixed_p, _binomial_tail(*_contest(judge, other, cycle)) * 2 * len(cycles))
    total = max(int(counts.sum()), 1)
    return ColumnOrder(
        other=best,
        name=_order_name(best, counts),
        agreement=float(np.trace(counts)) / total,
        other_agreement=float(counts[best, np.arange(c)].sum()) / total,
        moved=int((best != np.arange(c)).sum()),
        p_value=min(_binomial_tail(wins, losses), fixed_p),
    )


def _assigned(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """(c,) the label of each column under which most rows agree; a column stays where nothing is gained by moving."""
    from scipy.optimize import linear_sum_assignment

    gain = counts + 1e-6 * np.eye(len(counts))
    label, column = linear_sum_assignment(gain, maximize=True)
    out = np.empty(len(counts), dtype=np.int64)
    out[column] = label
    return out


def _contest(counts: NDArray[np.integer], other: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[int, int]:
    """Rows that only the other order gets right, and rows that only the given one does, among the moved columns."""
    moved = columns[other[columns] != columns]
    return int(counts[other[moved], moved].sum()), int(counts[moved, moved].sum())


def _cycles(order: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    seen: set[int] = set()
    out = []
    for start in np.flatnonzero(order != np.arange(len(order))).tolist():
        cycle = []
        at = start
        while at not in seen:
            seen.add(at)
            cycle.append(at)
            at = int(order[at])
        if cycle:
            out.append(np.array(cycle, dtype=np.int64))
    return out


def _binomial_tail(wins: int, losses: int) -> float:
    """P(at least so many wins) where each contest is won with probability 2 / 3."""
    from scipy.stats import binom

    return float(binom.sf(wins - 1, wins + losses, WINS)) if wins else 1.0


def _order_name(order: NDArray[np.int64], counts: NDArray[np.integer]) -> str:
    """What the order is called, judged on the columns that any row chose."""
    c = len(order)
    used = counts.sum(axis=0) > 0
    known = {
        "reversed": np.arange(c)[::-1],
        "shifted by one, as where classes are counted from 1": np.roll(np.arange(c), 1),
        "shifted by one the other way": np.roll(np.arange(c), -1),
    }
    for first in (0, 1):
        text = sorted(range(c), key=lambda k: str(k + first))
        said = ", ".join(str(k + first) for k in text[: min(c, 5)])
        known[f"sorted as text ({said}{', ...' if c > 5 else ''})"] = np.array(text)
    for name, places in known.items():
        if (places != np.arange(c)).any() and (order[used] == places[used]).all():
            return name
    return "in another order"


def _words(found: ColumnOrder) -> str:
    c = len(found.other)
    moved = np.flatnonzero(found.other != np.arange(c))
    pairs = ", ".join(f"column {at} as class {found.other[at]}" for at in moved[:4])
    return (
        f"the columns of pred_probs must be in the order of the classes; they seem to be {found.name}: the most "
        f"probable class equals the given label in {found.agreement:.1%} of the rows, and in "
        f"{found.other_agreement:.1%} once {found.moved} of {c} columns are read as other classes ({pairs}"
        f"{', ...' if found.moved > 4 else ''})"
    )


def _tell(told: str, *, raised: bool, stacklevel: int) -> None:
    if raised:
        raise SwappedColumns(
            f"{told}. Put the columns into the order of the classes (scikit-learn's is `classes_`), or pass a "
            "DataFrame whose columns are the classes. If they are in order, nearly every label is wrong, and dqkit "
            "cannot tell which labels are right."
        )
    warnings.warn(
        f"{told}. If they are not in that order, right labels are flagged and wrong ones are not.",
        stacklevel=stacklevel,
    )
