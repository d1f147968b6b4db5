"""Small datasets the baseline tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dqkit.records import Dataset, Modality


def dataset(content: Any, labels: Any, *, modality: Modality = "table", split: Any = None, classes: int = 0) -> Dataset:
    y = np.asarray(labels, dtype=np.int64)
    ids = np.array([f"s{i:04d}" for i in range(len(y))], dtype=object)
    if modality == "table" and not isinstance(content, pd.DataFrame):
        content = pd.DataFrame(np.asarray(content), columns=[f"x{i}" for i in range(np.shape(content)[1])])
    return Dataset(
        ids=ids,
        labels=y,
        classes=tuple(f"class {c}" for c in range(classes or int(y.max()) + 1)),
        modality=modality,
        content=content,
        split=np.full(len(y), "train", dtype=object) if split is None else np.asarray(split, dtype=object),
        metadata=pd.DataFrame(index=ids),
    )


def blobs(n: int = 90, classes: int = 3, *, seed: int = 0, unlabeled: float = 0.0) -> Dataset:
    """Well separated clouds in four dimensions."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.normal(size=(n, 4)) + 4 * np.eye(4)[y % 4]
    labels = np.where(rng.random(n) < unlabeled, -1, y)
    return dataset(x, labels, classes=classes)


def digits(n: int = 240, *, seed: int = 0) -> Dataset:
    from sklearn.datasets import load_digits

    real = load_digits()
    picked = np.random.default_rng(seed).permutation(len(real.target))[:n]
    images = np.round(real.images[picked] * 255 / 16).astype(np.uint8)
    return dataset(images, real.target[picked], modality="image", classes=10)
