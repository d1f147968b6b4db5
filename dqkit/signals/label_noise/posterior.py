"""The probability that a given label is wrong, from mixed probabilities, the labels and a fitted noise model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.label_noise.even_noise import NONE, EvenNoise, even_errors
from dqkit.signals.label_noise.noise_model import (
    FIT_ROWS,
    Floats,
    Ints,
    best_exponent,
    fit_matrix,
    fit_sample,
    floor_of,
    overall_matrix,
    row_blocks,
    sharpen,
    unmix,
    without_floor,
)

TRUST_LOW, TRUST_CLASS, TRUST_FADING, TRUST_TOP = 0.27, 0.4, 0.4, 0.5
UNDO_ALL, UNDO_NONE = 1.6, 1.8
TRUST_ROWS = 60  # rows a class that the noise matrix needs to be half believed
FEW_ROWS = 50  # a temperature fitted on fewer labels than this is noise


@dataclass(frozen=True)
class Disagreement:
    """Shares of the labelled rows whose label is not the most probable class: under the trust in the labels that is
    used, and where the labels count for nothing (trust 0), for some (0.6) and in full (1)."""

    used: float
    untrusted: float
    half_trusted: float
    trusted: float

    @property
    def fading(self) -> float:
        """How many times the share falls from trust 0 to 0.6: the more, the more doubt of the model makes it."""
        return self.untrusted / max(self.half_trusted, 1e-9)


@dataclass(frozen=True, eq=False)
class Posterior:
    """score, plain, even: (k,) of the labelled rows. rival, clean_given, clean_rival: (n,).

    score: weight of the most probable other class against the given one. plain: one minus the tempered probability of
    the given class. even: probability of an error if noise is evenly spread, which it is held to be as far as evenness
    says (0: not at all, and `even` is empty; 1: wholly). rival: that other class (the most probable of all where no
    label is given). clean_given, clean_rival: P(true | x) of the given class (0 where none is given) and of the rival.
    trust: the exponent of the label's evidence.
    """

    score: NDArray[np.float64]
    plain: NDArray[np.float64]
    rival: Ints
    clean_given: Floats
    clean_rival: Floats
    shares: Disagreement
    trust: float
    even: NDArray[np.float64]
    evenness: float


def posterior(probs: Floats, given: Ints, known: NDArray[np.intp], seed: int, even: EvenNoise = NONE) -> Posterior:
    """The posterior of every row. probs: (n, c) P(given | x). given: (n,), -1 = none. known: where a label is given."""
    n, c = probs.shape
    if len(known) == 0:
        top = probs.argmax(axis=1).astype(np.int64)
        shares = Disagreement(0.0, 0.0, 0.0, 0.0)
        none = np.empty(0)
        return Posterior(none, none, top, np.zeros(n, np.float32), probs.max(axis=1), shares, 0.0, none, 0.0)
    sample = known if len(known) <= FIT_ROWS else known[fit_sample(probs[known], given[known], seed)]
    floor = floor_of(probs[sample])
    p, y = without_floor(probs[sample], floor), given[sample]
    exponent = best_exponent(p[:20_000], y[:20_000]) if len(y) >= FEW_ROWS else 1.0
    clear, clean = fit_matrix(sharpen(p, exponent), y)
    overall = overall_matrix(clean, y)
    between = np.sqrt(clear * overall)
    shares = Disagreement(0.0, *(_share(clean, y, between**t) for t in (0.0, 0.6, 1.0)))
    trust = _trust(clear, overall, shares, len(known))
    undo = _undo(clear, shares)

    score, plain, slips = np.zeros(n), np.zeros(n), np.zeros(n if even.evenness > 0 else 0)
    rival = np.empty(n, dtype=np.int64)
    clean_given, clean_rival = np.zeros(n, np.float32), np.empty(n, np.float32)
    power = between**trust
    for rows in row_blocks(n, c):
        sharp = without_floor(probs[rows], floor)
        seen = sharpen(sharp, exponent)
        q = unmix(seen, undo)
        labels = given[rows]
        at = np.arange(len(labels))
        has = labels >= 0
        safe = np.where(has, labels, 0)
        other, own, weight = _decide(q, safe, power)
        rival[rows] = np.where(has, other, q.argmax(axis=1))
        score[rows] = np.where(has, weight / np.maximum(weight + own, 1e-30), 0.0)
        plain[rows] = np.where(has, 1.0 - seen[at, safe], 0.0)
        if len(slips):
            slips[rows] = even_errors(sharp, safe, even)
        clean_given[rows] = np.where(has, q[at, safe], 0.0)
        clean_rival[rows] = q[at, rival[rows]]
    shares = replace(shares, used=float((score[known] > 0.5).mean()))
    slips = slips[known] if len(slips) else slips
    return Posterior(score[known], plain[known], rival, clean_given, clean_rival, shares, trust, slips, even.evenness)


def _share(q: Floats, given: Ints, power: NDArray[np.float64]) -> float:
    _, own, rival = _decide(q, given, power)
    return float((rival > own).mean())


def _decide(
    q: Floats, given: Ints, power: NDArray[np.float64]
) -> tuple[Ints, NDArray[np.float32], NDArray[np.float32]]:
    """The most probable other class, the weight of the given one, and that of the other."""
    weight = q * power.T.astype(np.float32)[given]
    at = np.arange(len(given))
    own = weight[at, given].copy()
    weight[at, given] = -1.0
    other = weight.argmax(axis=1)
    return other.astype(np.int64), own, weight[at, other]


def _trust(clear: NDArray[np.float64], overall: NDArray[np.float64], shares: Disagreement, rows: int) -> float:
    """The exponent of the label's evidence; its reasons stand in the docstring of `label_errors`."""
    c = len(clear)
    everywhere = max(1 - float(np.trace(overall)) / c, 1e-9)
    ratio = (1 - float(np.trace(clear)) / c) / everywhere
    fading = shares.fading
    by_class = TRUST_LOW + (TRUST_CLASS - TRUST_LOW) * float(np.clip((ratio - 0.5) / 0.4, 0, 1))
    by_fading = TRUST_LOW + (TRUST_FADING - TRUST_LOW) * float(np.clip((fading - 1.3) / 0.7, 0, 1))
    trust = max(by_class, by_fading)
    trust += (TRUST_TOP - trust) * float(np.clip(fading - 2.4, 0, 1))
    return trust * rows / (rows + TRUST_ROWS * c)


def undone(shares: Disagreement) -> float:
    """How much of the clear rows' matrix is divided out, 0 to 1: less, the more doubt of the model makes the
    disagreement.

    A weak model confuses classes even where it is clear; divided out as if it were noise, that confusion grows.
    """
    return float(np.clip((UNDO_NONE - shares.fading) / (UNDO_NONE - UNDO_ALL), 0, 1))


def _undo(clear: NDArray[np.float64], shares: Disagreement) -> NDArray[np.float64]:
    share = undone(shares)
    return np.asarray(share * clear + (1 - share) * np.eye(len(clear)))


def transition_matrix(true: Ints, given: Ints, c: int) -> NDArray[np.float64]:
    """(c, c) shares of the given labels by true class; a class no row is thought to belong to keeps its own label."""
    counts = np.bincount(true * c + given, minlength=c * c).reshape(c, c).astype(np.float64)
    empty = counts.sum(axis=1) == 0
    counts[empty, np.flatnonzero(empty)] = 1.0
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))
