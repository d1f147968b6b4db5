"""What is fitted to a dataset before its labels are judged: floor, sharpness, noise matrices, and what each class is
like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.label_noise.class_noise import ClassNoise, class_noise
from dqkit.signals.label_noise.noise_model import (
    Floats,
    Ints,
    best_exponent,
    fit_matrix,
    floor_of,
    overall_matrix,
    sharpen,
    without_floor,
)

EXPONENT_ROWS = 20_000
FEW_ROWS = 50  # a temperature fitted on fewer labels than this is noise


@dataclass(frozen=True, eq=False)
class NoiseFit:
    """What is known of a dataset's labels as a whole; c classes.

    Attributes
    ----------
    floor, exponent : float
        The even share in every probability, and the power that suits the rest; see `noise_model`.
    clear, overall : ndarray, shape (c, c)
        Noise matrices of the clear rows and of all rows; row = true class.
    by_class : ClassNoise
        The likeliest noise that depends on the class alone, fitted to the probabilities as they are.
    by_class_bare : ClassNoise
        The same, fitted to the probabilities without their floor.
    confidence : ndarray, shape (c,)
        The mean probability of each class among the rows that are given it.
    share : ndarray, shape (c,)
        The share of each class among the given labels.
    disputed, misread : ndarray, shape (c,)
        The share of the rows given a class, and of those predicted as it, where label and prediction differ.
    rows : int
        Labelled rows in all.
    """

    floor: float
    exponent: float
    clear: NDArray[np.float64]
    overall: NDArray[np.float64]
    by_class: ClassNoise
    by_class_bare: ClassNoise
    confidence: NDArray[np.float64]
    share: NDArray[np.float64]
    disputed: NDArray[np.float64]
    misread: NDArray[np.float64]
    rows: int

    @property
    def by_class_matrix(self) -> NDArray[np.float64]:
        """(c, c) the matrix of `by_class`, each class with half a row of its own label added."""
        counts = self.by_class.counts + 0.5 * np.eye(len(self.clear)) + 0.01
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def fit_noise(probs: Floats, given: Ints, seed: int, *, rows: int) -> NoiseFit:
    """probs: (k, c) of labelled rows, k >= 1. given: (k,), 0..c-1. rows: how many there are in all."""
    c = probs.shape[1]
    floor = floor_of(probs)
    bare = without_floor(probs, floor)
    exponent = best_exponent(bare[:EXPONENT_ROWS], given[:EXPONENT_ROWS]) if len(given) >= FEW_ROWS else 1.0
    clear, clean = fit_matrix(sharpen(bare, exponent), given)
    by_class = class_noise(probs, given, seed)
    predicted = probs.argmax(axis=1)
    differs = predicted != given
    given_count, predicted_count = (np.bincount(x, minlength=c) for x in (given, predicted))
    own = np.bincount(given, probs[np.arange(len(given)), given], minlength=c)
    return NoiseFit(
        floor=floor,
        exponent=exponent,
        clear=clear,
        overall=overall_matrix(clean, given),
        by_class=by_class,
        by_class_bare=class_noise(bare, given, seed) if floor > 1e-4 else by_class,
        confidence=np.where(given_count > 0, own / np.maximum(given_count, 1), 1.0),
        share=(given_count + 0.5) / (len(given) + 0.5 * c),
        disputed=np.bincount(given, differs, minlength=c) / np.maximum(given_count, 1),
        misread=np.bincount(predicted, differs, minlength=c) / np.maximum(predicted_count, 1),
        rows=rows,
    )
