"""Which given labels are wrong, how sure that is, and how much noise there is in all."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import (
    as_array,
    as_labels,
    as_probabilities,
    check_column_order,
    finite_rows,
    one_of,
    seed_number,
    whole_number,
)
from dqkit.records import UNLABELED, InputError
from dqkit.signals.label_noise.chance import tells_of_labels, why_not_judged
from dqkit.signals.label_noise.confident_learning import confident_learning
from dqkit.signals.label_noise.even_noise import NONE, even_noise
from dqkit.signals.label_noise.families import Mix, history_evidence, neighbor_votes, training_history, weigh
from dqkit.signals.label_noise.flagging import Decision, decide
from dqkit.signals.label_noise.noise_model import Ints
from dqkit.signals.label_noise.noise_share import NoiseShare, class_noise
from dqkit.signals.label_noise.posterior import Posterior, posterior, transition_matrix
from dqkit.signals.label_noise.reasons import Evidence, kinds, reasons
from dqkit.signals.label_noise.regression import TargetErrors, regression_errors
from dqkit.signals.label_noise.self_test import FamilyTest, Noise, Trial, fused, history_helps, neighbors_help
from dqkit.signals.neighbors import Neighbors
from dqkit.signals.neighbors import neighbors as nearest_rows

Method = Literal["auto", "confident_learning"]
METHODS: tuple[Method, ...] = ("auto", "confident_learning")
Task = Literal["classification", "regression"]
TASKS: tuple[Task, ...] = ("classification", "regression")


@dataclass(frozen=True, eq=False, repr=False)
class LabelErrors:
    """Which labels are probably wrong, one row per sample in `table`, and the noise in all.

    Attributes
    ----------
    table : DataFrame
        Rows 0 to n - 1. score: [0, 1], higher = look sooner. flag: bool, score > 0.5. suggested_label: int, the most
        probable true class (a float for a continuous target). error_probability: the scores scaled so that they add up
        to the estimated number of errors. kind: "mislabelled", "ambiguous" (two classes nearly equal), "outlier",
        "hard_but_correct" or "". reasons: plain words for rows that are flagged or score above 0.25, else "".
    noise_rate : float
        The share of the labelled rows whose label is wrong.
    noise_rate_interval : (float, float)
        Its 95 % interval.
    noise_matrix : ndarray, shape (c, c)
        Row = true class, column = given class, rows sum to one; (0, 0) for a continuous target.
    weights : ndarray, shape (members,)
        The weight of each member, summing to one.
    scorers : tuple of str
        What the scores rest on.
    families : tuple of FamilyTest
        For neighbours and training history, where they were given: whether they are used, and how well planted errors
        are found with them and without.
    not_judged : str
        Empty where the labels could be judged; else a sentence that says why not. Then nothing is flagged, the rate and
        error_probability are NaN, and the scores (at most 0.5) only keep their order.
    """

    table: pd.DataFrame
    noise_rate: float
    noise_rate_interval: tuple[float, float]
    noise_matrix: NDArray[np.float64]
    weights: NDArray[np.float64]
    scorers: tuple[str, ...]
    families: tuple[FamilyTest, ...] = ()
    not_judged: str = ""

    def expected_precision(self, k: int) -> float:
        """Return the expected share of wrong labels among the rows that score highest.

        Parameters
        ----------
        k : int
            A review budget of 1 row or more; more than there are means all.

        Returns
        -------
        float
            In [0, 1].

        Raises
        ------
        InputError
            Where k is below 1.
        """
        rows = whole_number("k, a review budget of rows,", k, least=1)
        order = np.argsort(-self.table["score"].to_numpy(), kind="stable")[:rows]
        return float(self.table["error_probability"].to_numpy()[order].mean())

    def __repr__(self) -> str:
        low, high = self.noise_rate_interval
        if self.not_judged:
            return f"LabelErrors({len(self.table):,} rows, none judged. {self.not_judged})"
        return (
            f"LabelErrors({len(self.table):,} rows, {int(self.table['flag'].sum()):,} flagged, noise rate "
            f"{self.noise_rate:.3f} [{low:.3f}, {high:.3f}], from {', '.join(self.scorers)})"
        )


def label_errors(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    method: Method = "auto",
    task: Task | None = None,
    features: ArrayLike | None = None,
    neighbors: Neighbors | None = None,
    dynamics: Mapping[str, ArrayLike] | ArrayLike | None = None,
    seed: int = 0,
) -> LabelErrors:
    """Find given labels that are probably wrong, and estimate how many are wrong in all.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
        Class positions; -1 = unlabelled (score 0, never flagged). Floats are taken where they are whole numbers.
    pred_probs : array-like, shape (n, c) or (members, n, c)
        Out-of-sample probabilities, rows summing to one. (n,) or (n, 1): the probability of the second of two classes.
    method : {"auto", "confident_learning"}
        "confident_learning" gives cleanlab's own flags over the members' plain average.
    task : {"classification", "regression"}, optional
        "regression": `labels` are a continuous target and `pred_probs` its predictions, see `regression_errors`.
        Without it labels that are not whole numbers are still taken for such a target, with a DeprecationWarning.
    features : array-like, shape (n, d), optional
        For the labels of near neighbours.
    neighbors : Neighbors, optional
        Their graph, where it is known already.
    dynamics : mapping or array-like, optional
        Training history. A mapping of "margins" (logit margins of the given label; higher = safer) and "wrong_epochs"
        (counts, or true where wrong) to arrays (n,) or (n, epochs); or one array, (n,) or (n, epochs) of margins, or
        (n, epochs, c) of probabilities or logits after each epoch.
    seed : int
        For what is sampled: rows to fit on, planted errors.

    Returns
    -------
    LabelErrors
        Scores, flags and suggested labels, the noise rate with its interval, the noise matrix.

    Raises
    ------
    InputError
        Where shapes disagree, n = 0, c < 2, a label is out of range, a row is no distribution, or the columns are in
        another order than the classes.

    Warns
    -----
    UserWarning
        Where some columns of `pred_probs` look exchanged; the text names them.
    DeprecationWarning
        Where labels that are not whole numbers come without `task`.

    Notes
    -----
    Members are mixed by how well they predict the given labels. The noise matrix of the clear rows is divided out. The
    given label is weighed as evidence. Checks for weak models, even noise and heavy noise change the rate and the
    flags. Neighbours and training history join only where a test on planted errors shows that they help. The page
    "Label errors" of the documentation explains each step. The constants were chosen on the development sets of
    `benchmarks/label_errors.py`; its hold-out sets show what they are worth.

    Predictions that say no more about the labels than chance allows (a permutation test at 0.1 %) judge nothing, see
    `LabelErrors.not_judged`. The order of the rows does not matter, but for what is sampled.

    References
    ----------
    G. Patrini et al., Making Deep Neural Networks Robust to Label Noise, CVPR 2017. C. Northcutt et al., Confident
    Learning, JAIR 2021. C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> probs = np.array([[0.9, 0.1]] * 40 + [[0.1, 0.9]] * 40)
    >>> given = np.array([0] * 40 + [1] * 39 + [0])
    >>> found = label_errors(given, probs)
    >>> found.table.loc[found.table["flag"], ["suggested_label", "kind"]].to_dict("index")
    {79: {'suggested_label': 1, 'kind': 'mislabelled'}}
    """
    one_of("method", method, METHODS)
    if task is not None:
        one_of("task", task, TASKS)
    seed = seed_number(seed)
    if task == "regression" or (task is None and _continuous(labels)):
        found = _of_targets(regression_errors(labels, pred_probs, features=features, neighbors=neighbors))
        if task is None:
            warnings.warn(
                "labels must be whole numbers; others are taken for a continuous target in this release only. Write "
                'label_errors(..., task="regression"), or call regression_errors.',
                DeprecationWarning,
                stacklevel=2,
            )
        return found
    array, given = _checked(labels, pred_probs)
    probs = np.asarray(array, dtype=np.float32)
    graph = _graph(features, neighbors, len(given))
    history = training_history(dynamics, given, probs.shape[2])
    if method == "confident_learning":
        return LabelErrors(*confident_learning(given, array))
    return judged_errors(probs, given, graph, history, seed, in_order=False)


def judged_errors(
    probs: NDArray[np.float32],
    given: Ints,
    graph: Neighbors | None,
    history: Mapping[str, NDArray[Any]],
    seed: int,
    *,
    in_order: bool,
) -> LabelErrors:
    """`label_errors` of checked arrays, (members, n, c) and (n,); in_order: the columns are known to be in order."""
    m, n, c = probs.shape
    known = np.flatnonzero(given != UNLABELED)
    mix, belief, decision, families = _judged(probs, given, known, graph, history, seed, in_order)
    score, wrong = np.zeros(n), np.zeros(n)
    score[known], wrong[known] = decision.score, decision.error_probability
    scorers = (f"{m} member{'s' if m > 1 else ''}", "noise matrix", *(test.name for test in families if test.used))
    if len(known) and not _tell(probs, given, known, graph, families, seed):
        top = mix.probs.argmax(axis=1)
        why = why_not_judged(mix.probs[known], given[known], c)
        return _unjudged(given, np.where(given == UNLABELED, top, given), score, mix.weights, scorers, families, why)
    flag = score > 0.5
    suggested = np.where(flag | (given == UNLABELED), belief.rival, given)
    evidence = Evidence(
        given=given,
        probs=mix.probs,
        clean_given=belief.clean_given,
        clean_top=np.where(suggested == belief.rival, belief.clean_rival, belief.clean_given),
        suggested=suggested,
        votes=probs.argmax(axis=2).astype(np.int32),
        neighbor_labels=None if graph is None else np.where(graph.indices >= 0, given[graph.indices], UNLABELED),
        outlier=None if graph is None else graph.table["outlier"].to_numpy(dtype=bool),
        history=history,
    )
    table = pd.DataFrame(
        {
            "score": score,
            "flag": flag,
            "suggested_label": suggested,
            "error_probability": wrong,
            "kind": kinds(evidence, flag),
            "reasons": reasons(evidence, np.flatnonzero(flag | (score > 0.25))),
        }
    )
    matrix = transition_matrix(suggested[known], given[known], c)
    return LabelErrors(table, decision.rate, decision.interval, matrix, mix.weights, scorers, families)


def _tell(
    probs: NDArray[np.float32],
    given: Ints,
    known: NDArray[np.intp],
    graph: Neighbors | None,
    families: tuple[FamilyTest, ...],
    seed: int,
) -> bool:
    """Whether the predictions, or the neighbours' labels where they are used, tell more of the labels than chance."""
    if tells_of_labels(probs[:, known], given[known], seed):
        return True
    if graph is None or not any(test.used and test.name == "neighbours" for test in families):
        return False
    votes = neighbor_votes(graph.indices, given, probs.shape[2], known)
    return tells_of_labels(votes[None], given[known], seed)


def _unjudged(
    given: Ints,
    suggested: NDArray[np.integer],
    score: NDArray[np.float64],
    weights: NDArray[np.float64],
    scorers: tuple[str, ...],
    families: tuple[FamilyTest, ...],
    why: str,
) -> LabelErrors:
    n = len(given)
    table = pd.DataFrame(
        {
            "score": score / 2,  # nothing is flagged, and a flag is a score above 0.5
            "flag": np.zeros(n, dtype=bool),
            "suggested_label": suggested,
            "error_probability": np.where(given == UNLABELED, 0.0, np.nan),
            "kind": np.full(n, "", dtype=object),
            "reasons": np.full(n, "", dtype=object),
        }
    )
    return LabelErrors(table, float("nan"), (0.0, 1.0), np.empty((0, 0)), weights, scorers, families, why)


def _judged(
    probs: NDArray[np.float32],
    given: Ints,
    known: NDArray[np.intp],
    graph: Neighbors | None,
    history: Mapping[str, NDArray[Any]],
    seed: int,
    in_order: bool,
) -> tuple[Mix, Posterior, Decision, tuple[FamilyTest, ...]]:
    """The mix, the posterior of every row and the decision, with the families that the self-test lets in."""
    c = probs.shape[2]

    def trial() -> Trial:
        true = np.where(decision.flag, belief.rival[known], given[known])
        return Trial(given, known, Noise(share, transition_matrix(true, given[known], c), even), seed)

    mix = weigh(probs, given, known, None)
    if not in_order:
        check_column_order(mix.probs[known].argmax(axis=1), given[known], c, stacklevel=6)
    share, even = NoiseShare(0.0, 0.0), NONE
    if len(known):
        fitted = class_noise(mix.probs[known], given[known], seed)
        share = NoiseShare(fitted.rate, fitted.doubt)
        even = even_noise(mix.probs[known], given[known], fitted, seed)
    belief = posterior(mix.probs, given, known, seed, even)
    decision = decide(belief, share)
    tests = []
    if graph is not None:
        tests.append(neighbors_help(trial(), probs, graph.indices))
        if tests[-1].used:
            mix = weigh(probs, given, known, neighbor_votes(graph.indices, given, c))
            belief = posterior(mix.probs, given, known, seed, even)
            decision = decide(belief, share)
    if history:
        evidence = history_evidence(history, known)
        test, weights = history_helps(trial(), mix.probs, evidence, decision)
        tests.append(test)
        if test.used:
            decision = fused(decision, evidence @ weights)
    return mix, belief, decision, tuple(tests)


def _of_targets(found: TargetErrors) -> LabelErrors:
    return LabelErrors(
        table=found.table,
        noise_rate=found.error_rate,
        noise_rate_interval=found.error_rate_interval,
        noise_matrix=np.empty((0, 0)),
        weights=found.weights,
        scorers=("residuals",),
    )


def _continuous(labels: ArrayLike) -> bool:
    values = as_array("labels", labels, shape="(n,)")
    return values.dtype.kind == "f" and bool((np.isfinite(values) & (values != np.floor(values))).any())


def _checked(labels: ArrayLike, pred_probs: ArrayLike) -> tuple[NDArray[Any], Ints]:
    """(members, n, c) probabilities in the type that they came in, and the labels."""
    array = as_probabilities("pred_probs", pred_probs, dims=(2, 3), least_classes=2, one_column=True)
    array = array[None] if array.ndim == 2 else array
    _, n, c = array.shape
    if n == 0:
        raise InputError(f"pred_probs must hold at least one row; got shape {array.shape}.")
    return array, as_labels(labels, classes=c, n=n)


def _graph(features: ArrayLike | None, neighbors: Neighbors | None, n: int) -> Neighbors | None:
    if neighbors is not None:
        if not isinstance(neighbors, Neighbors):
            raise InputError(f"neighbors must be what dqkit.signals.neighbors returns; got {type(neighbors).__name__}.")
        if len(neighbors.indices) != n:
            raise InputError(f"neighbors must describe the {n} rows of labels; got {len(neighbors.indices)} rows.")
        return neighbors
    if features is None:
        return None
    rows = finite_rows("features", features, n=n)
    return nearest_rows(rows, k=min(10, n - 1)) if n > 1 else None
