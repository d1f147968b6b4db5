"""Out-of-sample log probabilities of many kinds of models, from those that hardly learn to those that learn the noise.

`out_of_fold(kind, x, y, c, rng)` draws the settings of one model of that kind and the folds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

Ints = np.ndarray
Floats = np.ndarray
Rng = np.random.Generator
KERNEL_ROWS = 2_500  # a kernel matrix of more rows takes longer than the rest of an audit


def out_of_fold(kind: str, x: Floats, y: Ints, c: int, rng: Rng, folds: int, columns: Ints | None = None) -> Floats:
    """(n, c) scores (log probabilities but for a constant a row) of rows that a model was not trained on."""
    fold = dealt(y, folds, rng)
    x = x if columns is None else np.ascontiguousarray(x[:, columns])
    if kind in ("network", "memorising"):
        return networks(x, y, fold, folds, c, rng, memorising=kind == "memorising")
    fit = MODELS[kind](rng)
    out = np.zeros((len(y), c), np.float32)
    for k in range(folds):
        train, held = fold != k, fold == k
        if held.any():
            out[held] = fit(x[train], y[train], x[held], c)
    return out


def dealt(y: Ints, folds: int, rng: Rng) -> Ints:
    """Stratified folds."""
    fold = np.empty(len(y), int)
    order = rng.permutation(len(y))
    for k in np.unique(y):
        rows = order[y[order] == k]
        fold[rows] = (np.arange(len(rows)) + rng.integers(folds)) % folds
    return fold


Fit = Callable[[Floats, Ints, Floats, int], Floats]


def linear(rng: Rng) -> Fit:
    """Multinomial logistic regression."""
    penalty = 10 ** rng.uniform(-6, -1)

    def fit(x: Floats, y: Ints, held: Floats, c: int) -> Floats:
        rows, labels = torch.from_numpy(with_one(x)), torch.from_numpy(y)
        weights = torch.zeros(rows.shape[1], c, requires_grad=True)
        step = torch.optim.LBFGS([weights], max_iter=25, history_size=8, line_search_fn="strong_wolfe")

        def loss() -> Any:
            step.zero_grad()
            value = functional.cross_entropy(rows @ weights, labels) + penalty * (weights[:-1] ** 2).sum()
            value.backward()
            return value

        step.step(loss)
        with torch.no_grad():
            return np.asarray((torch.from_numpy(with_one(held)) @ weights).log_softmax(1).numpy())

    return fit


def ridge(rng: Rng) -> Fit:
    """Least squares on the classes, sharpened."""
    penalty, scale = 10 ** rng.uniform(-4, 0), np.exp(rng.uniform(0, 3))

    def fit(x: Floats, y: Ints, held: Floats, c: int) -> Floats:
        target = np.eye(c, dtype=np.float32)[y]
        mean = target.mean(axis=0)
        square = x.T @ x + penalty * len(x) * np.eye(x.shape[1], dtype=np.float32)
        return np.asarray(scale * (held @ np.linalg.solve(square, x.T @ (target - mean)) + mean), np.float32)

    return fit


def kernel(rng: Rng) -> Fit:
    """Regression with a Laplace kernel and next to no penalty: it passes through every training label, wrong or not."""
    width, penalty, scale = np.exp(rng.uniform(-0.7, 1.2)), 10 ** rng.uniform(-6, -2), np.exp(rng.uniform(0.7, 3.2))
    pick = np.random.default_rng(int(rng.integers(2**31)))

    def fit(x: Floats, y: Ints, held: Floats, c: int) -> Floats:
        if len(x) > KERNEL_ROWS:
            few = pick.permutation(len(x))[:KERNEL_ROWS]
            x, y = x[few], y[few]
        mean = np.bincount(y, minlength=c) / len(y)
        target = np.eye(c, dtype=np.float32)[y] - mean
        between = torch.cdist(torch.from_numpy(x), torch.from_numpy(x)).numpy()
        reach = width * max(float(np.median(between)), 1e-6)
        square = (np.exp(-between / reach) + penalty * np.eye(len(x))).astype(np.float32)
        across = torch.cdist(torch.from_numpy(held), torch.from_numpy(x)).numpy()
        solved = torch.linalg.solve(torch.from_numpy(square), torch.from_numpy(target.astype(np.float32))).numpy()
        return np.asarray(scale * (np.exp(-across / reach).astype(np.float32) @ solved + mean), np.float32)

    return fit


def nearest(rng: Rng) -> Fit:
    """Shares of the labels of the nearest rows, one of them or sixty."""
    k, flat, prior = int(np.exp(rng.uniform(0.7, 4.1))), rng.random() < 0.5, 10 ** rng.uniform(-1.5, 0.5)

    def fit(x: Floats, y: Ints, held: Floats, c: int) -> Floats:
        from sklearn.neighbors import NearestNeighbors

        search = NearestNeighbors(n_neighbors=min(k, len(x) - 1), algorithm="brute").fit(x)
        distance, near = search.kneighbors(held)
        weight = np.ones_like(distance) if flat else 1 / (distance + 1e-3)
        weight /= weight.mean()
        out = np.full((len(held), c), prior / c)
        for j in range(near.shape[1]):
            np.add.at(out, (np.arange(len(held)), y[near[:, j]]), weight[:, j])
        return np.log(out)

    return fit


def bayes(rng: Rng) -> Fit:
    """Gaussian naive Bayes."""

    def fit(x: Floats, y: Ints, held: Floats, c: int) -> Floats:
        least = x.var(axis=0).mean() * 0.02 + 1e-3
        out = np.full((len(held), c), -30.0)
        for k in np.unique(y):
            rows = x[y == k]
            spread = rows.var(axis=0) + least
            out[:, k] = -0.5 * ((held - rows.mean(axis=0)) ** 2 / spread + np.log(spread)).sum(axis=1)
            out[:, k] += np.log(len(rows))
        return out

    return fit


def forest(rng: Rng) -> Fit:
    trees, leaf, seed = int(rng.integers(15, 60)), int(rng.choice([1, 1, 2, 5, 10])), int(rng.integers(1e6))

    def fit(x: Floats, y: Ints, held: Floats, c: int) -> Floats:
        from sklearn.ensemble import ExtraTreesClassifier

        model = ExtraTreesClassifier(trees, min_samples_leaf=leaf, random_state=seed).fit(x, y)
        return spread_out(model.predict_proba(held), model.classes_, c, 1e-3)

    return fit


def boosting(rng: Rng) -> Fit:
    """Boosted trees, some until every training label is known."""
    rounds, leaves = int(rng.integers(8, 60)), int(rng.choice([4, 8, 31]))
    rate, seed = float(np.exp(rng.uniform(np.log(0.05), np.log(0.5)))), int(rng.integers(1e6))

    def fit(x: Floats, y: Ints, held: Floats, c: int) -> Floats:
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(
            max_iter=rounds, max_leaf_nodes=leaves, learning_rate=rate, min_samples_leaf=5, max_bins=64,
            early_stopping=False, random_state=seed,
        ).fit(x, y)  # fmt: skip
        return spread_out(model.predict_proba(held), model.classes_, c, 1e-4)

    return fit


MODELS: dict[str, Callable[[Rng], Fit]] = {
    "linear": linear,
    "ridge": ridge,
    "kernel": kernel,
    "nearest": nearest,
    "bayes": bayes,
    "forest": forest,
    "boosting": boosting,
}


def networks(x: Floats, y: Ints, fold: Ints, folds: int, c: int, rng: Rng, *, memorising: bool) -> Floats:
    """One small network a fold, all folds trained together. Memorising: wide, no decay, until the noise is known."""
    seed, deep = int(rng.integers(1e6)), rng.random() < 0.5
    width = int(rng.choice([128, 256])) if memorising else int(rng.choice([32, 64, 128]))
    passes = rng.uniform(30, 90) if memorising else np.exp(rng.uniform(np.log(3), np.log(60)))
    most = 700 if memorising else 450
    drop = 0.0 if memorising else float(rng.choice([0, 0, 0.2, 0.5]))
    smooth = float(rng.choice([0, 0, 0, 0.1]))
    decay = 0.0 if memorising else 10 ** rng.uniform(-4, -0.5)
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    rows, labels, batch = torch.from_numpy(x), torch.from_numpy(y), 128
    sizes = [(x.shape[1], width), (width, width), (width, c)] if deep else [(x.shape[1], width), (width, c)]
    layers = [
        tensor
        for i, o in sizes
        for tensor in (
            (torch.randn(folds, i, o) * (2 / i) ** 0.5).requires_grad_(),
            torch.zeros(folds, 1, o, requires_grad=True),
        )
    ]
    step = torch.optim.AdamW(layers, lr=5e-3, weight_decay=decay, fused=True)
    steps = int(np.clip(passes * len(x) / batch, 30, most))
    schedule = torch.optim.lr_scheduler.OneCycleLR(step, 6e-3, total_steps=steps)
    train = [torch.from_numpy(np.flatnonzero(fold != k)) for k in range(folds)]
    for _ in range(steps):
        at = torch.stack([part[torch.randint(0, len(part), (batch,), generator=draw)] for part in train])
        z = rows[at]
        for i in range(0, len(layers), 2):
            z = torch.baddbmm(layers[i + 1], z, layers[i])
            if i < len(layers) - 2:
                z = functional.dropout(z.relu(), drop) if drop else z.relu()
        step.zero_grad()
        loss = functional.cross_entropy(z.flatten(0, 1), labels[at].flatten(), label_smoothing=smooth)
        loss.mul(folds).backward()
        step.step()
        schedule.step()
    out = np.zeros((len(x), c), np.float32)
    with torch.no_grad():
        for k in range(folds):
            held = np.flatnonzero(fold == k)
            z = rows[torch.from_numpy(held)]
            for i in range(0, len(layers), 2):
                z = z @ layers[i][k] + layers[i + 1][k]
                z = z.relu() if i < len(layers) - 2 else z
            out[held] = z.log_softmax(1).numpy()
    return out


def with_one(x: Floats) -> Floats:
    return np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1)


def spread_out(probs: Floats, classes: Ints, c: int, least: float) -> Floats:
    out = np.full((len(probs), c), least)
    out[:, classes] += probs
    return np.log(out)
