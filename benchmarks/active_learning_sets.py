"""The pools that `active_learning.py` and `relabel_picks.py` run on: real data in frozen features."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


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
    """TF-IDF of words and pairs of words, truncated SVD, rows of one length; all fitted on the training texts.

    The length, root of 10, makes a logistic regression with C = 1 what C = 10 is on unit rows: three-fold accuracy on
    the training texts is highest there for TREC-6 (of 1, 3, 10, 30, 100) and within a point of it for AG News.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    a, b = words.fit_transform(train), words.transform(test)
    svd = TruncatedSVD(size, random_state=0)
    left, right = svd.fit_transform(a), svd.transform(b)
    lengths = [np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9) / np.sqrt(10) for rows in (left, right)]
    return (left / lengths[0]).astype(np.float32), (right / lengths[1]).astype(np.float32)


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
