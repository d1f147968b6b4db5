"""From raw scores to honest probabilities: temperature and floor, and the weights of an ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIT_ROWS = 8_000


@dataclass(frozen=True)
class Calibration:
    """p = (1 - floor) * softmax(scores / temperature) + floor / classes."""

    temperature: float
    floor: float

    def __call__(self, scores: NDArray[Any]) -> NDArray[np.float32]:
        """(..., c) scores -> float32 probabilities of the same shape."""
        probs = softmax(scores / np.float32(self.temperature))
        return (probs * np.float32(1 - self.floor) + np.float32(self.floor / scores.shape[-1])).astype(np.float32)


def softmax(scores: NDArray[Any]) -> NDArray[Any]:
    """Probabilities over the last axis."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def fit_calibration(scores: NDArray[Any], labels: NDArray[np.int64]) -> Calibration:
    """The temperature (Guo et al. 2017) and floor with the least log-loss of the out-of-sample scores.

    scores: (n, c), out-of-sample, higher = more likely. labels: (n,) the given labels. The floor is the share of
    labels that no score explains: with flipped labels a temperature alone would blur the clean ones to pay for them.
    """
    from scipy.optimize import minimize

    step = max(1, -(-len(labels) // FIT_ROWS))
    s, y = np.asarray(scores[::step], dtype=np.float64), labels[::step]
    c = s.shape[1]
    spread = float(np.sqrt(np.mean((s - s.mean(axis=1, keepdims=True)) ** 2))) if len(y) else 0.0
    if not spread > 0:
        return Calibration(1.0, 0.0)
    s = (s - s.max(axis=1, keepdims=True)) / spread
    rows = np.arange(len(y))

    def loss(z: NDArray[Any]) -> float:
        floor = 0.9 / (1 + np.exp(-z[1]))
        e = np.exp(s * np.exp(-z[0]))
        p = (1 - floor) * e[rows, y] / e.sum(axis=1) + floor / c
        # A faint pull to a small floor and temperature one keeps tiny samples from running away.
        return float(-np.log(np.maximum(p, 1e-12)).mean() + (0.01 * z[0] ** 2 + 0.01 * (z[1] + 3) ** 2) / len(y))

    starts = [(t, f) for t in (-3.0, -2.0, -1.0, 0.0, 1.0) for f in (-6.0, -2.0)]
    best = min(starts, key=lambda z: loss(np.array(z)))
    found = minimize(loss, np.array(best), method="Nelder-Mead", options={"maxfev": 80, "xatol": 1e-3, "fatol": 1e-6})
    return Calibration(float(np.exp(found.x[0]) * spread), float(0.9 / (1 + np.exp(-found.x[1]))))


def mixture_weights(
    member_probs: NDArray[np.float32], labels: NDArray[np.int64], *, rounds: int = 100
) -> NDArray[np.float64]:
    """(m,) weights, sum 1, under which the average of the members has the least out-of-sample log-loss.

    member_probs: (m, n, c), out-of-sample. Expectation maximisation for mixture weights: convex, so no tuning.
    """
    m = len(member_probs)
    weights = np.full(m, 1.0 / m)
    given = np.maximum(member_probs[:, np.arange(len(labels)), labels].astype(np.float64), 1e-12)
    for _ in range(rounds):
        share = weights[:, None] * given
        weights = (share / share.sum(axis=0)).mean(axis=1) if given.shape[1] else weights
    return np.asarray(weights / weights.sum())
