"""The table of baselines: what chance, simple references, every member and the ensemble achieve out of sample."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.arrays.calibration import calibration_error
from dqkit.baselines.calibration import fit_calibration
from dqkit.baselines.kernel import squared_distances
from dqkit.baselines.members import Fitted, Positions, Predict, Scores, Task
from dqkit.baselines.memory import MemoryWatch
from dqkit.baselines.ridge import FoldRidge

REFERENCE_ROWS = 2_000
NEIGHBORS = 10
LATENCY_CALLS = 30

_SUMMED = ("seconds", "predict_ms_p50", "predict_ms_p90", "predict_ms_p99", "size_mb")


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


def reference_rows(task: Task, features: NDArray[np.float32], plain: NDArray[np.float32]) -> list[dict[str, Any]]:
    """Rows for chance, majority, nearest neighbours (on features) and a linear model (on plain inputs).

    Every one is judged out of sample under the same folds; the last three on at most 2,000 samples (column n).
    """
    y, c = task.y[task.labeled], task.n_classes
    started = time.perf_counter()
    rows = [_reference("chance", np.full((len(y), c), 1 / c), y, 0.0)]
    # Chance names every class equally often: its expected scores, not those of one arbitrary argmax.
    rows[0] |= {"accuracy": 1 / c, "balanced_accuracy": 1 / c, "ece": 0.0}
    shares = np.zeros((len(y), c))
    for fold in range(int(task.folds.max()) + 1):
        counts = np.bincount(task.y[task.training(fold)], minlength=c) + 1e-3
        shares[task.folds[task.labeled] == fold] = counts / counts.sum()
    rows.append(_reference("majority", shares, y, time.perf_counter() - started))
    rng = np.random.default_rng(task.seed)
    asked = np.sort(rng.choice(task.labeled, size=min(len(task.labeled), REFERENCE_ROWS), replace=False))
    rows += _neighbor_rows(task, features, asked)
    started = time.perf_counter()
    ridge = FoldRidge(task, plain)
    linear = _judged(task, asked, ridge.fit)
    rows.append(_row("linear", linear.scores, task.y[asked], time.perf_counter() - started) | linear.costs)
    return rows


def _neighbor_rows(task: Task, features: NDArray[np.float32], asked: NDArray[np.int64]) -> list[dict[str, Any]]:
    started = time.perf_counter()
    votes = _judged(task, asked, lambda fold: _votes(task, features, fold))
    elapsed = time.perf_counter() - started
    out = []
    for column, name in enumerate(("nearest neighbour", f"{NEIGHBORS} nearest neighbours")):
        scores = votes.scores[:, column * task.n_classes :][:, : task.n_classes]
        out.append(_row(name, scores, task.y[asked], elapsed / 2) | votes.costs)
    return out


@dataclass(frozen=True, eq=False)
class _Judged:
    scores: Scores
    costs: dict[str, float]


def _judged(task: Task, asked: Positions, fit: Callable[[int], Predict]) -> _Judged:
    """What the models of all folds say of the samples each was not trained on, and what one of them costs."""
    parts: list[tuple[NDArray[np.bool_], Scores]] = []
    costs: dict[str, float] = {}
    with MemoryWatch() as memory:
        for fold in np.unique(task.folds[asked]):
            here = task.folds[asked] == fold
            predict = fit(int(fold))
            parts.append((here, predict(asked[here])))
            if not costs:
                costs = latency(predict, asked[here])
                costs["size_mb"] = predict.size / 2**20 if isinstance(predict, Fitted) else float("nan")
    scores = np.zeros((len(asked), parts[0][1].shape[1]), dtype=np.float32)
    for here, part in parts:
        scores[here] = part
    return _Judged(scores, costs | {"memory_mb": memory.peak_mb})


def _votes(task: Task, features: NDArray[np.float32], fold: int) -> Predict:
    """(k, 2 classes) log shares: first of the one nearest training sample's label, then of the ten nearest ones'."""
    train = task.training(fold)
    k = min(NEIGHBORS, len(train))

    def predict(at: Positions) -> Scores:
        votes = np.zeros((len(at), 2, task.n_classes))
        for start in range(0, len(at), 500):
            part = slice(start, start + 500)
            distances = squared_distances(features[at[part]], features[train])
            near = np.argpartition(distances, k - 1, axis=1)[:, :k]
            order = np.take_along_axis(distances, near, axis=1).argsort(axis=1, kind="stable")
            labels = task.y[train[np.take_along_axis(near, order, axis=1)]]
            rows = np.arange(len(labels))
            votes[part][rows, 0, labels[:, 0]] += 1
            for rank in range(k):
                votes[part][rows, 1, labels[:, rank]] += 1
        shares = votes / votes.sum(axis=2, keepdims=True)
        return np.asarray(np.log(shares + 0.02).reshape(len(at), -1), dtype=np.float32)

    return Fitted(predict, len(train) * features[0].nbytes)


def latency(predict: Predict, at: Positions) -> dict[str, float]:
    """Milliseconds for one sample, its features at hand; fewer calls where a model is slow."""
    times: list[float] = []
    deadline = time.perf_counter() + 0.1
    for i in range(LATENCY_CALLS):
        started = time.perf_counter()
        predict(at[i % len(at) : i % len(at) + 1])
        times.append(1000 * (time.perf_counter() - started))
        if time.perf_counter() > deadline:
            break
    return {f"predict_ms_p{q}": float(np.percentile(times, q)) for q in (50, 90, 99)}


def ensemble_row(
    pred_probs: NDArray[np.float32], labels: NDArray[np.int64], members: list[dict[str, Any]]
) -> dict[str, Any]:
    """The line of the weighted average: its members answer one after another, so times and sizes are their sums."""
    sums = {key: sum(row[key] for row in members) for key in _SUMMED if all(key in row for row in members)}
    return {
        "model": "ensemble",
        "kind": "ensemble",
        **scores_of(pred_probs, labels),
        **sums,
        "memory_mb": max(row["memory_mb"] for row in members),
        "n": len(labels),
        "status": "ok",
    }


def _row(name: str, scores: NDArray[Any], y: NDArray[np.int64], seconds: float) -> dict[str, Any]:
    probs = fit_calibration(scores, y)(scores)
    return _reference(name, probs, y, seconds)


def _reference(name: str, probs: NDArray[Any], y: NDArray[np.int64], seconds: float) -> dict[str, Any]:
    return {"model": name, "kind": "reference", **scores_of(probs, y), "n": len(y), "seconds": seconds, "status": "ok"}


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a model in the given order, the same columns whatever rows there are.

    seconds: wall seconds to fit and judge all folds; features that several members share count for the first that asks.
    predict_ms_p50, p90, p99: milliseconds for one sample, its features at hand. size_mb: MiB of what one fold learned
    (the nearest neighbours learn their samples). memory_mb: MiB by which the process grew at most while a fold was
    fitted, device memory included: see `MemoryWatch`.
    """
    columns = ["model", "kind", "accuracy", "balanced_accuracy", "log_loss", "ece", "weight", "n", "seconds"]
    columns += ["predict_ms_p50", "predict_ms_p90", "predict_ms_p99", "size_mb", "memory_mb", "status"]
    return pd.DataFrame(rows).reindex(columns=columns)
