"""The likeliest noise that depends on the class alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.label_noise.noise_model import Floats, Ints, fit_sample, sharpen

EXPONENTS = tuple(float(v) for v in np.exp(np.linspace(-0.9, 1.5, 9)))
FIT_ROWS = 10_000
STEPS = 25
PRIOR_ROWS = 3.0


@dataclass(frozen=True, eq=False)
class ClassNoise:
    """counts: (c, c) rows expected to be of true class t and given g, of the rows that were used; exponent: how the
    probabilities were sharpened to say so. doubt: one minus the mean confidence of the model once the noise is out."""

    counts: NDArray[np.float64]
    exponent: float
    doubt: float

    @property
    def rate(self) -> float:
        """Share of wrong labels if noise depends on the class alone."""
        return 1.0 - float(np.trace(self.counts)) / max(float(self.counts.sum()), 1e-12)


def class_noise(probs: Floats, given: Ints, seed: int) -> ClassNoise:
    """The likeliest noise under P(given | x) = sharpened(probs) T, T and the exponent fitted together.

    probs: (k, c). given: (k,), 0..c-1. EM for T at each of nine exponents; the likeliest is taken (Patrini et al.
    2017 with the temperature fitted jointly). Labels that are wrong at random where the model is clear cannot be
    explained by its doubt, so they are booked on T; what is wrong where the model doubts stays with the model. The
    rate is therefore a lower guess where noise gathers on doubtful rows. At most 10,000 rows are used.
    """
    few = fit_sample(probs, given, seed, limit=FIT_ROWS)
    order = few[np.argsort(given[few], kind="stable")]
    y, rows = given[order], probs[order]
    c = rows.shape[1]
    present, starts = np.unique(y, return_index=True)
    matrix = np.full((c, c), 0.1 / (c - 1))
    np.fill_diagonal(matrix, 0.9)
    best, found = -np.inf, ClassNoise(np.zeros((c, c)), 1.0, 0.0)
    for exponent in EXPONENTS:
        clean = sharpen(rows, exponent)
        likelihood = np.zeros(0, np.float32)
        counts = np.zeros((c, c))
        for _ in range(STEPS):
            joint = clean * matrix.T.astype(np.float32)[y]
            likelihood = joint.sum(axis=1)
            joint /= np.maximum(likelihood, np.float32(1e-12))[:, None]
            counts = np.zeros((c, c))
            counts[:, present] = np.add.reduceat(joint, starts, axis=0).T
            new = _shrunk(counts)
            settled = float(np.abs(new - matrix).max()) < 1e-4
            matrix = new
            if settled:
                break
        mean = float(np.log(np.maximum(likelihood, 1e-12)).mean())
        if mean > best:
            best, found = mean, ClassNoise(counts, exponent, 1.0 - float(clean.max(axis=1).mean()))
    return found


def _shrunk(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    c = len(counts)
    rate = 1.0 - float(np.trace(counts)) / max(float(counts.sum()), 1e-12)
    prior = np.full((c, c), max(rate, 0.005) / (c - 1))
    np.fill_diagonal(prior, 1.0 - rate)
    mixed = counts + PRIOR_ROWS * prior + 1e-6
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))
