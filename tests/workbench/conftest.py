from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import dqkit as dq


def small(n=240, *, seed=0, noise=0.1, hidden=0.3):
    """Three separable blobs, some labels flipped, some withheld, a quarter held out for test."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=n)
    x = rng.normal(size=(n, 4)) + 3 * np.eye(3, 4)[truth]
    labels = truth.copy()
    split = np.where(rng.random(n) < 0.25, "test", "train")
    flipped = (rng.random(n) < noise) & (split == "train")
    labels[flipped] = (truth[flipped] + rng.integers(1, 3, size=flipped.sum())) % 3
    labels[(rng.random(n) < hidden) & (split == "train")] = -1
    return dq.from_arrays(x, labels, classes=["red", "green", "blue"], split=split, true_labels=truth, name="blobs")


def quick():
    """Estimators that take milliseconds."""
    return {"mild": LogisticRegression(C=1.0), "strong": LogisticRegression(C=0.01)}


@pytest.fixture
def bench(tmp_path):
    with dq.Workbench.create(tmp_path / "wb", small(), title="Blobs") as workbench:
        yield workbench


def pets_dataset():
    """Six texts, one of them without a label."""
    return dq.from_arrays(
        [f"text {i}" for i in range(6)],
        ["cat", "dog", "cat", "dog", None, "cat"],
        ids=[f"s{i}" for i in range(6)],
        name="pets",
    )


def pairs(table):
    """What a table of changes says, in short."""
    return [(row.sample_id, row.given, row.now, row.annotator) for row in table.itertuples()]


@pytest.fixture
def pets(tmp_path):
    with dq.Workbench.create(tmp_path / "wb", pets_dataset(), title="Pets & <co>") as workbench:
        yield workbench


@pytest.fixture
def theirs(tmp_path):
    with dq.Workbench.create(tmp_path / "theirs", pets_dataset()) as workbench:
        yield workbench
