"""Whether the probabilities mean what they say: temperature scaling, expected calibration error, reliability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.arrays.calibration import BINS, bin_of, calibration_error
from dqkit.checks import as_labels, as_probabilities, check_column_order, whole_number
from dqkit.records import InputError
from dqkit.signals.labels import wilson_interval
from dqkit.signals.uncertainty import tempered

_TINY = 1e-12
_BLOCK_ROWS = 65_536
_COLDEST, _HOTTEST = 0.05, 20.0
MOST_BINS = 1_000_000


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """How far the confidence of the predictions is from their accuracy.

    Attributes
    ----------
    temperature : float
        The T in [0.05, 20] at which p ** (1 / T) has the least log loss; above 1 = over-confident.
    ece : float
        Expected calibration error in [0, 1], without the bias of finite bins.
    ece_plain : float
        The usual estimate of it.
    ece_tempered : float
        `ece` after temperature scaling.
    log_loss, log_loss_tempered : float
        Nats per sample.
    accuracy, confidence : float
        Means over the samples.
    n : int
        How many labelled samples were used.
    reliability : DataFrame
        One row per non-empty bin: low, high (edges of the confidence), count, confidence (mean), accuracy, accuracy_low
        and accuracy_high (95 % Wilson interval).
    """

    temperature: float
    ece: float
    ece_plain: float
    ece_tempered: float
    log_loss: float
    log_loss_tempered: float
    accuracy: float
    confidence: float
    n: int
    reliability: pd.DataFrame

    def __repr__(self) -> str:
        return (
            f"Calibration(n={self.n:,}, temperature={self.temperature:.3f}, ece={self.ece:.4f}, "
            f"after scaling {self.ece_tempered:.4f})"
        )


def calibration(labels: ArrayLike, pred_probs: ArrayLike, *, bins: int = BINS) -> Calibration:
    """Measure how well probabilities are calibrated, and find the temperature that corrects them.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
        The given labels, 0 to c - 1; -1 = unlabelled (left out).
    pred_probs : array-like, shape (n, c)
        Out of sample.
    bins : int
        Equal-width bins of the largest probability, in [0, 1].

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        Where shapes disagree, a label is out of range or no sample is labelled.

    Notes
    -----
    The temperature is found by Newton steps on 1 / T, in which the log loss is convex. `ece` subtracts from each bin
    the part of `|confidence - accuracy|` that a finite bin shows by chance under a normal approximation. It is never
    below 0.

    References
    ----------
    C. Guo et al., 2017 (temperature scaling). A. Kumar et al., 2019 (debiased calibration error, there by resampling).

    Examples
    --------
    >>> calibration([0, 1], [[0.75, 0.25], [0.25, 0.75]], bins=4).ece_plain
    0.25
    """
    probs = as_probabilities("pred_probs", pred_probs, one_column=True)
    given = as_labels(labels, classes=probs.shape[1], n=len(probs))
    bins = whole_number("bins", bins, least=1, most=MOST_BINS)
    rows = np.flatnonzero(given >= 0)
    if not len(rows):
        raise InputError("labels must hold at least one labelled sample; got none. Label some samples first.")
    check_column_order(probs[rows].argmax(axis=1), given[rows], probs.shape[1], stacklevel=3)
    return calibration_of(given[rows], probs[rows], bins)


def calibration_of(given: NDArray[np.int64], probs: NDArray[Any], bins: int = 15) -> Calibration:
    """`calibration` of checked arrays, every row labelled."""
    temperature = best_temperature(given, probs)
    plain, debiased, table = _reliability(given, probs, 1.0, bins)
    _, debiased_after, _ = _reliability(given, probs, temperature, bins)
    return Calibration(
        temperature=temperature,
        ece=debiased,
        ece_plain=plain,
        ece_tempered=debiased_after,
        log_loss=_loss_slope_curvature(given, probs, 1.0)[0],
        log_loss_tempered=_loss_slope_curvature(given, probs, 1.0 / temperature)[0],
        accuracy=float((probs.argmax(axis=1) == given).mean()),
        confidence=float(probs.max(axis=1).mean(dtype=np.float64)),
        n=len(given),
        reliability=table,
    )


def fit_temperature(labels: ArrayLike, probs: ArrayLike) -> float:
    """Find the temperature at which p ** (1 / T), normalised, has the least log loss.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
        Positions of classes; -1 = unlabelled (left out).
    probs : array-like, shape (n, c)
        Zero probabilities count as 1e-12.

    Returns
    -------
    float
        In [0.05, 20]; 1.0 where nothing decides.

    Raises
    ------
    InputError
        Where shapes disagree, a label is out of range, or a row holds no probabilities.
    """
    rows = as_probabilities("probs", probs, one_column=True)
    given = as_labels(labels, classes=rows.shape[1], n=len(rows))
    return best_temperature(given[given >= 0], rows[given >= 0])


def best_temperature(labels: NDArray[np.int64], probs: NDArray[Any]) -> float:
    """`fit_temperature` of checked arrays, every row labelled."""
    if not len(labels) or probs.shape[1] < 2:
        return 1.0
    low, high = 1.0 / _HOTTEST, 1.0 / _COLDEST
    beta = 1.0
    for _ in range(60):
        _, slope, curvature = _loss_slope_curvature(labels, probs, beta)
        if abs(slope) < 1e-10:
            break
        low, high = (beta, high) if slope < 0 else (low, beta)
        step = beta - slope / curvature if curvature > 0 else np.inf
        following = step if low < step < high else 0.5 * (low + high)
        if abs(following - beta) < 1e-9 * beta:
            break
        beta = following
    return float(1.0 / beta)


def _loss_slope_curvature(labels: NDArray[np.int64], probs: NDArray[Any], beta: float) -> tuple[float, float, float]:
    """Mean log loss of softmax(beta * log p), with its first and second derivative in beta."""
    totals = np.zeros(3)
    for start in range(0, len(labels), _BLOCK_ROWS):
        logs = np.log(np.maximum(probs[start : start + _BLOCK_ROWS].astype(np.float64), _TINY))
        given = labels[start : start + _BLOCK_ROWS]
        scaled = beta * logs
        peak = scaled.max(axis=1)
        weight = np.exp(scaled - peak[:, None])
        mass = weight.sum(axis=1)
        weight /= mass[:, None]
        own = logs[np.arange(len(given)), given]
        mean = (weight * logs).sum(axis=1)
        spread = (weight * (logs - mean[:, None]) ** 2).sum(axis=1)
        totals += ((peak + np.log(mass) - beta * own).sum(), (mean - own).sum(), spread.sum())
    loss, slope, curvature = totals / len(labels)
    return float(loss), float(slope), float(curvature)


def _reliability(
    labels: NDArray[np.int64], probs: NDArray[Any], temperature: float, bins: int
) -> tuple[float, float, pd.DataFrame]:
    from scipy.special import erf

    confidence = np.concatenate(
        [tempered(probs[i : i + _BLOCK_ROWS], temperature).max(axis=1) for i in range(0, len(probs), _BLOCK_ROWS)]
    )
    correct = probs.argmax(axis=1) == labels
    at = bin_of(confidence, bins)
    count = np.bincount(at, minlength=bins)
    kept = np.flatnonzero(count)
    size = count[kept]
    mean_confidence = np.bincount(at, weights=confidence, minlength=bins)[kept] / size
    accuracy = np.bincount(at, weights=correct, minlength=bins)[kept] / size
    gap = np.abs(mean_confidence - accuracy)
    sigma = np.sqrt(accuracy * (1 - accuracy) / size)
    ratio = np.divide(gap, sigma, out=np.full(len(gap), np.inf), where=sigma > 0)
    expected = sigma * np.sqrt(2 / np.pi) * np.exp(-0.5 * ratio**2) + gap * erf(ratio / np.sqrt(2))
    share = size / size.sum()
    plain = calibration_error(confidence, correct, bins)
    debiased = float(max(0.0, plain - (share * (expected - gap)).sum()))
    low, high = wilson_interval(np.bincount(at, weights=correct, minlength=bins)[kept], size)
    table = pd.DataFrame(
        {
            "low": kept / bins,
            "high": (kept + 1) / bins,
            "count": size,
            "confidence": mean_confidence,
            "accuracy": accuracy,
            "accuracy_low": low,
            "accuracy_high": high,
        }
    )
    return plain, debiased, table
