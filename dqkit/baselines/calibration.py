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


def pool_exponents(logs: NDArray[Any], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(m,) non-negative exponents under which the product of the members' probabilities, scaled to sum one, has the
    least out-of-sample log-loss.

    logs: (m, n, c), logarithms of out-of-sample probabilities. A logarithmic pool (Genest and Zidek 1986): a member
    that is sure counts for more than one that wavers, which an average of probabilities cannot express. Convex in the
    exponents; fitted on at most 8,000 samples.
    """
    from scipy.optimize import minimize

    m = len(logs)
    even = np.full(m, 1.0 / m)
    if len(labels) == 0 or m == 1:
        return even
    step = max(1, -(-len(labels) // FIT_ROWS))
    z, y = np.asarray(logs[:, ::step], dtype=np.float64), labels[::step]
    rows = np.arange(len(y))
    given = z[:, rows, y].mean(axis=1)

    def loss(exponents: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        pooled = np.tensordot(exponents, z, axes=1)
        pooled -= pooled.max(axis=1, keepdims=True)
        probs = np.exp(pooled)
        total = probs.sum(axis=1, keepdims=True)
        value = float((np.log(total[:, 0]) - pooled[rows, y]).mean())
        slope = np.einsum("nc,mnc->m", probs / total, z) / len(y) - given
        # A faint pull to even shares keeps a handful of samples from choosing one member.
        pull = exponents - even
        return value + 0.1 * float(pull @ pull) / len(y), slope + 0.2 * pull / len(y)

    found = minimize(loss, even, jac=True, bounds=[(0, None)] * m, method="L-BFGS-B")
    exponents = np.asarray(found.x, dtype=np.float64)
    return exponents if np.isfinite(exponents).all() and exponents.sum() > 1e-6 else even
