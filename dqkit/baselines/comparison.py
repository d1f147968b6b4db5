"""The table of baselines: what chance, simple references, every member and the ensemble achieve out of sample."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.baselines.calibration import fit_calibration
from dqkit.baselines.kernel import squared_distances
from dqkit.baselines.members import Task
from dqkit.baselines.ridge import FoldRidge

REFERENCE_ROWS = 2_000
NEIGHBORS = 10


def scores_of(probs: NDArray[Any], labels: NDArray[np.int64]) -> dict[str, float]:
    """accuracy, balanced_accuracy, log_loss (nats) and ece of (n, c) probabilities against labels."""
    if len(labels) == 0:
        return dict.fromkeys(("accuracy", "balanced_accuracy", "log_loss", "ece"), float("nan"))
    guess = probs.argmax(axis=1)
    hit = (guess == labels).astype(np.float64)
    per_class = [hit[labels == c].mean() for c in np.unique(labels)]
    given = np.maximum(probs[np.arange(len(labels)), labels].astype(np.float64), 1e-12)
    return {
        "accuracy": float(hit.mean()),
        "balanced_accuracy": float(np.mean(per_class)),
        "log_loss": float(-np.log(given).mean()),
        "ece": calibration_error(probs.max(axis=1), hit),
    }


def calibration_error(confidence: NDArray[Any], hit: NDArray[np.float64], bins: int = 15) -> float:
    """Expected calibration error: mean |confidence - accuracy| over equal-width bins, weighted by their size."""
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    size = np.bincount(bin_of, minlength=bins)
    gap = np.abs(np.bincount(bin_of, confidence, bins) - np.bincount(bin_of, hit, bins))
    return float(gap.sum() / max(int(size.sum()), 1))


def reference_rows(task: Task, features: NDArray[np.float32], plain: NDArray[np.float32]) -> list[dict[str, Any]]:
    """Rows for chance, majority, nearest neighbours (on features) and a linear model (on plain inputs).

    Every one is judged out of sample under the same folds; the last three on at most 2,000 samples (column n).
    """
    y, c = task.y[task.labeled], task.n_classes
    started = time.perf_counter()
    rows = [_row("chance", np.full((len(y), c), 1 / c), y, 0.0)]
    # Chance names every class equally often: its expected scores, not those of one arbitrary argmax.
    rows[0] |= {"accuracy": 1 / c, "balanced_accuracy": 1 / c, "ece": 0.0}
    shares = np.zeros((len(y), c))
    for fold in range(int(task.folds.max()) + 1):
        counts = np.bincount(task.y[task.training(fold)], minlength=c) + 1e-3
        shares[task.folds[task.labeled] == fold] = counts / counts.sum()
    rows.append(_row("majority", shares, y, time.perf_counter() - started))
    rng = np.random.default_rng(task.seed)
    asked = np.sort(rng.choice(task.labeled, size=min(len(task.labeled), REFERENCE_ROWS), replace=False))
    rows += _neighbor_rows(task, features, asked)
    started = time.perf_counter()
    ridge = FoldRidge(task, plain)
    scores = np.zeros((len(asked), c), dtype=np.float32)
    for fold in np.unique(task.folds[asked]):
        here = task.folds[asked] == fold
        scores[here] = ridge.fit(int(fold))(asked[here])
    probs = fit_calibration(scores, task.y[asked])(scores)
    rows.append(_row("linear", probs, task.y[asked], time.perf_counter() - started))
    return rows


def _neighbor_rows(task: Task, features: NDArray[np.float32], asked: NDArray[np.int64]) -> list[dict[str, Any]]:
    started = time.perf_counter()
    votes = np.zeros((len(asked), 2, task.n_classes))
    for fold in np.unique(task.folds[asked]):
        here, train = np.flatnonzero(task.folds[asked] == fold), task.training(int(fold))
        k = min(NEIGHBORS, len(train))
        for start in range(0, len(here), 500):
            part = here[start : start + 500]
            distances = squared_distances(features[asked[part]], features[train])
            near = np.argpartition(distances, k - 1, axis=1)[:, :k]
            near = np.take_along_axis(
                near, np.take_along_axis(distances, near, axis=1).argsort(axis=1, kind="stable"), axis=1
            )
            for rank in range(k):
                label = task.y[train[near[:, rank]]]
                votes[part, 1, label] += 1
                if rank == 0:
                    votes[part, 0, label] += 1
    elapsed = time.perf_counter() - started
    y = task.y[asked]
    out = []
    for column, name in enumerate(("nearest neighbour", f"{NEIGHBORS} nearest neighbours")):
        scores = np.log(votes[:, column] / votes[:, column].sum(axis=1, keepdims=True) + 0.02)
        out.append(_row(name, fit_calibration(scores, y)(scores), y, elapsed / 2))
    return out


def _row(name: str, probs: NDArray[Any], y: NDArray[np.int64], seconds: float) -> dict[str, Any]:
    return {"model": name, "kind": "reference", **scores_of(probs, y), "n": len(y), "seconds": seconds, "status": "ok"}


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a model in the given order, the same columns whatever rows there are."""
    columns = ["model", "kind", "accuracy", "balanced_accuracy", "log_loss", "ece", "weight", "n", "seconds"]
    columns += ["predict_ms_p50", "predict_ms_p90", "predict_ms_p99", "size_mb", "memory_mb", "status"]
    return pd.DataFrame(rows).reindex(columns=columns)
