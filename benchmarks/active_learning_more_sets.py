"""Six more pools for `active_learning.py`: scikit-learn's data and made ones, taken up after `auto` had been settled.

They ask what the others do not: few rows, a long tail, rare classes, labels that no model can learn, classes of several
clusters on features of uneven scale, many classes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from active_learning_sets import Task, split
from sklearn.datasets import load_breast_cancer, load_digits, make_blobs, make_classification


def breast(data: Path) -> Task:
    x, y = load_breast_cancer(return_X_y=True)
    return split("breast", ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32), y, 150, 6, 6, 102)


def longtail(data: Path) -> Task:
    """Digits, each class rarer than the one before, down to one in twenty-five; the test set is even."""
    x, y = load_digits(return_X_y=True)
    x = (x / 4).astype(np.float32)
    rng = np.random.default_rng(3)
    order = rng.permutation(len(x))
    test, train = order[:500], order[500:]
    share = np.array([1, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.06, 0.04])
    kept = train[rng.random(len(train)) < share[y[train]]]
    return Task("longtail", x[kept], y[kept], x[test], y[test], 10, 10, 150)


def rare(data: Path) -> Task:
    x, y = make_classification(
        4000,
        20,
        n_informative=8,
        n_redundant=4,
        n_classes=3,
        weights=[0.9, 0.07, 0.03],
        class_sep=1.2,
        random_state=5,
    )
    return split("rare", x.astype(np.float32), y, 1500, 10, 10, 150)


def noisy(data: Path) -> Task:
    x, y = make_classification(3000, 30, n_informative=10, n_classes=4, flip_y=0.1, class_sep=1.0, random_state=6)
    return split("noisy", x.astype(np.float32), y, 1000, 10, 10, 210)


def blobs(data: Path) -> Task:
    x, cluster = make_blobs(3000, 12, centers=24, cluster_std=3.0, random_state=2)
    scale = np.random.default_rng(1).uniform(0.2, 3, 12)
    return split("blobs", (x * scale).astype(np.float32), cluster % 6, 800, 12, 12, 204)


def many(data: Path) -> Task:
    rng = np.random.default_rng(7)
    centres = rng.normal(size=(40, 48)) * 1.1
    y = rng.integers(0, 40, 4000)
    return split("many", (centres[y] + rng.normal(size=(4000, 48))).astype(np.float32), y, 1200, 40, 20, 400)


MORE = {"breast": breast, "longtail": longtail, "rare": rare, "noisy": noisy, "blobs": blobs, "many": many}
