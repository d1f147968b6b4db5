"""Noise that is spread evenly: a label may turn into any other class alike, whatever the sample looks like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.label_noise.noise_model import Floats, Ints, sharpen


def even_errors(probs: Floats, given: Ints, rate: float, exponent: float) -> NDArray[np.float64]:
    """(k,) the probability that each label is wrong, if noise is even: Bayes' rule.

    probs: (k, c) without floor. rate: share of wrong labels. exponent: how the probabilities are sharpened.
    """
    c = probs.shape[1]
    right = sharpen(probs, exponent)[np.arange(len(given)), given].astype(np.float64)
    rate = min(rate, 1 - 1 / c)
    slipped = (1 - right) * rate / (c - 1)
    return np.asarray(slipped / np.maximum(slipped + right * (1 - rate), 1e-30))
