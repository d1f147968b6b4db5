"""Which given labels are wrong, how sure that is, and how much noise there is in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.records import UNLABELED, InputError, check_probabilities

Method = Literal["auto", "confident_learning"]


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """The finding: one row a sample in `table`, and the noise in all.

    table: rows 0..n-1; score (float in [0, 1], higher = look sooner), flag (bool), suggested_label (int), kind (str).
    noise_rate, noise_rate_interval: share of the labelled rows whose label is wrong, with its 95 % interval.
    noise_matrix: (c, c), row = true class, column = given class, rows sum to one.
    """

    table: pd.DataFrame
    noise_rate: float
    noise_rate_interval: tuple[float, float]
    noise_matrix: NDArray[np.float64]
    weights: NDArray[np.float64]
    scorers: tuple[str, ...]

    def expected_precision(self, k: int) -> float:
        """The expected share of wrong labels among the `k` rows that score highest."""
        score = np.sort(self.table["score"].to_numpy())[::-1][: max(int(k), 1)]
        return float(score.mean())


def label_errors(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    method: Method = "auto",
    features: ArrayLike | None = None,
    neighbors: Any = None,
    dynamics: Any = None,
    seed: int = 0,
) -> LabelErrors:
    """Return which given labels are probably wrong, as a `LabelErrors`.

    labels: (n,) int positions of classes, -1 = unlabelled. pred_probs: (n, c) or (members, n, c), out of sample.
    Raises `InputError` where shapes disagree, a label is out of range or a row is no distribution.
    """
    probs = np.asarray(pred_probs, dtype=np.float32)
    probs = probs[None] if probs.ndim == 2 else probs
    given = np.asarray(labels)
    if probs.ndim != 3 or probs.shape[1] != len(given) or min(probs.shape[:2]) == 0 or probs.shape[2] < 2:
        raise InputError(
            f"pred_probs must have shape (n, c) or (members, n, c) with n = {len(given)} > 0 labels and c >= 2; "
            f"got {np.shape(pred_probs)}."
        )
    check_probabilities("pred_probs", probs)
    c = probs.shape[2]
    if given.dtype.kind not in "iu" or given.min() < UNLABELED or given.max() >= c:
        raise InputError(f"labels must be integers from -1 (unlabelled) to {c - 1}; got {given.dtype}.")
    given = given.astype(np.int64)
    known = given != UNLABELED
    n = len(given)
    mean = probs.mean(axis=0, dtype=np.float64)
    y, p = given[known], mean[known]
    joint = np.full((c, c), 1e-2)
    for g in range(c):
        joint[:, g] += p[y == g].sum(axis=0)
    matrix = joint / joint.sum(axis=1, keepdims=True)
    posterior = p * matrix[:, y].T
    posterior /= posterior.sum(axis=1, keepdims=True)
    score = np.zeros(n)
    score[known] = 1 - posterior[np.arange(len(y)), y]
    suggested = mean.argmax(axis=1)
    suggested[known] = posterior.argmax(axis=1)
    flag = score > 0.5
    rate = float(score[known].mean()) if known.any() else 0.0
    half = 1.96 * float(np.sqrt(max(rate * (1 - rate), 1e-12) / max(int(known.sum()), 1)))
    table = pd.DataFrame(
        {
            "score": np.clip(score, 0, 1),
            "flag": flag,
            "suggested_label": suggested.astype(np.int64),
            "kind": np.where(flag, "mislabelled", ""),
        }
    )
    return LabelErrors(
        table=table,
        noise_rate=rate,
        noise_rate_interval=(max(rate - half, 0.0), min(rate + half, 1.0)),
        noise_matrix=matrix,
        weights=np.full(len(probs), 1 / len(probs)),
        scorers=("pred_probs",),
    )
