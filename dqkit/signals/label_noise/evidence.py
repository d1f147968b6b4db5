"""What speaks against the label of a row: some twenty numbers a row, the same for every order of classes, rows and
members."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.label_noise.even_noise import even_errors
from dqkit.signals.label_noise.noise_fit import NoiseFit
from dqkit.signals.label_noise.noise_model import Floats, Ints, row_blocks, sharpen, unmix, without_floor

# Numbers that rise, or stay, when the probability of the given label falls and that of the others rises in proportion.
RISING = (
    "odds",  # log odds of the best other class, as the members' mean has it
    "sharp_odds",  # the same, without the floor and sharpened
    "clean_odds",  # the same, the noise of the clear rows divided out
    "class_noise",  # log odds of an error under noise by class
    "even_noise",  # log odds of an error under even noise
    "own_low",  # how far the label's probability lies below the mean of its class (log ratio)
    "rival_high",  # how far the best other class lies above its own mean (log ratio)
    "votes_against",  # share of the members that name another class
    "votes_rival",  # share of the members that name the best other class
    "hardest",  # log odds of the member that is most against the label
    "kindest",  # log odds of the member that is most for it
    "rank",  # log odds of the rank of sharp_odds among all rows
    "rank_in_class",  # and among the rows of the same label
)
# Numbers of the other classes and of the two classes in question.
SITUATION = (
    "rival_share",  # log share that the best other class has of all others
    "third",  # log share of the next after it
    "slips",  # log rate at which the best other class is given this label, in the overall matrix
    "slips_clear",  # the same, in the matrix of the clear rows
    "kept_clear",  # log odds that this label is kept, in that matrix
    "disputed",  # share of disputed labels in the given class
    "misread",  # and among rows predicted as the other class
    "given_common",  # log share of the given class times the number of classes
    "rival_common",  # the same of the other class
)
LIMIT = 9.0
Rows = slice | NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Members:
    """What the members say of the given label; m members, k rows.

    at_given: (m, k) probability of the given label. named: (m, k) most probable class.
    """

    at_given: NDArray[np.float64]
    named: Ints

    @classmethod
    def told(cls, probs: Floats, given: Ints) -> Members:
        """probs: (m, k, c). given: (k,)."""
        return cls(probs[:, np.arange(len(given)), given].astype(np.float64), probs.argmax(axis=2))

    def of(self, rows: Rows) -> Members:
        return Members(self.at_given[:, rows], self.named[:, rows])


@dataclass(frozen=True, eq=False)
class RowEvidence:
    """rising: (k, len(RISING)), situation: (k, len(SITUATION)), float32. rival: (k,) the most probable other class once
    noise is out. clean_given, clean_rival: (k,) P(true class) of the given class and of the rival then."""

    rising: NDArray[np.float32]
    situation: NDArray[np.float32]
    rival: Ints
    clean_given: Floats
    clean_rival: Floats

    def of(self, rows: Rows) -> RowEvidence:
        return RowEvidence(*(value[rows] for value in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Ranks:
    """Sorted sharp odds of a dataset's labelled rows: all of them, and class after class from `starts` on."""

    everywhere: NDArray[np.float32]
    in_class: NDArray[np.float32]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, odds: NDArray[np.float32], given: Ints, c: int) -> Ranks:
        order = np.lexsort((odds, given))
        return cls(np.sort(odds), odds[order], np.searchsorted(given[order], np.arange(c + 1)))

    def log_odds(self, odds: NDArray[np.float32], given: Ints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log odds of the rank of each row among all rows, and in its class."""
        inside = np.full(len(odds), 0.5)
        for k in np.unique(given):
            rows = given == k
            inside[rows] = _places(self.in_class[self.starts[k] : self.starts[k + 1]], odds[rows])
        return _logit(_places(self.everywhere, odds)), _logit(inside)


def row_evidence(
    probs: Floats, given: Ints, members: Members, fit: NoiseFit, ranks: Ranks | None = None
) -> tuple[RowEvidence, Ranks]:
    """probs: (k, c) the members' mean. given: (k,). ranks: of the whole dataset, where these are some rows of it."""
    k, c = probs.shape
    rising, situation = np.empty((k, len(RISING)), np.float32), np.empty((k, len(SITUATION)), np.float32)
    rival = np.empty(k, dtype=np.int64)
    clean_given, clean_rival = np.empty(k, np.float32), np.empty(k, np.float32)
    matrix = fit.by_class_matrix.T.astype(np.float32)
    for rows in row_blocks(k, c):
        p, y, at = probs[rows], given[rows], np.arange(len(given[rows]))
        bare = without_floor(p, fit.floor)
        sharp = sharpen(bare, fit.exponent)
        clean = unmix(sharp, fit.clear)
        odds, other = _against(p, y)
        sharp_odds, _ = _against(sharp, y)
        clean_odds, rival[rows] = _against(clean, y)
        clean_given[rows], clean_rival[rows] = clean[at, y], clean[at, rival[rows]]
        joint = sharpen(p, fit.by_class.exponent) * matrix[y]
        class_noise = 1 - joint[at, y] / np.maximum(joint.sum(axis=1), 1e-12)
        own, best, votes = p[at, y], p[at, other], members.of(rows)
        said = _logit(votes.at_given)
        rising[rows] = np.column_stack(
            [
                odds,
                sharp_odds,
                clean_odds,
                _logit(class_noise),
                _logit(even_errors(bare, y, fit.by_class_bare.rate, fit.by_class_bare.exponent)),
                -_log(own / np.maximum(fit.confidence[y], 1e-3)),
                _log(best / np.maximum(fit.confidence[other], 1e-3)),
                (votes.named != y).mean(axis=0),
                (votes.named == other).mean(axis=0),
                -said.min(axis=0),
                -said.max(axis=0),
                np.zeros((len(y), 2)),
            ]
        )
        rest = np.maximum(1 - own, 1e-6)
        situation[rows] = np.column_stack(
            [
                _log(best / rest),
                _log(_third(p, y, other) / rest),
                _log(fit.overall[other, y] / fit.overall[other, other]),
                _log(fit.clear[other, y] / fit.clear[other, other]),
                _logit(fit.clear[y, y]),
                fit.disputed[y],
                fit.misread[other],
                np.log(fit.share[y] * c),
                np.log(fit.share[other] * c),
            ]
        )
    own_ranks = Ranks.of(rising[:, 1], given, c) if ranks is None else ranks
    rising[:, -2], rising[:, -1] = own_ranks.log_odds(rising[:, 1], given)
    return RowEvidence(rising, situation, rival, clean_given, clean_rival), own_ranks


def _against(probs: Floats, given: Ints) -> tuple[NDArray[np.float32], Ints]:
    """Log odds of the most probable other class against the given one, and that class."""
    at = np.arange(len(given))
    own = probs[at, given]
    rest = probs.copy()
    rest[at, given] = -1.0
    other = rest.argmax(axis=1).astype(np.int64)
    odds = np.log(np.maximum(rest[at, other], 1e-6)) - np.log(np.maximum(own, 1e-6))
    return np.clip(odds, -LIMIT, LIMIT), other


def _third(probs: Floats, given: Ints, other: Ints) -> NDArray[np.float32]:
    """The largest probability besides those of two classes; 0 for two classes."""
    if probs.shape[1] == 2:
        return np.zeros(len(given), np.float32)
    at = np.arange(len(given))
    rest = probs.copy()
    rest[at, given] = rest[at, other] = 0.0
    return np.asarray(rest.max(axis=1))


def _places(sorted_values: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The middle rank, in (0, 1), of each value."""
    first = np.searchsorted(sorted_values, values, side="left")
    last = np.searchsorted(sorted_values, values, side="right")
    return np.asarray(((first + last) / 2 + 0.25) / (len(sorted_values) + 0.5))


def _logit(p: NDArray[np.floating], least: float = 1e-4) -> NDArray[np.float64]:
    clipped = np.clip(np.asarray(p, np.float64), least, 1 - least)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _log(value: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(np.clip(np.log(np.maximum(np.asarray(value, np.float64), 1e-5)), -LIMIT, 3.0))
