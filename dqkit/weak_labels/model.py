"""From votes to weak labels: Snorkel's label model, naive Bayes, or both, weighed by the trusted labels there are."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import as_labels, distinct_names, one_of, seed_number, whole_number, whole_numbers
from dqkit.records import ABSTAIN, InputError, MissingExtra
from dqkit.weak_labels.naive_bayes import Known, majority, naive_bayes

Model = Literal["auto", "snorkel", "naive_bayes", "majority"]

# Snorkel's label model identifies each function's accuracy from its agreement with two others.
FEWEST_FUNCTIONS = 3
# Its cost grows with functions ** 2 * classes ** 3: some ten CPU seconds at this much (5 functions, 160 classes). So
# many classes leave it no votes to learn from either: every function gets the same weight.
MOST_WORK = 100_000_000
# No single dev label counts as less likely than this: it may be wrong itself.
SURPRISE = 1e-3

MOST_CLASSES = 1_000_000
MOST_CELLS = 500_000_000


@dataclass(frozen=True, eq=False, repr=False)
class WeakLabels:
    """What the labelling functions say together.

    Attributes
    ----------
    probs : ndarray of float, shape (n, c)
        Rows sum to one. A row that no function votes on holds the class balance.
    labels : ndarray of int64, shape (n,)
        The most probable class; -1 where no function votes or the best classes tie.
    lf_table : DataFrame
        One row per function: polarity, coverage, overlaps, conflicts (shares of n) and weight (the estimated chance
        that its vote is right). With dev labels also dev_votes and dev_accuracy (smoothed by two votes at 0.7).
    stored : int or None
        How many samples carry them in the workbench now: those without a given label, sure enough and outside the test
        split. None where no workbench is.
    """

    probs: NDArray[np.float64]
    labels: NDArray[np.int64]
    lf_table: pd.DataFrame
    stored: int | None = None

    def __repr__(self) -> str:
        covered = int((self.labels != ABSTAIN).sum())
        said = f"{len(self.lf_table)} functions agree on a class for {covered:,} of {len(self.labels):,} samples"
        kept = "" if self.stored is None else f"; {self.stored:,} had no label, and carry it now"
        return f"WeakLabels({said}{kept})"

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
    model: Model = "auto",
    seed: int = 0,
) -> WeakLabels:
    """Turn the votes of labelling functions into weak labels.

    Parameters
    ----------
    votes : array-like of int, shape (n, functions)
        Class positions in [0, cardinality); -1 (`ABSTAIN`) where a function abstains.
    cardinality : int
        The number of classes, at least 2.
    dev_labels : array-like of int, shape (n,), optional
        Trusted labels of a fair sample, -1 where unknown. They set the class balance and each function's starting
        accuracy (0.7 without any, with the weight of two votes).
    names : sequence of str, optional
        One name per function, for `WeakLabels.lf_table`.
    model : {"auto", "snorkel", "naive_bayes", "majority"}
        "snorkel" learns the functions' accuracies from how they agree. "naive_bayes" takes the starting accuracies as
        they are. "majority" counts votes. "auto" mixes the first two; `dev_labels` set the weights.
    seed : int
        0 to 2**32 - 1, for Snorkel's model. The global random state is left alone.

    Returns
    -------
    WeakLabels
        `probs` (n, cardinality), `labels` (n,) and `lf_table`, one row per function.

    Raises
    ------
    InputError
        Where votes lie outside the classes, shapes disagree, or Snorkel's model is asked for and cannot tell the
        functions apart.
    MissingExtra
        Where Snorkel's model is needed and Snorkel is not installed. The other models need nothing more.

    Notes
    -----
    "auto" uses naive Bayes alone where Snorkel's model cannot tell (fewer than three functions vote, or none overlap)
    or would take minutes to hours (functions ** 2 * classes ** 3 above 1e8). Dev labels of one class alone set no
    balance, and no accuracy of a function that votes for other classes only.

    References
    ----------
    A. Ratner et al., Training Complex Models with Multi-Task Weak Supervision, AAAI 2019.

    Examples
    --------
    >>> label_model([[0, 0, -1], [1, 1, 1], [-1, -1, -1]], 2, model="naive_bayes").labels.tolist()
    [0, 1, -1]
    """
    one_of("model", model, get_args(Model))
    seed = seed_number(seed, most=2**32 - 1)
    cardinality = whole_number("cardinality", cardinality, least=2, most=MOST_CLASSES)
    table = _checked_votes(votes, cardinality)
    n, functions = table.shape
    dev = None if dev_labels is None else _checked_dev(dev_labels, n=n, cardinality=cardinality)
    if names is None:
        labels_of = [f"function_{j}" for j in range(functions)]
    else:
        labels_of = distinct_names("names", names, length=functions)
    balance = _class_balance(dev, cardinality)
    known = Known.of(table, dev)
    covered = (table != ABSTAIN).any(axis=1)
    probs, weights = _judged(model, known, covered, cardinality, balance, seed)
    everyone = np.tile(balance, (n, 1))
    everyone[covered] = probs
    top = everyone.max(axis=1, keepdims=True)
    tied = (np.isclose(everyone, top, rtol=0, atol=1e-9)).sum(axis=1) > 1
    chosen = np.where(covered & ~tied, everyone.argmax(axis=1), ABSTAIN).astype(np.int64)
    summary = _analysis(table).assign(weight=weights)
    summary.index = pd.Index(labels_of, name="function")
    if dev is not None:
        measured = np.where(known.voted > 0, known.accuracy(), np.nan)
        summary = summary.assign(dev_votes=known.voted, dev_accuracy=measured)
    return WeakLabels(everyone, chosen, summary)


def _judged(
    model: Model,
    known: Known,
    covered: NDArray[np.bool_],
    cardinality: int,
    balance: NDArray[np.float64],
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P(class | votes) of the covered rows, and each function's weight, as the model says."""
    table, accuracy = known.table, known.accuracy()
    if model == "majority":
        return majority(table[covered], cardinality), accuracy
    counted = naive_bayes(table[covered], cardinality, balance, accuracy)
    if model == "naive_bayes":
        return counted, accuracy
    voted = table != ABSTAIN
    heard = voted.any(axis=0)
    told_apart = heard.sum() >= FEWEST_FUNCTIONS and bool((voted.sum(axis=1) > 1).any())
    if model == "snorkel" and not told_apart:
        raise InputError(
            f"Snorkel's model needs {FEWEST_FUNCTIONS} functions that vote, some of them on the same samples; got "
            f"{int(heard.sum())}. Pass model='naive_bayes' or add functions."
        )
    if model == "auto" and not (told_apart and int(heard.sum()) ** 2 * int(cardinality) ** 3 <= MOST_WORK):
        return counted, accuracy
    agreed, learned = _snorkel(table[covered][:, heard], cardinality, balance, accuracy[heard], seed)
    share = 0.0 if model == "snorkel" else _share(known, agreed, covered, cardinality, balance)
    weights = accuracy.copy()
    weights[heard] = share * accuracy[heard] + (1 - share) * learned
    return share * counted + (1 - share) * agreed, weights


def _checked_votes(votes: ArrayLike, cardinality: int) -> NDArray[np.int64]:
    table = whole_numbers("votes", votes, shape="(n, functions)", ndim=2, least=ABSTAIN, most=cardinality - 1)
    if 0 in table.shape:
        raise InputError(f"votes must have shape (n, functions), neither of them 0; got {table.shape}.")
    if len(table) * cardinality > MOST_CELLS:
        raise InputError(f"votes of {len(table):,} rows on {cardinality:,} classes are too many to weigh.")
    return table


def _checked_dev(dev_labels: ArrayLike, *, n: int, cardinality: int) -> NDArray[np.int64]:
    told = "dev_labels must be positions of classes, -1 where not known"
    try:
        return as_labels(dev_labels, classes=cardinality, n=n, name="dev_labels")
    except InputError as error:
        raise InputError(f"{told}. {error}") from error


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
    try:
        from snorkel.labeling.model import LabelModel
    except ImportError as error:
        raise MissingExtra(
            "Snorkel's label model needs Snorkel. Run: pip install 'dqkit[snorkel]', or pass model='naive_bayes', "
            "which works without it."
        ) from error

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
