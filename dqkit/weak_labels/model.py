"""From votes to weak labels: Snorkel's label model and naive Bayes, weighed by the trusted labels there are."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.records import ABSTAIN, InputError
from dqkit.weak_labels.naive_bayes import Known, naive_bayes

# Snorkel's label model identifies each function's accuracy from its agreement with two others.
FEWEST_FUNCTIONS = 3
# Its cost grows with functions ** 2 * classes ** 3: some ten CPU seconds at this much (5 functions, 160 classes). So
# many classes leave it no votes to learn from either: every function gets the same weight.
MOST_WORK = 100_000_000
# No single dev label counts as less likely than this: it may be wrong itself.
SURPRISE = 1e-3


@dataclass(frozen=True, eq=False, repr=False)
class WeakLabels:
    """What the labelling functions say together.

    probs: (n, c), rows sum to one; a row no function votes on holds the class balance.
    labels: (n,) int64, the most probable class; -1 where no function votes or the best classes tie.
    lf_table: DataFrame, one row a function: coverage, overlaps, conflicts (shares of n), weight (the estimated chance
        that its vote is right, in the mean of both models) and, given dev labels, dev_votes and dev_accuracy
        (smoothed by two votes at 0.7, as the models use it).
    """

    probs: NDArray[np.float64]
    labels: NDArray[np.int64]
    lf_table: pd.DataFrame

    def __repr__(self) -> str:
        covered = int((self.labels != ABSTAIN).sum())
        return f"WeakLabels({covered:,} of {len(self.labels):,} samples labelled by {len(self.lf_table)} functions)"

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>" + str(
            self.lf_table.style.format(precision=3, escape="html").format_index(escape="html").to_html()
        )


def label_model(
    votes: ArrayLike,
    cardinality: int,
    *,
    dev_labels: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> WeakLabels:
    """Weak labels from the votes of labelling functions.

    votes: (n, functions) ints in [0, cardinality), -1 (`ABSTAIN`) where a function abstains.
    cardinality: the number of classes, at least 2.
    dev_labels: (n,) ints, -1 where unknown: trusted labels of a fair sample. They set the class balance, and each
        function's starting accuracy (smoothed towards 0.7, as Snorkel assumes without any). Labels of one class alone
        set no balance, and no accuracy of a function that votes for other classes only: they could but show it wrong.
    Two models judge: Snorkel's, which learns the functions' accuracies from their agreement, and naive Bayes, which
    takes the starting accuracies as they are. probs is their weighted mean; the weights are those under which the dev
    labels are likeliest (each judged without itself), equal ones without any.
    Fewer than three functions, or none that overlap, cannot tell their accuracies from their agreement: naive Bayes
    judges alone, so that one unchecked function is believed at 0.7 at most. So it does over hundreds of classes
    (functions ** 2 * classes ** 3 above 1e8), where Snorkel's model would take minutes to hours.
    Raises `InputError` on votes outside the classes or shapes that disagree. The global random state is left alone.

    Source: A. Ratner et al., Training Complex Models with Multi-Task Weak Supervision (AAAI 2019), as in Snorkel.

    >>> label_model([[0, 0, -1], [1, 1, 1], [-1, -1, -1]], 2).labels.tolist()
    [0, 1, -1]
    """
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise InputError(f"seed must be a whole number from 0 to 2**32 - 1; got {seed!r}.")
    table = _checked_votes(votes, cardinality)
    n, functions = table.shape
    dev = None if dev_labels is None else _checked_dev(dev_labels, n=n, cardinality=cardinality)
    labels_of = list(names) if names is not None else [f"function_{j}" for j in range(functions)]
    if len(labels_of) != functions:
        raise InputError(f"names must name each of the {functions} functions; got {len(labels_of)} names.")
    balance = _class_balance(dev, cardinality)
    known = Known.of(table, dev)
    accuracy = known.accuracy()
    voted = table != ABSTAIN
    covered, heard = voted.any(axis=1), voted.any(axis=0)
    overlapping = (voted.sum(axis=1) > 1).any()
    affordable = int(heard.sum()) ** 2 * int(cardinality) ** 3 <= MOST_WORK
    weights = accuracy.copy()
    probs = naive_bayes(table[covered], cardinality, balance, accuracy)
    if heard.sum() >= FEWEST_FUNCTIONS and overlapping and affordable:
        agreed, learned = _snorkel(table[covered][:, heard], cardinality, balance, accuracy[heard], seed)
        share = _share(known, agreed, covered, cardinality, balance)
        probs = share * probs + (1 - share) * agreed
        weights[heard] = share * weights[heard] + (1 - share) * learned
    everyone = np.tile(balance, (n, 1))
    everyone[covered] = probs
    top = everyone.max(axis=1, keepdims=True)
    tied = (np.isclose(everyone, top, rtol=0, atol=1e-9)).sum(axis=1) > 1
    chosen = np.where(covered & ~tied, everyone.argmax(axis=1), ABSTAIN).astype(np.int64)
    summary = _analysis(table).assign(weight=weights)
    summary.index = pd.Index(labels_of, name="function")
    if dev is not None:
        summary = summary.assign(dev_votes=known.voted, dev_accuracy=np.where(known.voted > 0, accuracy, np.nan))
    return WeakLabels(everyone, chosen, summary)


def _checked_votes(votes: ArrayLike, cardinality: int) -> NDArray[np.int64]:
    if not isinstance(cardinality, int | np.integer) or cardinality < 2:
        raise InputError(f"cardinality must be a whole number of at least 2 classes; got {cardinality!r}.")
    try:
        array = np.asarray(votes)
    except ValueError as error:
        raise InputError(f"votes must have one column per function in every row; {error}.") from error
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"votes must have shape (n, functions), neither of them 0; got {array.shape}.")
    if array.dtype.kind not in "iu" and not (array.dtype.kind in "fb" and np.equal(np.mod(array, 1), 0).all()):
        raise InputError(f"votes must be whole numbers, -1 for abstain; got dtype {array.dtype}.")
    table = array.astype(np.int64)
    if table.min() < ABSTAIN or table.max() >= cardinality:
        raise InputError(
            f"votes must lie between -1 (abstain) and {cardinality - 1}; got {table.min()} to {table.max()}."
        )
    return table


def _checked_dev(dev_labels: ArrayLike, *, n: int, cardinality: int) -> NDArray[np.int64]:
    try:
        given = np.asarray(dev_labels)
        if given.dtype.kind not in "iu" and not np.equal(given.astype(float), np.round(given.astype(float))).all():
            raise ValueError("some are no whole numbers")
        dev = given.astype(np.int64)
    except (ValueError, TypeError) as error:
        raise InputError(f"dev_labels must be positions of classes, -1 where not known; {error}.") from error
    if dev.shape != (n,):
        raise InputError(f"dev_labels must have one entry per row of votes ({n:,}); got shape {dev.shape}.")
    if dev.min() < -1 or dev.max() >= cardinality:
        raise InputError(f"dev_labels must lie between -1 and {cardinality - 1}; got {dev.min()} to {dev.max()}.")
    return dev


def _class_balance(dev: NDArray[np.int64] | None, cardinality: int) -> NDArray[np.float64]:
    # One pseudo-count a class: a class without a dev label is rare, not impossible.
    counts = np.ones(cardinality)
    if dev is not None and len(np.unique(dev[dev >= 0])) > 1:
        counts = counts + np.bincount(dev[dev >= 0], minlength=cardinality)
    return np.asarray(counts / counts.sum())


def _share(
    known: Known,
    agreed: NDArray[np.float64],
    covered: NDArray[np.bool_],
    cardinality: int,
    balance: NDArray[np.float64],
) -> float:
    """The share of naive Bayes in the mixture with Snorkel's `agreed` (one row a covered sample).

    Most probable given the dev labels, under a prior that prefers equal shares (a beta distribution, 2 and 2).
    """
    rows = known.rows[covered[known.rows]]
    if not len(rows):
        return 0.5
    names = known.labels[rows]
    counted = naive_bayes(known.table[rows], cardinality, balance, known.accuracy(without=rows))
    counted_right = counted[np.arange(len(rows)), names]
    agreed_right = agreed[(np.cumsum(covered) - 1)[rows], names]
    shares = np.linspace(0.01, 0.99, 50)
    mixed = shares[:, None] * counted_right + (1 - shares[:, None]) * agreed_right
    likely = np.log(np.maximum(mixed, SURPRISE)).sum(axis=1) + np.log(shares * (1 - shares))
    return float(shares[likely.argmax()])


def _snorkel(
    table: NDArray[np.int64], cardinality: int, balance: NDArray[np.float64], start: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from snorkel.labeling.model import LabelModel

    with _random_state_kept(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Snorkel 0.10 uses names that newer torch and numpy deprecate
        model = LabelModel(cardinality=cardinality, verbose=False)
        model.fit(
            table,
            n_epochs=200,
            class_balance=balance.tolist(),
            prec_init=start.tolist(),
            seed=seed,
            progress_bar=False,
        )
        probs = np.asarray(model.predict_proba(table), dtype=np.float64)
        weights = np.asarray(model.get_weights(), dtype=np.float64)
    return probs / probs.sum(axis=1, keepdims=True), weights


def _analysis(table: NDArray[np.int64]) -> pd.DataFrame:
    voted = table != ABSTAIN
    several = voted.sum(axis=1) > 1
    highest = table.max(axis=1)
    lowest = np.where(voted, table, table.max() + 1).min(axis=1)
    conflicting = several & (highest != lowest)
    return pd.DataFrame(
        {
            "polarity": [sorted(set(column[column != ABSTAIN].tolist())) for column in table.T],
            "coverage": voted.mean(axis=0),
            "overlaps": (voted & several[:, None]).mean(axis=0),
            "conflicts": (voted & conflicting[:, None]).mean(axis=0),
        }
    )


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """Snorkel seeds Python's, numpy's and torch's global generators; the caller's state is put back."""
    import torch

    python, legacy, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        torch.set_rng_state(torch_state)
