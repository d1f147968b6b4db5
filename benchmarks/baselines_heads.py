"""Linear heads over five folds: batched ridge and logistic regression against scikit-learn, fold by fold.

Run: python benchmarks/baselines_heads.py [--n 50000] [--d 384]
Data: synthetic features with the decaying spectrum of real embeddings (column deviation = rank ** -decay), 10 classes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from dqkit.baselines.calibration import fit_calibration, softmax
from dqkit.baselines.folds import stratified_folds
from dqkit.baselines.linear_heads import logistic_folds
from dqkit.baselines.members import Task
from dqkit.baselines.ridge import FoldRidge
from dqkit.datasets import from_arrays


def features(n: int, d: int, seed: int, decay: float) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Ten overlapping classes whose means differ mostly along the leading directions."""
    rng = np.random.default_rng(seed)
    scale = (1.0 + np.arange(d)) ** -decay
    y = rng.integers(0, 10, n)
    x = rng.standard_normal((n, d)) + 1.0 * rng.standard_normal((10, d))[y] * (np.arange(d) < 60)
    rotation = np.linalg.qr(rng.standard_normal((d, d)))[0]
    x = (x * scale) @ rotation
    flip = rng.random(n) < 0.05
    y[flip] = rng.integers(0, 10, int(flip.sum()))
    return x.astype(np.float32), y.astype(np.int64)


def log_loss(probs: NDArray[Any], y: NDArray[np.int64]) -> float:
    return float(-np.log(np.maximum(probs[np.arange(len(y)), y], 1e-12)).mean())


def timed(name: str, fit: Callable[[], NDArray[Any]], y: NDArray[np.int64]) -> float:
    wall, cpu = time.perf_counter(), time.process_time()
    probs = fit()
    cpu = time.process_time() - cpu
    wall = time.perf_counter() - wall
    accuracy = float((probs.argmax(axis=1) == y).mean())
    print(f"{name:34s} {cpu:8.2f} {wall:8.2f} {log_loss(probs, y):9.4f} {accuracy:9.4f}", flush=True)
    return cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=50_000)
    parser.add_argument("--d", type=int, default=384)
    parser.add_argument("--decay", type=float, default=1.0, help="column deviation = rank ** -decay")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", default=None, help="accepted for uniformity; the features are synthetic")
    args = parser.parse_args()
    x, y = features(args.n, args.d, args.seed, args.decay)
    folds = stratified_folds(y, folds=5, seed=args.seed)
    print(f"n = {args.n:,}, d = {args.d}, deviation rank^-{args.decay}, 10 classes, 5 folds, seed {args.seed}, C = 1")
    print(f"{'':34s} {'CPU s':>8s} {'wall s':>8s} {'log-loss':>9s} {'accuracy':>9s}")

    def ours() -> NDArray[Any]:
        w = logistic_folds(x, y, folds, 10, penalty=1.0)
        out = np.empty((len(y), 10))
        for k in range(5):
            out[folds == k] = softmax((x[folds == k] @ w[k, :-1] + w[k, -1]).astype(np.float64))
        return out

    data = from_arrays(x, y)

    def ridge() -> NDArray[Any]:
        task = Task(data, y, folds, args.seed)
        model = FoldRidge(task, x)
        scores = np.empty((len(y), 10), dtype=np.float32)
        for k in range(5):
            held = np.flatnonzero(folds == k)
            scores[held] = model.fit(k)(held)
        return np.asarray(fit_calibration(scores, y)(scores))

    def peer() -> NDArray[Any]:
        out = np.empty((len(y), 10))
        for k in range(5):
            model = LogisticRegression(C=1.0, max_iter=1000).fit(x[folds != k], y[folds != k])
            out[folds == k] = model.predict_proba(x[folds == k])
        return out

    mine = timed("logistic_folds (batched L-BFGS)", ours, y)
    closed = timed("FoldRidge + temperature", ridge, y)
    other = timed("sklearn LogisticRegression x 5", peer, y)
    print(f"less CPU than scikit-learn: logistic {other / mine:.1f}x, ridge {other / closed:.1f}x")


if __name__ == "__main__":
    main()
