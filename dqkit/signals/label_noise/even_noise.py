"""Noise that is spread evenly: a label may turn into any other class alike, whatever the sample looks like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.label_noise.noise_model import Floats, Ints, floor_of, sharpen, without_floor
from dqkit.signals.label_noise.noise_share import ClassNoise, class_noise

# Each pair: where a sign of uneven noise (or of too few errors to tell) counts in full, and where it no longer does.
SPREAD = (0.3, 0.15)
COMMON = (0.35, 0.55)
ERRORS = (40.0, 120.0)
CELLS = (2.0, 12.0)
KEPT = 0.9
NO_FLOOR = 1e-4


@dataclass(frozen=True)
class EvenNoise:
    """rate: share of wrong labels. exponent: how probabilities without their floor are sharpened. evenness: 0 to 1, how
    far the noise is held to be evenly spread."""

    rate: float
    exponent: float
    evenness: float


NONE = EvenNoise(0.0, 1.0, 0.0)


def even_noise(probs: Floats, given: Ints, fitted: ClassNoise, seed: int) -> EvenNoise:
    """How evenly the noise is spread. probs: (k, c) of the labelled rows; fitted: their noise by class."""
    floor = floor_of(probs)
    if floor > NO_FLOOR:
        fitted = class_noise(without_floor(probs, floor), given, seed)
    return EvenNoise(fitted.rate, fitted.exponent, evenness(fitted.counts))


def evenness(counts: NDArray[np.float64]) -> float:
    """0 to 1: how far the off-diagonal of (c, c) `counts` of true by given labels looks evenly spread.

    People take one class for another that looks like it, and a matrix of their slips has some large cells and many
    small ones; noise that was put in at random has not. Its cells vary as counts do (Poisson) and no more. The tenth of
    the cells with the highest rates is left out: there a weak model's own confusions are booked as noise. Asked of the
    others is that their variance beyond Poisson's is small against the squared mean (the excess squared coefficient of
    variation of overdispersed counts), and that they explain most of the errors. Few errors, or few classes, tell
    nothing.

    >>> even, people = np.full((10, 10), 9.0), np.zeros((10, 10))
    >>> people[np.arange(9), np.arange(1, 10)] = 90.0
    >>> evenness(even), evenness(people)
    (1.0, 0.0)
    """
    c = len(counts)
    off = ~np.eye(c, dtype=bool)
    errors, rows = counts[off], np.repeat(counts.sum(axis=1), c - 1)
    total = float(errors.sum())
    calm = np.argsort(errors / np.maximum(rows, 1e-9), kind="stable")[: int(np.ceil(KEPT * len(errors)))]
    rate = float(errors[calm].sum()) / max(float(rows[calm].sum()), 1e-9)
    expected = rate * rows[calm]
    if total <= ERRORS[0] or rate <= 0:
        return 0.0
    spread = float(((errors[calm] - expected) ** 2 - errors[calm]).sum() / (expected**2).sum())
    common = rate * float(rows.sum()) / total
    signs = _ramp(spread, *SPREAD), _ramp(common, *COMMON), _ramp(total, *ERRORS), _ramp(len(errors), *CELLS)
    return float(np.prod(signs))


def even_errors(probs: Floats, given: Ints, noise: EvenNoise) -> NDArray[np.float64]:
    """(k,) the probability that each label is wrong, if noise is even: Bayes' rule. probs: (k, c) without floor."""
    c = probs.shape[1]
    right = sharpen(probs, noise.exponent)[np.arange(len(given)), given].astype(np.float64)
    rate = min(noise.rate, 1 - 1 / c)
    slipped = (1 - right) * rate / (c - 1)
    return np.asarray(slipped / np.maximum(slipped + right * (1 - rate), 1e-30))


def _ramp(value: float, start: float, end: float) -> float:
    return float(np.clip((value - start) / (end - start), 0.0, 1.0))
