"""Label errors found against known truth: dqkit's default, cleanlab's default flags, and the plain average.

    python benchmarks/label_errors.py --data ../shared/data [--only NAME] [--human 0]

F1 of the flags: dqkit, cleanlab (find_label_issues over the average), disagree (the average's top class is not the
label), best (the plain average with the threshold that suits it best, which nobody knows beforehand). AP of the
ranking: dqkit, the plain average, the best single member. Conditions named "net/..." take five published networks'
probabilities, plant new noise and fit a small head per member on noisy labels, out of sample; the rest train
scikit-learn models or dqkit's baselines on planted or human labels. Everything comes from --seed.
"""

from __future__ import annotations

import argparse
import io
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dqkit.signals import label_errors

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Condition = tuple[str, Ints, Ints, Floats]  # name, given, true, (members, n, c)


def average_precision(score: NDArray[np.floating], wrong: NDArray[np.bool_]) -> float:
    hits = wrong[np.argsort(-score, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def f1(flag: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> float:
    return 2 * int((flag & wrong).sum()) / max(int(flag.sum() + wrong.sum()), 1)


def best_f1(score: NDArray[np.floating], wrong: NDArray[np.bool_]) -> float:
    hits = np.cumsum(wrong[np.argsort(-score, kind="stable")])
    return float((2 * hits / (np.arange(1, len(hits) + 1) + wrong.sum())).max())


def even(c: int, rate: float) -> NDArray[np.float64]:
    matrix = np.full((c, c), rate / (c - 1))
    np.fill_diagonal(matrix, 1 - rate)
    return matrix


def sparse(c: int, rate: float, sparsity: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Class-dependent noise: `rate` of all labels wrong, about `sparsity` of the off-diagonal entries zero."""
    off = rng.random((c, c)) * (rng.random((c, c)) >= sparsity)
    np.fill_diagonal(off, 0)
    off += (off.sum(axis=1, keepdims=True) == 0) * np.roll(np.eye(c), 1, axis=1)
    share = np.clip(rng.normal(rate, rate * 0.3, c), 0.02, min(1.6 * rate, 0.85))
    share *= rate / share.mean()
    matrix = off / off.sum(axis=1, keepdims=True) * share[:, None]
    return np.asarray(matrix + np.diag(1 - share))


def by_class(true: Ints, matrix: NDArray[np.float64], rng: np.random.Generator) -> Ints:
    cut = matrix[true].cumsum(axis=1)
    return np.minimum((rng.random(len(true))[:, None] > cut).sum(axis=1), matrix.shape[0] - 1).astype(np.int64)


def by_doubt(true: Ints, doubt: Floats, rate: float, power: float, rng: np.random.Generator) -> Ints:
    """Human-like noise: errors gather where a model doubts the truth, and go to the classes it confuses."""
    at = np.arange(len(true))
    weight = (1.02 - doubt[at, true]) ** power
    low, high = 0.0, 1e4
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(middle * weight, 0.95).mean() < rate else (low, middle)
    flip = np.flatnonzero(rng.random(len(true)) < np.minimum(low * weight, 0.95))
    other = doubt[flip] + 0.01
    other[np.arange(len(flip)), true[flip]] = 0
    other /= other.sum(axis=1, keepdims=True)
    given = true.copy()
    given[flip] = np.minimum((rng.random(len(flip))[:, None] > other.cumsum(axis=1)).sum(axis=1), doubt.shape[1] - 1)
    return given


def networks(data: Path) -> Condition:
    held = np.load(data / "cifar10_synthetic20_oof.npz")
    probs = held["member_probs"].astype(np.float32)
    given, true = held["given_labels"].astype(np.int64), held["true_labels"].astype(np.int64)
    return "synthetic 20 %", given, true, probs / probs.sum(axis=2, keepdims=True)


def relabelled(data: Path, seed: int, n: int = 8000) -> Iterator[Condition]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    _, given, true, probs = networks(data)
    matrix = np.zeros((10, 10))
    np.add.at(matrix, (true, given), 1)
    clean = np.clip(probs @ np.linalg.inv(matrix / matrix.sum(axis=1, keepdims=True)), 1e-3, None)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(true))[:n]
    true, logs = true[rows], np.log(np.clip(probs[:, rows], 1e-4, None))
    doubt = (clean / clean.sum(axis=2, keepdims=True))[:3, rows].mean(axis=0)
    plans = {
        "net/human-like 9 %": (by_doubt(true, doubt, 0.09, 1.0, rng), 0.35),
        "net/human-like 40 %": (
            by_doubt(true, np.sqrt(doubt) / np.sqrt(doubt).sum(1, keepdims=True), 0.4, 0.5, rng),
            0.6,
        ),
        "net/even 5 %": (by_class(true, even(10, 0.05), rng), 0.5),
        "net/even 30 %": (by_class(true, even(10, 0.3), rng), 0.5),
        "net/sparse.2 20 %": (by_class(true, sparse(10, 0.2, 0.2, rng), rng), 0.5),
        "net/sparse.6 40 %": (by_class(true, sparse(10, 0.4, 0.6, rng), rng), 0.5),
        "net/sparse0 70 %": (by_class(true, sparse(10, 0.7, 0.0, rng), rng), 0.5),
    }
    for name, (labels, blur) in plans.items():
        members = []
        for scale, log in zip((1.6, 1.3, 1.8, 1.0, 0.9), logs, strict=True):
            seen = log + blur * scale * rng.normal(size=log.shape)
            members.append(
                cross_val_predict(LogisticRegression(max_iter=200), seen, labels, cv=5, method="predict_proba")
            )
        yield name, labels, true, np.stack(members).astype(np.float32)


def small(data: Path, seed: int) -> Iterator[Condition]:
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    rng = np.random.default_rng(seed)
    x, y = load_digits(return_X_y=True)
    held = np.load(data / "fashion_mnist.npz")
    rows = rng.permutation(60_000)[:2800]
    pixels = held["X_train"][rows].reshape(2800, -1) / 255.0
    sets = {
        "digits": (x / 16, y.astype(np.int64)),
        "fashion 2,800": (PCA(80, random_state=seed).fit_transform(pixels), held["y_train"][rows].astype(np.int64)),
    }
    for name, (features, true) in sets.items():
        weak = LogisticRegression(C=0.01, max_iter=300)
        doubt = cross_val_predict(weak, features[:, :40], true, cv=folds, method="predict_proba")
        plans = {
            "even 2 %": by_class(true, even(10, 0.02), rng),
            "even 30 %": by_class(true, even(10, 0.3), rng),
            "where in doubt 13 %": by_doubt(true, doubt.astype(np.float32), 0.13, 1.5, rng),
        }
        models = [
            LogisticRegression(C=0.1, max_iter=300),
            KNeighborsClassifier(15),
            RandomForestClassifier(100, random_state=seed),
        ]
        for noise, labels in plans.items():
            probs = [cross_val_predict(m, features, labels, cv=folds, method="predict_proba") for m in models]
            yield f"{name}/{noise}", labels, true, np.stack(probs).astype(np.float32)


def human(data: Path, seed: int, n: int) -> Iterator[Condition]:
    """CIFAR-10 with one human's labels (17.2 % wrong), under dqkit's own image baselines."""
    from PIL import Image

    import dqkit as dq
    from dqkit.baselines import cross_val_predictions

    held = np.load(data / "cifar10.npz")
    rows = np.sort(np.random.default_rng(seed).permutation(50_000)[:n])
    stream, ends = held["train_jpeg"].tobytes(), held["train_offsets"]
    images = np.stack([np.asarray(Image.open(io.BytesIO(stream[ends[i] : ends[i + 1]]))) for i in rows])
    given = held["train_human_labels_random1"][rows].astype(np.int64)
    ds = dq.from_arrays(images, given, classes=[str(name) for name in held["classes"]])
    found = cross_val_predictions(ds, folds=5, seed=seed, progress=False)
    yield f"human 17 % (n={n:,})", given, held["train_labels"][rows].astype(np.int64), found.member_probs


def report(condition: Condition, *, alone: bool) -> None:
    from cleanlab.filter import find_label_issues

    name, given, true, members = condition
    wrong, at = given != true, np.arange(len(given))
    probs = members[:1] if alone else members
    start = time.process_time()
    found = label_errors(given, probs)
    seconds = time.process_time() - start
    mean = probs.mean(axis=0, dtype=np.float64)
    mean /= mean.sum(axis=1, keepdims=True)
    plain = 1 - mean[at, given]
    table = found.table
    low, high = found.noise_rate_interval
    rates = f"{wrong.mean():.3f} {found.noise_rate:.3f} [{low:.3f}, {high:.3f}]"
    flags = [
        f1(table["flag"].to_numpy(), wrong),
        f1(find_label_issues(given, mean, n_jobs=1), wrong),
        f1(mean.argmax(axis=1) != given, wrong),
        best_f1(plain, wrong),
    ]
    rank = [
        average_precision(table["score"].to_numpy(), wrong),
        average_precision(plain, wrong),
        max(average_precision(1 - p[at, given], wrong) for p in probs),
    ]
    half = max(int(wrong.sum()) // 2, 1)
    first = np.argsort(-table["score"].to_numpy(), kind="stable")
    precision = " ".join(
        f"{found.expected_precision(k):.2f}/{wrong[first[:k]].mean():.2f}" for k in (half, 2 * half, 3 * half)
    )
    print(
        f"{name[:28]:28s} {len(given):6,d} {len(probs):2d} | {' '.join(f'{v:.3f}' for v in flags)} | "
        f"{' '.join(f'{v:.4f}' for v in rank)} | {rates} | {precision} | {seconds:.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--human", type=int, default=4000, help="images with human labels to train on; 0 skips them")
    parser.add_argument("--only", default="", help="conditions whose name holds this text")
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # convergence of the small heads does not matter here
    print(f"seed {args.seed}")
    print(
        "condition                         n  m | F1 dqkit cleanlab disagree best | AP dqkit average best-single | "
        "rate: true, found [95 %] | precision of the first k: expected/true | CPU-s"
    )
    sources: list[Iterator[Condition]] = [iter([networks(args.data)])]
    sources += [relabelled(args.data, args.seed), small(args.data, args.seed)]
    if args.human:
        sources.append(human(args.data, args.seed, args.human))
    for source in sources:
        for condition in source:
            if args.only in condition[0]:
                report(condition, alone=False)
                report(condition, alone=True)


if __name__ == "__main__":
    main()
