"""Wrong values of a continuous target: out-of-sample residuals, relative to how large residuals are nearby."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import numbers
from dqkit.records import InputError
from dqkit.signals.labels import wilson_interval
from dqkit.signals.neighbors import Neighbors
from dqkit.signals.neighbors import neighbors as nearest_rows

THRESHOLD = 3.5
AROUND = 50
TO_SIGMA = 1.4826
LARGEST = 1e100  # squares of residuals must be finite


@dataclass(frozen=True, eq=False)
class TargetErrors:
    """Which values of a continuous target are probably wrong.

    Attributes
    ----------
    table : DataFrame
        Rows 0 to n - 1. score, flag, suggested_label (the predicted value), error_probability, kind, reasons, residual
        (given - predicted), spread (the usual size of residuals nearby).
    error_rate : float
        The share of the values that are wrong.
    error_rate_interval : (float, float)
        Its 95 % interval.
    weights : ndarray, shape (members,)
        The weight of each member, summing to one.
    """

    table: pd.DataFrame
    error_rate: float
    error_rate_interval: tuple[float, float]
    weights: NDArray[np.float64]


def regression_errors(
    targets: ArrayLike,
    predictions: ArrayLike,
    *,
    features: ArrayLike | None = None,
    neighbors: Neighbors | None = None,
) -> TargetErrors:
    """Find the values of a continuous target that are probably wrong.

    Parameters
    ----------
    targets : array-like, shape (n,)
        Finite numbers.
    predictions : array-like, shape (n,) or (members, n)
        Out of sample. Members are weighted by one over their median squared residual.
    features : array-like, shape (n, d), optional
        For the nearest rows of each row (k = 50).
    neighbors : Neighbors, optional
        The nearest rows, where they were found before.

    Returns
    -------
    TargetErrors
        One row a sample.

    Raises
    ------
    InputError
        On other shapes, fewer than 3 rows or values that are not finite.

    Notes
    -----
    Each residual is divided by the spread around it: 1.4826 x the median absolute residual of the neighbours, or
    without them of the 50 rows with the nearest predictions; never less than a tenth of the overall spread. Let z be
    the size of a residual divided by its spread: flag is z > 3.5, and score is z^2 / (z^2 + 3.5^2), in [0, 1).

    References
    ----------
    B. Iglewicz & D. C. Hoaglin, 1993.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(0, 1, 30)
    >>> y = x + 0.01 * np.sin(40 * x)
    >>> y[7] += 2
    >>> found = regression_errors(y, x)
    >>> found.table.index[found.table["flag"]].tolist()
    [7]
    """
    y = numbers("targets", targets, shape="(n,)").astype(np.float64)
    guesses = numbers("predictions", predictions, shape="(n,) or (members, n)").astype(np.float64)
    guesses = guesses[None] if guesses.ndim == 1 else guesses
    if y.ndim != 1 or guesses.ndim != 2 or guesses.shape[1] != len(y) or len(guesses) == 0 or len(y) < 3:
        raise InputError(
            f"predictions of a continuous target must have shape (n,) or (members, n), n = {y.size} >= 3; "
            f"got {np.shape(predictions)}. Class labels must be whole numbers."
        )
    for name, values in (("targets", y), ("predictions", guesses)):
        if np.isfinite(values).all() and np.abs(values).max() > LARGEST:
            raise InputError(f"{name} must lie within {LARGEST:g}; got {np.abs(values).max():.4g}. Scale them first.")
    if not (np.isfinite(y).all() and np.isfinite(guesses).all()):
        raise InputError("targets and predictions must be finite; drop or fill the rows with NaN or infinity first.")
    n = len(y)
    error = np.median((y - guesses) ** 2, axis=1)
    weights = 1.0 / np.maximum(error, max(float(error.max()), 1e-300) * 1e-6)
    weights /= weights.sum()
    predicted = weights @ guesses
    residual = y - predicted
    size = np.abs(residual)
    overall = max(TO_SIGMA * float(np.median(size)), 1e-12 * max(float(np.abs(y).max()), 1.0))
    spread = np.maximum(_spread(size, predicted, features, neighbors), 0.1 * overall)
    z = size / spread
    score = z**2 / (z**2 + THRESHOLD**2)
    flag = z > THRESHOLD
    rate = float(flag.mean())
    low, high = wilson_interval([flag.sum()], [n])
    words = np.full(n, "", dtype=object)
    for i in np.flatnonzero(flag):
        words[i] = f"value differs from the prediction by {residual[i]:+.4g}, {z[i]:.1f} times the usual spread nearby"
    table = pd.DataFrame(
        {
            "score": score,
            "flag": flag,
            "suggested_label": predicted,
            "error_probability": score * (rate * n / max(float(score.sum()), 1e-12)),
            "kind": np.where(flag, "mislabelled", "").astype(object),
            "reasons": words,
            "residual": residual,
            "spread": spread,
        }
    )
    table["error_probability"] = table["error_probability"].clip(0.0, 1.0)
    return TargetErrors(table, rate, (float(low[0]), float(high[0])), weights)


def _spread(
    size: NDArray[np.float64], predicted: NDArray[np.float64], features: ArrayLike | None, neighbors: Neighbors | None
) -> NDArray[np.float64]:
    n = len(size)
    if neighbors is None and features is not None:
        neighbors = nearest_rows(features, k=min(AROUND, n - 1))
    if neighbors is not None:
        if not isinstance(neighbors, Neighbors):
            raise InputError(f"neighbors must be what dqkit.signals.neighbors returns; got {type(neighbors).__name__}.")
        if len(neighbors.indices) != n:
            raise InputError(
                f"neighbors and features must describe the {n} targets; got {len(neighbors.indices)} rows."
            )
        return np.asarray(TO_SIGMA * np.median(size[neighbors.indices], axis=1))
    order = np.argsort(predicted, kind="stable")
    around = min(AROUND, n)
    windows = np.lib.stride_tricks.sliding_window_view(size[order], around)
    start = np.clip(np.arange(n) - around // 2, 0, n - around)
    out = np.empty(n)
    out[order] = TO_SIGMA * np.median(windows, axis=1)[start]
    return out
