"""Does a family of evidence help? Errors are planted as the noise matrix says, and looked for with it and without."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.log_odds import from_log_odds, log_odds, shift_to_mean
from dqkit.signals.label_noise.evidence import Members
from dqkit.signals.label_noise.families import Mix, neighbor_votes, weigh
from dqkit.signals.label_noise.flagging import Decision, cut_after, decide
from dqkit.signals.label_noise.judge import audited, typical
from dqkit.signals.label_noise.noise_model import Floats, Ints

ROUNDS = 8
TEST_VALUES = 60_000
SHIFT_ROWS = 50_000
MIN_ERRORS = 20


@dataclass(frozen=True)
class FamilyTest:
    """What the self-test found for one family of evidence.

    name: "neighbours" or "dynamics". used: whether the scores rest on it. ap_without, ap_with: mean average precision
    of finding the planted errors, over the rounds. gain: their mean difference, and gain_error its standard error; a
    family is used where gain > 2 gain_error. NaN where there were too few rows or errors to plant.
    """

    name: str
    used: bool
    ap_without: float
    ap_with: float
    gain: float
    gain_error: float


@dataclass(frozen=True, eq=False)
class Trial:
    """What errors are planted into. given: (n,) labels. known: positions of the labelled rows. matrix: (c, c) of true
    and given class. seed: of the errors."""

    given: Ints
    known: NDArray[np.intp]
    matrix: NDArray[np.float64]
    seed: int

    def planted(self, turn: int = 0) -> Planted:
        """The errors of one turn; see `plant`."""
        return plant(self.given, self.known, self.matrix, self.seed, turn)

    def judged(self, probs: Floats, mix: Mix, labels: Ints) -> Decision:
        """The decision on some rows; probs: (members, rows, c), mix: of them, (rows, c), labels: (rows,)."""
        found = audited(mix.probs, labels, Members.told(probs, labels), mix.weights, self.seed)
        return decide(found.log_odds, found.off, typical(found.off))


@dataclass(frozen=True, eq=False)
class Planted:
    """rows: positions of the labelled rows that are sampled to look for errors. labels: (n,) with errors planted
    everywhere, so that neighbours outside the sample err as often. wrong: (rows,) where."""

    rows: NDArray[np.intp]
    labels: Ints
    wrong: NDArray[np.bool_]


def plant(given: Ints, known: NDArray[np.intp], matrix: NDArray[np.float64], seed: int, turn: int = 0) -> Planted:
    """Errors planted into the labels at the rate of `matrix`, or 5 %, whichever is higher (40 % at most).

    Suspected labels are not spared: rows on which the members agree with the label would make the members look
    flawless. Instead a row counts as a wrong alarm only by its probability of having been right before, in the mean
    of what is found with the family and without it: neither side chooses the rows it is judged on.

    A class loses labels, and other classes gain them, in proportion to the off-diagonal of `matrix`, to which an even
    spread of a tenth of the weight is added. seed picks the rows, seed and turn the errors.
    """
    rng = np.random.default_rng(seed)
    c = len(matrix)
    rows = known
    limit = max(TEST_VALUES // c, 2_000)
    if len(rows) > limit:
        rows = np.sort(rng.choice(known, limit, replace=False))
    rng = np.random.default_rng([seed, turn])
    off = matrix * (1 - np.eye(c))
    off += max(0.1 * float(off.sum(axis=1).mean()), 0.005) / (c - 1) * (1 - np.eye(c))
    share = off.sum(axis=1)
    labels = given.copy()
    label = given[known]
    wanted = float(np.clip(share[label].mean(), 0.05, 0.4))
    chance = np.minimum(share * wanted / share[label].mean(), 0.9)
    wrong = rng.random(len(known)) < chance[label]
    cut = (off / share[:, None]).cumsum(axis=1)
    new = np.zeros(int(wrong.sum()), dtype=np.int64)
    draw, old = rng.random(len(new)), label[wrong]
    for k in range(c):
        new[old == k] = np.searchsorted(cut[k], draw[old == k])
    labels[known[wrong]] = np.minimum(new, c - 1)
    return Planted(rows, labels, labels[rows] != given[rows])


def neighbors_help(trial: Trial, probs: Floats, indices: NDArray[np.int64]) -> FamilyTest:
    """Whether the neighbours' votes, counted anew on the planted labels, help to find the planted errors."""
    before: list[float] = []
    after: list[float] = []
    c = probs.shape[2]
    if len(trial.known) < MIN_ERRORS:
        return untested("neighbours")
    rows = trial.planted().rows
    few = probs[:, rows]

    def judged(labels: Ints, votes: Floats | None) -> Decision:
        return trial.judged(few, weigh(few, labels, np.arange(len(rows)), votes), labels)

    own = trial.given[rows]
    sides = judged(own, None), judged(own, neighbor_votes(indices, trial.given, c, rows))
    trust = 1 - (sides[0].error_probability + sides[1].error_probability) / 2
    for turn in range(ROUNDS):
        planted = trial.planted(turn)
        if planted.wrong.sum() < MIN_ERRORS:
            return untested("neighbours")
        labels = planted.labels[rows]
        votes = neighbor_votes(indices, planted.labels, c, rows)
        before.append(average_precision(judged(labels, None).score, planted.wrong, trust))
        after.append(average_precision(judged(labels, votes).score, planted.wrong, trust))
    return _compared("neighbours", before, after)


def history_helps(
    trial: Trial, probs: Floats, mix: Mix, evidence: NDArray[np.float64], found: Decision
) -> tuple[FamilyTest, NDArray[np.float64]]:
    """Whether the training history helps to find planted errors, and the weight of each of its columns.

    probs: (members, n, c). mix: of them, (n, c). evidence: (k, columns) of the labelled rows. The network was not
    trained on the planted labels, so a planted error takes over the history of a row that is probably wrong, at the
    same rank of score.
    Weights are fitted (logistic) on half of the rows and judged on the other half, and the other way round.
    """
    columns = evidence.shape[1]
    none = np.zeros(columns)
    donors = np.flatnonzero(found.error_probability > 0.5)
    if columns == 0 or len(donors) < MIN_ERRORS:
        return untested("dynamics"), none
    donors = donors[np.argsort(found.score[donors], kind="stable")]
    position = np.full(len(trial.given), -1)
    position[trial.known] = np.arange(len(trial.known))
    rounds: list[tuple[NDArray[np.float64], NDArray[np.bool_]]] = []
    for turn in range(ROUNDS):
        planted = trial.planted(turn)
        wrong = np.flatnonzero(planted.wrong)
        if len(wrong) < MIN_ERRORS:
            return untested("dynamics"), none
        at = position[planted.rows]
        few = Mix(mix.probs[planted.rows], mix.weights, mix.neighbor_share)
        score = trial.judged(probs[:, planted.rows], few, planted.labels[planted.rows]).score
        place = np.argsort(np.argsort(score[wrong], kind="stable"), kind="stable")
        rank = (place + np.random.default_rng([trial.seed, turn, 1]).random(len(wrong))) / len(wrong)
        taken = evidence[at]
        taken[wrong] = evidence[donors[(rank * len(donors)).astype(np.int64)]]
        rounds.append((np.column_stack([np.ones(len(at)), log_odds(score), taken]), planted.wrong))
    trust = 1 - found.error_probability[at]
    first = np.mean([_per_score(logistic(table, wrong, trust)) for table, wrong in rounds], axis=0)
    joined = fused(found, evidence @ first)
    trust = 1 - (found.error_probability[at] + joined.error_probability[at]) / 2
    before, after, weights = [], [], []
    for turn, (table, hit) in enumerate(rounds):
        fit = np.random.default_rng([trial.seed, turn, 2]).random(len(hit)) < 0.5
        sides = []
        for one, other in ((fit, ~fit), (~fit, fit)):
            weights.append(_per_score(logistic(table[one], hit[one], trust[one])))
            extended = table[other, 1] + table[other, 2:] @ weights[-1]
            sides.append([average_precision(rank, hit[other], trust[other]) for rank in (table[other, 1], extended)])
        before.append(float(np.mean([side[0] for side in sides])))
        after.append(float(np.mean([side[1] for side in sides])))
    return _compared("dynamics", before, after), np.asarray(np.mean(weights, axis=0))


def _per_score(beta: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights of the evidence, the weight of the score being one; none where the score says nothing."""
    return np.asarray(beta[2:] / beta[1] if beta[1] > 0.05 else np.zeros(len(beta) - 2))


def fused(found: Decision, extra: NDArray[np.float64]) -> Decision:
    """The decision with log odds added to each row: as many rows are flagged, and the noise rate stays."""
    probability = from_log_odds(
        shift_to_mean(log_odds(found.error_probability) + extra, found.rate, most_rows=SHIFT_ROWS)
    )
    cut = cut_after(np.sort(probability)[::-1], int(found.flag.sum()))
    score = from_log_odds(log_odds(probability) - log_odds(np.array(cut)))
    return Decision(probability, score, score > 0.5, found.rate, found.interval)


def average_precision(
    score: NDArray[np.float64], wrong: NDArray[np.bool_], trust: NDArray[np.float64] | None = None
) -> float:
    """Mean precision at the ranks of the wrong rows; ties keep their order. trust: what a wrong alarm counts, 0 to 1.

    >>> average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, False, True]))
    0.8333333333333333
    >>> average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, False, True]), np.array([1.0, 0.0, 1.0]))
    1.0
    """
    order = np.argsort(-score, kind="stable")
    hits = wrong[order]
    rows = np.ones(len(hits)) if trust is None else np.where(hits, 1.0, trust[order])
    return float((np.cumsum(hits) / np.maximum(np.cumsum(rows), 1e-9))[hits].mean())


def logistic(table: NDArray[np.float64], target: NDArray[np.bool_], trust: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of a logistic regression with a small ridge, by Newton's method; rows that are not targets count by
    their trust."""
    weight = np.where(target, 1.0, trust)
    beta = np.zeros(table.shape[1])
    ridge = 1e-2 * np.eye(table.shape[1])
    for _ in range(30):
        p = from_log_odds(table @ beta)
        slope = table.T @ (weight * (target - p)) - ridge @ beta
        step = np.linalg.solve((table * (weight * p * (1 - p))[:, None]).T @ table + ridge, slope)
        beta = beta + np.clip(step, -2.0, 2.0)
        if float(np.abs(step).max()) < 1e-6:
            break
    return beta


def _compared(name: str, before: list[float], after: list[float]) -> FamilyTest:
    gain = np.array(after) - np.array(before)
    error = float(gain.std(ddof=1) / np.sqrt(len(gain)))
    used = bool(gain.mean() > 2 * error and gain.mean() > 0)
    return FamilyTest(name, used, float(np.mean(before)), float(np.mean(after)), float(gain.mean()), error)


def untested(name: str) -> FamilyTest:
    """The result for a family that could not be tested."""
    nan = float("nan")
    return FamilyTest(name, False, nan, nan, nan, nan)
