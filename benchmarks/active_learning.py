"""Learning curves of every query strategy, beside scikit-activeml, small-text and modAL where they are installed.

All strategies start from the same random rows, see the same frozen features and refit the same logistic regression.
Reported per data set: AULC (mean test accuracy over the rounds, x 100), its paired difference to random and to margin
with 95 % intervals over seeds, labels needed for 90 % of the full-pool accuracy as a ratio to random, CPU seconds a
query takes, and peak memory.

    python benchmarks/active_learning.py --sets digits,trec,ag_news --seeds 20
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402 - after the thread limits
import pandas as pd  # noqa: E402
from scipy import stats  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

from dqkit.acquisition import STRATEGIES, select  # noqa: E402


@dataclass(frozen=True)
class Task:
    """A pool and a test set in frozen features, and the label budget: start, then step at a time, up to stop."""

    name: str
    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    start: int
    step: int
    stop: int


def text_features(train: list[str], test: list[str], size: int) -> tuple[np.ndarray, np.ndarray]:
    """TF-IDF words, truncated SVD, each component to unit variance; all fitted on the training texts."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(sublinear_tf=True)
    a, b = words.fit_transform(train), words.transform(test)
    svd = TruncatedSVD(size, random_state=0)
    left, right = svd.fit_transform(a), svd.transform(b)
    mean, spread = left.mean(axis=0), left.std(axis=0) + 1e-9
    return ((left - mean) / spread).astype(np.float32), ((right - mean) / spread).astype(np.float32)


def split(name: str, x: np.ndarray, y: np.ndarray, test: int, *budget: int) -> Task:
    """A task with a fixed random test set of `test` rows."""
    order = np.random.default_rng(0).permutation(len(x))
    a, b = order[test:], order[:test]
    return Task(name, x[a], y[a], x[b], y[b], *budget)


def digits(data: Path) -> Task:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return split("digits", x.astype(np.float32), y, 500, 10, 10, 200)


def trec(data: Path) -> Task:
    table = pd.read_csv(data / "trec6.csv")
    train, test = table[table["split"] == "train"], table[table["split"] == "test"]
    a, b = text_features(train["text"].tolist(), test["text"].tolist(), 256)
    y = pd.factorize(table["label"], sort=True)[0]
    at = table["split"].to_numpy() == "train"
    return Task("trec", a, y[at], b, y[~at], 25, 25, 525)


def ag_news(data: Path) -> Task:
    table = pd.read_csv(data / "ag_news_7600.csv")
    order = np.random.default_rng(0).permutation(len(table))
    table = table.iloc[order]
    y = pd.factorize(table["label"], sort=True)[0]
    a, b = text_features(table["text"].tolist()[1900:], table["text"].tolist()[:1900], 256)
    return Task("ag_news", a, y[1900:], b, y[:1900], 25, 25, 525)


def youtube(data: Path) -> Task:
    parts = {name: json.loads((data / "youtube_spam" / f"{name}.json").read_text()) for name in ("train", "test")}
    rows = {k: list(v.values()) if isinstance(v, dict) else v for k, v in parts.items()}
    text = {k: [r["data"]["text"] for r in v] for k, v in rows.items()}
    y = {k: np.array([r["label"] for r in v]) for k, v in rows.items()}
    a, b = text_features(text["train"], text["test"], 128)
    return Task("youtube", a, y["train"], b, y["test"], 10, 10, 200)


def fashion(data: Path) -> Task:
    from sklearn.decomposition import PCA

    raw = np.load(data / "fashion_mnist.npz")
    at = np.random.default_rng(0).permutation(len(raw["y_train"]))[:7000]
    x = raw["X_train"][at].reshape(len(at), -1).astype(np.float32) / 255
    x = PCA(64, random_state=0).fit_transform(x).astype(np.float32)
    return split("fashion", x, raw["y_train"][at].astype(int), 2000, 10, 20, 410)


def clothing(data: Path) -> Task:
    """Photos shrunk to 32 x 32, gradient histograms by hand, 64 principal components."""
    import io
    import zipfile

    from PIL import Image
    from sklearn.decomposition import PCA

    x, y = [], []
    with zipfile.ZipFile(data / "clothing_1000.zip") as archive:
        for name in sorted(n for n in archive.namelist() if n.lower().endswith((".jpg", ".jpeg", ".png"))):
            grey = Image.open(io.BytesIO(archive.read(name))).convert("L").resize((48, 48))
            x.append(gradient_histogram(np.asarray(grey, np.float32) / 255))
            y.append(Path(name).parent.name)
    features = PCA(64, random_state=0).fit_transform(np.array(x, np.float32)).astype(np.float32)
    return split("clothing", features, pd.factorize(pd.Series(y), sort=True)[0], 300, 10, 10, 210)


def cifar(data: Path) -> Task:
    """6,000 images in gradient histograms and coarse colour, 128 principal components."""
    import io

    from PIL import Image
    from sklearn.decomposition import PCA

    raw = np.load(data / "cifar10.npz")
    jpeg, offsets = raw["train_jpeg"], raw["train_offsets"]
    at = np.sort(np.random.default_rng(0).permutation(50_000)[:6000])
    x = []
    for i in at:
        image = Image.open(io.BytesIO(jpeg[offsets[i] : offsets[i + 1]].tobytes())).convert("RGB")
        pixels = np.asarray(image, np.float32) / 255
        colour = pixels.reshape(4, 8, 4, 8, 3).mean(axis=(1, 3)).ravel()
        x.append(np.concatenate([gradient_histogram(pixels.mean(axis=2)), colour]))
    features = PCA(128, random_state=0).fit_transform(np.array(x, np.float32)).astype(np.float32)
    return split("cifar", features * 3, raw["train_labels"][at].astype(int), 1500, 50, 50, 1050)


def gradient_histogram(grey: np.ndarray, cells: int = 6, bins: int = 8) -> np.ndarray:
    """(cells * cells * bins,) gradient magnitude by direction in each cell, square roots of shares."""
    gy, gx = np.gradient(grey)
    weight = np.hypot(gx, gy).ravel()
    direction = ((np.arctan2(gy, gx) + np.pi) / (2 * np.pi) * bins).astype(int).ravel() % bins
    rows, cols = (np.indices(grey.shape) * cells // grey.shape[0]).reshape(2, -1)
    out = np.bincount((rows * cells + cols) * bins + direction, weight, cells * cells * bins).reshape(-1, bins)
    return np.sqrt(out / (out.sum(axis=1, keepdims=True) + 0.1)).ravel()


TASKS: dict[str, Callable[[Path], Task]] = {
    f.__name__: f for f in (digits, trec, ag_news, youtube, fashion, clothing, cifar)
}


def fit(x: np.ndarray, y: np.ndarray) -> LogisticRegression:
    return LogisticRegression(max_iter=1000).fit(x, y)


def probabilities(model: LogisticRegression, x: np.ndarray, classes: int) -> np.ndarray:
    out = np.zeros((len(x), classes), np.float32)
    out[:, model.classes_] = model.predict_proba(x)
    return out / out.sum(axis=1, keepdims=True)


def curve(task: Task, query: Callable[..., np.ndarray], seed: int) -> tuple[list[float], float]:
    """Test accuracy after each round, and the CPU seconds of one query, on average."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(task.x))
    labeled = np.zeros(len(task.x), dtype=bool)
    labeled[order[: task.start]] = True
    if len(np.unique(task.y[labeled])) < 2:
        labeled[order[np.argmax(task.y[order] != task.y[order[0]])]] = True
    classes = int(task.y.max()) + 1
    accuracy, spent, queries = [], 0.0, 0
    while True:
        model = fit(task.x[labeled], task.y[labeled])
        accuracy.append(float((model.predict(task.x_test) == task.y_test).mean()))
        if labeled.sum() >= task.stop:
            return accuracy, spent / max(queries, 1)
        probs = probabilities(model, task.x, classes)
        known = np.where(labeled, task.y, -1)
        began = time.process_time()
        picks = query(
            task.step, features=task.x, pred_probs=probs, labeled=labeled, labels=known, seed=seed * 1000 + queries
        )
        spent += time.process_time() - began
        queries += 1
        if labeled[picks].any() or len(np.unique(picks)) != task.step:
            raise RuntimeError(f"{query} picked a labelled row or one row twice")
        labeled[picks] = True


def ours() -> dict[str, Callable[..., np.ndarray]]:
    def bind(name: str) -> Callable[..., np.ndarray]:
        return lambda n, **given: select(name, n, **given)

    committee = {"vote_entropy", "kl", "bald", "power_bald", "coreset"}
    return {name: bind(name) for name in STRATEGIES if name not in committee}


class Fixed:
    """A classifier that only knows the probabilities it was made with; peers ask it instead of refitting."""

    def __init__(self, probs: np.ndarray) -> None:
        self.probs = probs

    def predict_proba(self, rows: object) -> np.ndarray:
        return self.probs


def peers() -> dict[str, Callable[..., np.ndarray]]:
    """Query functions of the libraries that are installed, under the same arguments as `select`."""
    out: dict[str, Callable[..., np.ndarray]] = {}
    with contextlib.suppress(ImportError):
        out.update(skactiveml_queries())
    with contextlib.suppress(ImportError):
        from modAL.uncertainty import margin_sampling

        def modal_margin(n: int, *, features, pred_probs, labeled, labels, seed) -> np.ndarray:  # type: ignore[no-untyped-def]
            pool = np.flatnonzero(~labeled)
            got = margin_sampling(Fixed(pred_probs[pool]), features[pool], n_instances=n)
            return pool[np.asarray(got[0] if isinstance(got, tuple) else got)]

        out["modAL margin"] = modal_margin
    with contextlib.suppress(ImportError):
        from small_text import GreedyCoreset

        def small_coreset(n: int, *, features, pred_probs, labeled, labels, seed) -> np.ndarray:  # type: ignore[no-untyped-def]
            pool, known = np.flatnonzero(~labeled), np.flatnonzero(labeled)
            return np.asarray(GreedyCoreset().sample(None, None, pool, known, labels[known], n, features))

        out["small-text coreset"] = small_coreset
    return out


def skactiveml_queries() -> dict[str, Callable[..., np.ndarray]]:
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import Badge, CoreSet, MaxHerding, ProbCover, TypiClust, UncertaintySampling

    def unsupervised(kind: type) -> Callable[..., np.ndarray]:
        def query(n: int, *, features, pred_probs, labeled, labels, seed) -> np.ndarray:  # type: ignore[no-untyped-def]
            return kind(missing_label=-1, random_state=seed).query(X=features, y=labels, batch_size=n)

        return query

    def supervised(make: Callable[[int], object]) -> Callable[..., np.ndarray]:
        def query(n: int, *, features, pred_probs, labeled, labels, seed) -> np.ndarray:  # type: ignore[no-untyped-def]
            classes = np.arange(pred_probs.shape[1])
            model = SklearnClassifier(LogisticRegression(max_iter=1000), classes=classes, missing_label=-1)
            return make(seed).query(X=features, y=labels, clf=model, fit_clf=True, batch_size=n)  # type: ignore[attr-defined]

        return query

    return {
        "skactiveml margin": supervised(
            lambda seed: UncertaintySampling(method="margin_sampling", missing_label=-1, random_state=seed)
        ),
        "skactiveml BADGE": supervised(lambda seed: Badge(missing_label=-1, random_state=seed)),
        "skactiveml CoreSet": unsupervised(CoreSet),
        "skactiveml TypiClust": unsupervised(TypiClust),
        "skactiveml ProbCover": unsupervised(ProbCover),
        "skactiveml MaxHerding": unsupervised(MaxHerding),
    }


def interval(gaps: np.ndarray) -> str:
    """Mean and 95 % interval (t) of paired differences."""
    if len(gaps) < 2:
        return f"{gaps.mean():+.2f}"
    half = stats.t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps))
    return f"{gaps.mean():+.2f} [{gaps.mean() - half:+.2f}, {gaps.mean() + half:+.2f}]"


def labels_needed(curves: np.ndarray, task: Task, goal: float) -> float:
    """Labels until the mean curve reaches the goal, linearly between rounds; NaN when it never does."""
    mean = curves.mean(axis=0)
    labels = task.start + task.step * np.arange(len(mean))
    over = np.flatnonzero(mean >= goal)
    if not len(over):
        return float("nan")
    i = int(over[0])
    return float(labels[0]) if i == 0 else float(np.interp(goal, mean[i - 1 : i + 1], labels[i - 1 : i + 1]))


def run(task: Task, queries: dict[str, Callable[..., np.ndarray]], seeds: int, store: Path | None) -> pd.DataFrame:
    """One row per strategy."""
    curves: dict[str, np.ndarray] = {}
    cpu: dict[str, float] = {}
    for name, query in queries.items():
        done = None if store is None else store / f"{task.name}.{name}.json"
        kept = json.loads(done.read_text()) if done is not None and done.exists() else []
        for seed in range(len(kept), seeds):
            kept.append(curve(task, query, seed))
        if done is not None:
            done.write_text(json.dumps(kept))
        curves[name] = 100 * np.array([c for c, _ in kept[:seeds]])
        cpu[name] = float(np.mean([s for _, s in kept[:seeds]]))
        print(f"  {task.name} {name}: {curves[name].mean():.2f}", flush=True)
    full = 100 * float((fit(task.x, task.y).predict(task.x_test) == task.y_test).mean())
    area = {name: c.mean(axis=1) for name, c in curves.items()}
    base = labels_needed(curves["random"], task, 0.9 * full) if "random" in curves else float("nan")
    rows = []
    for name in queries:
        rows.append(
            {
                "strategy": name,
                "AULC": round(float(area[name].mean()), 2),
                "to random": interval(area[name] - area["random"]) if "random" in area else "",
                "to margin": interval(area[name] - area["margin"]) if "margin" in area else "",
                "labels for 90 % / random": round(labels_needed(curves[name], task, 0.9 * full) / base, 2),
                "CPU s a query": round(cpu[name], 4),
            }
        )
    print(
        f"\n{task.name}: pool {len(task.x)} x {task.x.shape[1]}, {task.start} + {task.step} to {task.stop}, "
        f"{seeds} seeds, full pool {full:.1f}"
    )
    table = pd.DataFrame(rows).sort_values("AULC", ascending=False)
    print(table.to_string(index=False))
    print(f"peak memory so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB\n", flush=True)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "../../shared/data")
    parser.add_argument("--sets", default="digits,trec,ag_news")
    parser.add_argument("--strategies", default="", help="comma-separated; default: all here and every peer installed")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--store", type=Path, help="folder where finished curves are kept between calls")
    args = parser.parse_args()
    if args.store is not None:
        args.store.mkdir(parents=True, exist_ok=True)
    queries = {**ours(), **peers()}
    if args.strategies:
        queries = {name: queries[name] for name in args.strategies.split(",")}
    for name in args.sets.split(","):
        run(TASKS[name](args.data), queries, args.seeds, args.store)


if __name__ == "__main__":
    with warnings.catch_warnings():
        main()
