"""Which given labels are wrong, how sure that is, and how much noise there is in all."""

from __future__ import annotations

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
from dqkit.signals.label_noise.flagging import Judgement, settle
from dqkit.signals.label_noise.noise_model import Ints
from dqkit.signals.label_noise.noise_share import NoiseShare, class_noise
from dqkit.signals.label_noise.posterior import Verdict, judge, transition_matrix
from dqkit.signals.label_noise.reasons import Evidence, kinds, reasons
from dqkit.signals.label_noise.regression import regression_errors
from dqkit.signals.label_noise.self_test import FamilyTest, fused, history_helps, neighbors_help
from dqkit.signals.neighbors import Neighbors
from dqkit.signals.neighbors import neighbors as nearest_rows

Method = Literal["auto", "confident_learning"]
METHODS: tuple[Method, ...] = ("auto", "confident_learning")


@dataclass(frozen=True, eq=False, repr=False)
class LabelErrors:
    """The finding: one row a sample in `table`, and the noise in all.

    table: rows 0..n-1
        score: float in [0, 1], higher = look sooner. flag: bool, the label is more likely wrong than right (score >
        0.5). suggested_label: int, the most probable true class (a float for a continuous target).
        error_probability: float, the scores scaled so that they add up to the estimated number of errors.
        kind: "mislabelled", "ambiguous" (two classes nearly equal), "outlier", "hard_but_correct" or "".
        reasons: str, plain words joined by "; ", for rows that are flagged or score above 0.25, else "".
    noise_rate, noise_rate_interval: share of the labelled rows whose label is wrong, with its 95 % interval.
    noise_matrix: (c, c), row = true class, column = given class, rows sum to one; (0, 0) for a continuous target.
    scorers: what the scores rest on. weights: (members,), the weight of each member, summing to one.
    families: the self-test of each further family of evidence that was given ("neighbours", "dynamics"): whether it is
        used, and how well planted errors are found with it and without.
    not_judged: "" where the labels could be judged; else the sentence that says why not. Then nothing is flagged, the
        rate is NaN in [0, 1], error_probability is NaN, and the scores (at most 0.5) only keep their order.
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
        """The expected share of wrong labels among the `k` rows that score highest, 0 <= it <= 1.

        k: a review budget of 1 row or more (more than there are means all). Raises `InputError` below 1.
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
    features: ArrayLike | None = None,
    neighbors: Neighbors | None = None,
    dynamics: Mapping[str, ArrayLike] | ArrayLike | None = None,
    seed: int = 0,
) -> LabelErrors:
    """Return which given labels are probably wrong, how sure that is, and the noise in all, as `LabelErrors`.

    labels: (n,) int positions of classes, -1 = unlabelled (score 0, never flagged). pred_probs: out-of-sample
    probabilities, (n, c) or (members, n, c), rows summing to one. features: (n, d), or neighbors: their kNN graph.
    dynamics: training history, name -> (n,) or (n, epochs): "margins" (logit margins of the given label; higher =
    safer), "wrong_epochs" (counts, or true where wrong); or one array, (n,), (n, epochs) of margins or (n, epochs, c)
    of probabilities or logits after each epoch. method: "auto", or "confident_learning" for cleanlab's own flags over
    the members' plain average. seed: what is sampled (rows to fit on, planted errors).

    How a row is judged:

    1. Members are mixed with the weights that make the given labels most likely (EM on out-of-sample likelihood, a
       super learner, van der Laan et al. 2007): members of unequal quality should not vote alike. The share of even
       noise that calibration has put into every row (no class ever falls below it) is taken off, and one temperature
       is fitted to the mix (Guo et al. 2017).
    2. Networks trained on noisy labels predict the given label, not the truth: P(given | x) = P(true | x) T. T is
       counted on the clearer half of each predicted class and divided out (Patrini et al. 2017; Northcutt et al. 2021);
       less of it, down to nothing, where disagreement fades once labels are trusted, for then the matrix holds the
       model's own confusion.
    3. The given label is evidence too, P(true = t | x, given = g) ~ P(t | x) M[t, g]^trust, M the geometric mean of T
       and the counts over all rows. Trust 1 is right for noise that depends on the class alone; 0 (the model alone
       decides) for human noise on samples where the model has learned the same doubt. Trust is 0.27, up to 0.4 where
       the clear rows carry the noise of all rows or disagreement fades once labels are trusted (0.5 in the extreme),
       times r / (r + 60) for r rows a class. A row is flagged where another class is the more probable one.
    4. A weak model disagrees with right labels, and no threshold on its probabilities tells that from wrong labels. So
       the noise is estimated a second way, as noise by class alone, T and the sharpness of the probabilities fitted
       together (`noise_share`): wrong labels where the model is clear stay noise, the rest is its doubt. Where the
       model is unsure of 8 to 16 %, disagreement fades by 1.4 to 1.7 and that noise explains less than 45 to 36 % of
       it, the rate moves to the geometric mean of both estimates (by a factor of 0.7 at most), rows are ranked by the
       plain probability of the given label, and about as many are flagged as are expected wrong. Noise that gathers
       only where the model doubts is no noise by class at all: where that explains less than 4 to 1 % of the
       disagreement, it is no second estimate, and neither this nor 5 applies.
    5. Noise that is spread evenly over the classes gives itself away: the cells of T vary as counts do and no more,
       where the slips of people gather in a few cells (`even_noise`). As far as that is so, rows are ranked by Bayes'
       rule under even noise of the rate and sharpness found in 4. Noise that gathers where the model doubts can leave
       the same cells, so the rate and the number of flags stop at the geometric mean of what 3 says and what that rule
       says. Asked for are three classes and 40 to 120 errors to tell it from.
    6. Under heavy noise (rate above 0.42 to 0.5, unless noise by class explains it) as many rows are flagged as give
       the highest expected F1 (Lipton et al. 2014), which can be more than half of what the model agrees with.
    7. Further families, the neighbours' labels (as one more member) and the training history (as log odds), join only
       where a self-test shows that they help: errors are planted as the noise matrix says, and must be found better
       with the family, by more than two standard errors over eight rounds. `families` tells.

    The score is the error probability moved so that flag is score > 0.5. The noise rate is the geometric mean of the
    share flagged by 3 at that trust and at 0.6 (where none is flagged at 0.6, the former alone), then 4 and 5. Its
    interval runs from the smallest to the largest of these estimates (trust 1, noise by class alone; trust 0), widened
    by Wilson's interval, and upwards under heavy noise, where a class may have lost its own majority: which kind of
    noise it is is what is not known. The constants were chosen on the development sets of `benchmarks/label_errors.py`;
    its hold-out shows what they are worth. Rows may come in any order; each gets the same answer (to rounding), but for
    what is sampled. A class nobody is labelled with is allowed.

    Predictions that tell no more of the labels than chance allows (a permutation test at 1 %, `chance_p_value`) judge
    nothing: see `LabelErrors.not_judged`. Probabilities whose columns are in another order than the classes are refused
    where labels and model agree far less than under another order, or than by chance; where only some columns are, a
    `UserWarning` names them. (n,) or (n, 1) are read as the probability of the second of two classes. Floating-point
    labels that are not whole numbers are a continuous target: see `regression_errors`.

    Raises `InputError` where shapes disagree, n = 0, c < 2, a label is out of range, or a row is no distribution.

    >>> import numpy as np
    >>> probs = np.array([[0.9, 0.1]] * 40 + [[0.1, 0.9]] * 40)
    >>> given = np.array([0] * 40 + [1] * 39 + [0])
    >>> found = label_errors(given, probs)
    >>> found.table.loc[found.table["flag"], ["suggested_label", "kind"]].to_dict("index")
    {79: {'suggested_label': 1, 'kind': 'mislabelled'}}
    """
    one_of("method", method, METHODS)
    seed = seed_number(seed)
    if _continuous(labels):
        found = regression_errors(labels, pred_probs, features=features, neighbors=neighbors)
        return LabelErrors(
            table=found.table,
            noise_rate=found.error_rate,
            noise_rate_interval=found.error_rate_interval,
            noise_matrix=np.empty((0, 0)),
            weights=found.weights,
            scorers=("residuals",),
        )
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
    mix, verdict, settled, families = _judged(probs, given, known, graph, history, seed, in_order)
    score, wrong = np.zeros(n), np.zeros(n)
    score[known], wrong[known] = settled.score, settled.error_probability
    scorers = (f"{m} member{'s' if m > 1 else ''}", "noise matrix", *(test.name for test in families if test.used))
    if len(known) and not _tell(probs, given, known, graph, families, seed):
        top = mix.probs.argmax(axis=1)
        why = why_not_judged(mix.probs[known], given[known], c)
        return _unjudged(given, np.where(given == UNLABELED, top, given), score, mix.weights, scorers, families, why)
    flag = score > 0.5
    suggested = np.where(flag | (given == UNLABELED), verdict.rival, given)
    evidence = Evidence(
        given=given,
        probs=mix.probs,
        clean_given=verdict.clean_given,
        clean_top=np.where(suggested == verdict.rival, verdict.clean_rival, verdict.clean_given),
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
    return LabelErrors(table, settled.rate, settled.interval, matrix, mix.weights, scorers, families)


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
) -> tuple[Mix, Verdict, Judgement, tuple[FamilyTest, ...]]:
    """The mix, the verdict on every row and the judgement, with the families that the self-test lets in."""
    c = probs.shape[2]

    def matrix() -> NDArray[np.float64]:
        true = np.where(settled.flag, verdict.rival[known], given[known])
        return transition_matrix(true, given[known], c)

    mix = weigh(probs, given, known, None)
    if not in_order:
        check_column_order(mix.probs[known].argmax(axis=1), given[known], c, stacklevel=6)
    share, even = NoiseShare(0.0, 0.0), NONE
    if len(known):
        fitted = class_noise(mix.probs[known], given[known], seed)
        share = NoiseShare(fitted.rate, fitted.doubt)
        even = even_noise(mix.probs[known], given[known], fitted, seed)
    verdict = judge(mix.probs, given, known, seed, even)
    settled = settle(verdict, share)
    tests = []
    if graph is not None:
        tests.append(neighbors_help(probs, given, known, graph.indices, share, matrix(), seed, even))
        if tests[-1].used:
            mix = weigh(probs, given, known, neighbor_votes(graph.indices, given, c))
            verdict = judge(mix.probs, given, known, seed, even)
            settled = settle(verdict, share)
    if history:
        evidence = history_evidence(history, known)
        test, weights = history_helps(mix.probs, given, known, evidence, settled, share, matrix(), seed, even)
        tests.append(test)
        if test.used:
            settled = fused(settled, evidence @ weights)
    return mix, verdict, settled, tuple(tests)


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
