"""Probabilities with known label errors for `benchmarks/label_errors.py`: sets for development, and others held out.

Development and hold-out share no row, no noise draw and no seed: even or odd rows of the published networks, the first
or the second 25,000 images of CIFAR-10, the first or the second half of Fashion-MNIST, other made tables; texts, crowds
and real tables are held out.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Condition = tuple[str, Ints, Ints, Floats]  # name, given, true, (members, n, c)

BLURS = (1.6, 1.3, 1.8, 1.0, 0.9)  # how unlike the five networks are made


def even(c: int, rate: float) -> NDArray[np.float64]:
    matrix = np.full((c, c), rate / (c - 1))
    np.fill_diagonal(matrix, 1 - rate)
    return matrix


def sparse(c: int, rate: float, sparsity: float, seed: int) -> NDArray[np.float64]:
    """Class-dependent noise as the confident-learning paper draws it; rows = true class."""
    from cleanlab.benchmarking.noise_generation import generate_noise_matrix_from_trace

    drawn = generate_noise_matrix_from_trace(
        c, c * (1 - rate), frac_zero_noise_rates=sparsity, py=np.ones(c) / c, seed=seed
    )
    return np.asarray(drawn, dtype=np.float64).T


def by_class(true: Ints, matrix: NDArray[np.float64], rng: np.random.Generator) -> Ints:
    cut = matrix[true].cumsum(axis=1)
    return np.minimum((rng.random(len(true))[:, None] > cut).sum(axis=1), matrix.shape[0] - 1).astype(np.int64)


def by_doubt(true: Ints, doubt: Floats, rate: float, power: float, rng: np.random.Generator) -> Ints:
    """Errors gather where a model doubts the truth, and go to the classes it confuses."""
    at = np.arange(len(true))
    weight = (1.02 - doubt[at, true]) ** power
    low, high = 0.0, 1e4
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(middle * weight, 0.95).mean() < rate else (low, middle)
    flip = np.flatnonzero(rng.random(len(true)) < np.minimum(low * weight, 0.95))
    other = doubt[flip] + 0.01
    other[np.arange(len(flip)), true[flip]] = 0
    given = true.copy()
    given[flip] = _drawn(other, rng)
    return given


def _drawn(weights: NDArray[np.floating], rng: np.random.Generator) -> Ints:
    cut = (weights / weights.sum(axis=1, keepdims=True)).cumsum(axis=1)
    return np.minimum((rng.random(len(cut))[:, None] > cut).sum(axis=1), cut.shape[1] - 1).astype(np.int64)


def three_people(true: Ints, belief: Floats, confusion: NDArray[np.float64], rng: np.random.Generator) -> list[Ints]:
    """One person's labels, the majority of three, and a wrong one of three wherever there is one.

    Everyone errs more on images that networks doubt, partly towards what the networks confuse and partly as
    `confusion` (the real table of one person's labels) has it; images differ in how hard they are. Drawn so, 17.4 %,
    8.8 % and 39.6 % are wrong where CIFAR-10N (Wei et al. 2022) has 17.2 %, 9.0 % and 40.2 %.
    """
    n, c = belief.shape
    off = confusion * (1 - np.eye(c))
    doubt = 1 - belief[np.arange(n), true]
    hard = (doubt + 0.12) ** 0.75 * rng.gamma(1.5, 1 / 1.5, n) ** 0.7
    chance = np.clip(off.sum(axis=1)[true] * hard / hard.mean(), 0, 0.9)
    towards = belief * (np.arange(c) != true[:, None])
    towards = 0.4 * towards / towards.sum(axis=1, keepdims=True) + 0.6 * (off / off.sum(axis=1, keepdims=True))[true]
    towards = towards**1.5 * rng.gamma(1.0, 1.0, (n, c)) ** 0.7
    people = np.tile(true, (3, 1))
    votes = rng.random((n, c)) * 0.5
    for answers in people:
        flip = np.flatnonzero(rng.random(n) < chance)
        answers[flip] = _drawn(towards[flip], rng)
        votes[np.arange(n), answers] += 1
    wrong = people != true
    pick = (wrong * rng.random(wrong.shape)).argmax(axis=0)
    worst = np.where(wrong.any(axis=0), people[pick, np.arange(n)], true)
    return [people[0], votes.argmax(axis=1).astype(np.int64), worst]


def networks(data: Path, held_out: bool) -> Condition:
    stored = np.load(data / "cifar10_synthetic20_oof.npz")
    rows = slice(int(held_out), None, 2)
    probs = stored["member_probs"][:, rows].astype(np.float32)
    given, true = (stored[name][rows].astype(np.int64) for name in ("given_labels", "true_labels"))
    return "synthetic 20 %", given, true, probs / probs.sum(axis=2, keepdims=True)


def relabelled(data: Path, held_out: bool, seed: int, n: int = 8000) -> Iterator[Condition]:
    """The same networks under new noise: each is cleaned, blurred and refitted out of sample on the new labels."""
    _, given, true, probs = networks(data, held_out)
    matrix = np.zeros((10, 10))
    np.add.at(matrix, (true, given), 1)
    matrix /= matrix.sum(axis=1, keepdims=True)
    rng = np.random.default_rng([seed, int(held_out)])
    rows = rng.permutation(len(true))[:n]
    true, clean = true[rows], probs[:, rows].copy()
    for _ in range(30):  # EM: the noise that the networks learned is divided out again
        mixed = np.maximum(clean @ matrix, 1e-9)
        clean *= (probs[:, rows] / mixed) @ matrix.T
        clean /= clean.sum(axis=2, keepdims=True)
    logs, belief = np.log(np.maximum(clean, 1e-4)), clean.mean(axis=0)

    stored = np.load(data / "cifar10.npz")
    confusion = np.zeros((10, 10))
    np.add.at(confusion, (stored["train_labels"].astype(int), stored["train_human_labels_random1"].astype(int)), 1)
    people = three_people(true, belief, confusion / confusion.sum(axis=1, keepdims=True), rng)
    for name, labels, blur in zip(("one 17 %", "majority 9 %", "worst 40 %"), people, (0.35, 0.3, 0.45), strict=True):
        yield f"people/{name}", labels, true, _refitted(logs, labels, blur, rng)
    for name, rate in (("even 5 %", 0.05), ("even 30 %", 0.3), ("even 70 %", 0.7)):
        labels = by_class(true, even(10, rate), rng)
        yield f"net/{name}", labels, true, _refitted(logs, labels, 0.5, rng)
    for rate in (0.2, 0.4, 0.7):
        for sparsity in (0.0, 0.2, 0.4, 0.6):
            drawn = sparse(10, rate, sparsity, int(1000 * held_out + seed * 100 + rate * 100 + sparsity * 10))
            labels = by_class(true, drawn, rng)
            plain = _refitted(logs[1:2], labels, (0.5 + 0.8 * rate) / 1.6 * 1.3, rng)
            yield f"paper/{rate:.0%} sparsity {sparsity} calm", labels, true, plain
            shaken = 1.5 * np.log(_refitted(logs[1:2], labels, (0.8 + rate) / 1.6 * 1.3, rng))
            shaken = np.exp(shaken + (0.3 + 0.7 * rate) * rng.normal(size=shaken.shape))
            shaken = (shaken / shaken.sum(axis=2, keepdims=True)).astype(np.float32)
            yield f"paper/{rate:.0%} sparsity {sparsity} overfitted", labels, true, shaken


def _refitted(logs: Floats, labels: Ints, blur: float, rng: np.random.Generator) -> Floats:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    members = []
    for scale, log in zip(BLURS, logs, strict=False):
        seen = log + blur * scale * rng.normal(size=log.shape)
        fitted = cross_val_predict(LogisticRegression(max_iter=100), seen, labels, cv=3, method="predict_proba")
        full = np.full((len(labels), log.shape[1]), 1e-4)
        full[:, np.unique(labels)] += fitted
        members.append(full / full.sum(axis=1, keepdims=True))
    return np.stack(members).astype(np.float32)


def small(data: Path, held_out: bool, seed: int) -> Iterator[Condition]:
    """2,800 images of clothing, and digits, under three small models."""
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    rng = np.random.default_rng([seed, int(held_out), 1])
    stored = np.load(data / "fashion_mnist.npz")
    rows = rng.permutation(30_000)[:2800] + 30_000 * held_out
    pixels = stored["X_train"][rows].reshape(2800, -1) / 255.0
    sets = {"clothes": (PCA(80, random_state=seed).fit_transform(pixels), stored["y_train"][rows].astype(np.int64))}
    if not held_out:
        x, y = load_digits(return_X_y=True)
        sets["digits"] = (x / 16, y.astype(np.int64))
    for name, (features, true) in sets.items():
        weak = LogisticRegression(C=0.01, max_iter=300)
        doubt = cross_val_predict(weak, features[:, :40], true, cv=folds, method="predict_proba").astype(np.float32)
        plans = {
            "even 2 %": by_class(true, even(10, 0.02), rng),
            "even 30 %": by_class(true, even(10, 0.3), rng),
            "in doubt 13 %": by_doubt(true, doubt, 0.13, 1.5, rng),
        }
        models = [
            LogisticRegression(C=0.1, max_iter=300),
            KNeighborsClassifier(15),
            RandomForestClassifier(100, random_state=seed),
        ]
        for noise, labels in plans.items():
            probs = [cross_val_predict(m, features, labels, cv=folds, method="predict_proba") for m in models]
            yield f"{name}/{noise}", labels, true, np.stack(probs).astype(np.float32)


def human(data: Path, held_out: bool, seed: int, n: int) -> Iterator[Condition]:
    """CIFAR-10 with one person's real labels (17.2 % wrong), and lighter and heavier noise made of them, under dqkit's
    own image baselines."""
    from PIL import Image

    stored = np.load(data / "cifar10.npz")
    rng = np.random.default_rng([seed, int(held_out), 2])
    rows = np.sort(rng.permutation(25_000)[:n]) + 25_000 * held_out
    stream, ends = stored["train_jpeg"].tobytes(), stored["train_offsets"]
    images = np.stack([np.asarray(Image.open(io.BytesIO(stream[ends[i] : ends[i + 1]]))) for i in rows])
    given = stored["train_human_labels_random1"][rows].astype(np.int64)
    true = stored["train_labels"][rows].astype(np.int64)
    members = quick(images, given, 10, seed)
    yield f"human/one person (n={n:,})", given, true, members
    belief = members.mean(axis=0)
    doubt = 1 - belief[np.arange(n), true]
    wrong = np.flatnonzero(given != true)
    lighter = given.copy()
    mended = wrong[np.argsort(-rng.random(len(wrong)) / (doubt[wrong] + 0.2))][: int(0.48 * len(wrong))]
    lighter[mended] = true[mended]
    yield "human/half mended", lighter, true, quick(images, lighter, 10, seed)
    heavier = by_doubt(true, belief, 0.3, 0.5, rng)
    heavier = np.where(given != true, given, heavier)
    yield "human/more wrong", heavier, true, quick(images, heavier, 10, seed)


def quick(content: object, labels: Ints, c: int, seed: int) -> Floats:
    """Out-of-sample probabilities of dqkit's default baselines."""
    import dqkit as dq
    from dqkit.baselines import cross_val_predictions

    ds = dq.from_arrays(content, labels, classes=[f"{k:02d}" for k in range(c)])
    return cross_val_predictions(ds, folds=5, seed=seed, progress=False).member_probs


def unseen(data: Path, seed: int, n: int) -> Iterator[Condition]:
    """Held out altogether: clothes and texts under dqkit's baselines, and single workers of two crowds."""
    import pandas as pd

    rng = np.random.default_rng([seed, 3])
    stored = np.load(data / "fashion_mnist.npz")
    rows = rng.permutation(30_000)[:n] + 30_000
    images, true = stored["X_train"][rows], stored["y_train"][rows].astype(np.int64)
    labels = by_class(true, even(10, 0.1), rng)
    members = quick(images, labels, 10, seed)
    yield f"fashion/even 10 % (n={n:,})", labels, true, members
    labels = by_doubt(true, members.mean(axis=0), 0.15, 1.0, rng)
    yield "fashion/in doubt 15 %", labels, true, quick(images, labels, 10, seed)
    for name, file in (("trec", "trec6.csv"), ("ag news", "ag_news_7600.csv")):
        table = pd.read_csv(data / file)
        table = table[table["split"] == "train"] if "split" in table else table
        true = table["label"].astype("category").cat.codes.to_numpy(np.int64)
        texts, c = table["text"].astype(str).tolist(), int(true.max()) + 1
        for noise, matrix in (("even 5 %", even(c, 0.05)), ("sparse 25 %", sparse(c, 0.25, 0.4, seed + 7))):
            labels = by_class(true, matrix, rng)
            yield f"{name}/{noise}", labels, true, quick(texts, labels, c, seed)
    for name in ("dogs4", "bluebirds"):
        yield crowd(data, name, rng)


# Rows, classes, how far apart the classes are, and their shares, of made tables.
MADE = (
    ((2000, 3, 1.0, None), (3000, 5, 1.5, None), (2000, 2, 0.8, (0.85, 0.15)), (600, 6, 2.0, None)),
    ((2500, 4, 0.8, None), (1500, 3, 1.6, None), (2500, 5, 1.0, (0.4, 0.3, 0.15, 0.1, 0.05)), (800, 4, 1.5, None)),
)


def tables(held_out: bool, seed: int) -> Iterator[Condition]:
    """Tables under dqkit's baselines: even noise, one class taken for another, and errors where a model doubts."""
    from sklearn import datasets

    found = []
    for i, (n, c, apart, shares) in enumerate(MADE[held_out]):
        made = datasets.make_classification(
            n, 12, n_informative=8, n_redundant=2, n_classes=c, class_sep=apart, weights=shares and list(shares),
            n_clusters_per_class=1, flip_y=0, random_state=1000 * seed + 10 * held_out + i,
        )  # fmt: skip
        found.append((f"table {i + 1}", *made))
    if held_out:
        found += [(name, *getattr(datasets, f"load_{name}")(return_X_y=True)) for name in ("wine", "breast_cancer")]
    for name, x, y in found:
        true, c = y.astype(np.int64), int(y.max()) + 1
        rng = np.random.default_rng([seed, 5, held_out])
        belief = quick(x, true, c, seed).mean(axis=0)
        one = np.eye(c)
        one[0, :2] = 0.7, 0.3
        for rate in (0.08, 0.2):
            for kind, labels in (
                ("even", by_class(true, even(c, rate), rng)),
                ("in doubt", by_doubt(true, belief, rate, 1.0, rng)),
            ):
                yield f"{name}/{kind} {rate:.0%}", labels, true, quick(x, labels, c, seed)
        labels = by_class(true, one, rng)
        yield f"{name}/one class 30 %", labels, true, quick(x, labels, c, seed)


def crowd(data: Path, name: str, rng: np.random.Generator) -> Condition:
    """One random worker's answer as the label; the other workers' answers, four at a time, stand in for a model."""
    import pandas as pd

    answers = pd.read_csv(data / "crowd" / f"{name}_answers.csv")
    truth = pd.read_csv(data / "crowd" / f"{name}_truth.csv").set_index("item").iloc[:, 0]
    names = sorted(set(answers["label"]) | set(truth))
    code = {label: k for k, label in enumerate(names)}
    given, true, members = [], [], []
    for item, rows in answers.groupby("item"):
        labels = rng.permutation(rows["label"].map(code).to_numpy())
        given.append(labels[0])
        true.append(code[truth[item]])
        counts = [np.bincount(labels[at : at + 4], minlength=len(names)) + 0.3 for at in (1, 5)]
        members.append([count / count.sum() for count in counts])
    return f"crowd/{name}", np.array(given), np.array(true), np.array(members, np.float32).transpose(1, 0, 2)
