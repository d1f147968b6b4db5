"""The same flags as cleanlab's Datalab, row for row, on random features full of ties and copies."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from dqkit.signals import neighbors
from dqkit.signals.duplicates import near_duplicates
from dqkit.signals.outliers import outlier_flags, outlier_scores

KINDS = ("normal", "grid", "binary", "copies", "constant", "one_hot", "huge")


def draw(rng: np.random.Generator) -> np.ndarray:
    """Random features of one of seven kinds, 1 to 20 columns, 12 to 250 rows, float32 or float64."""
    n, d = int(rng.choice([12, 15, 20, 25, 40, 90, 100, 101, 130, 250])), int(rng.choice([1, 2, 3, 4, 5, 8, 20]))
    kind = str(rng.choice(KINDS))
    features = {
        "normal": lambda: rng.normal(size=(n, d)),
        "grid": lambda: rng.integers(0, 4, (n, d)),
        "binary": lambda: rng.integers(0, 2, (n, d)),
        "copies": lambda: rng.normal(size=(max(n // 3, 2), d))[rng.integers(0, max(n // 3, 2), n)],
        "constant": lambda: np.where(np.arange(n)[:, None] < rng.integers(0, 5), 2, np.ones((n, d))),
        "one_hot": lambda: np.eye(d)[rng.integers(0, d, n)] * rng.choice([1, 0.1, 3]),
        "huge": lambda: rng.normal(size=(n, d)) * 1e6 + rng.integers(0, 2) * 1e7,
    }[kind]()
    return features.astype(rng.choice(["float32", "float64"]))


def datalab(n: int, **inputs):
    from cleanlab import Datalab

    lab = Datalab({"y": np.zeros(n, dtype=int)}, label_name="y", verbosity=0)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lab.find_issues(**inputs, issue_types={"outlier": {}, "near_duplicate": {}})
    return (
        lab.get_issues("outlier")["is_outlier_issue"].to_numpy(),
        lab.get_issues("outlier")["outlier_score"].to_numpy(),
        lab.get_issues("near_duplicate")["is_near_duplicate_issue"].to_numpy(),
    )


def check_features(seed: int) -> None:
    features = draw(np.random.default_rng(seed))
    outlier, score, near = datalab(len(features), features=features)
    found = neighbors(features, 10).table
    np.testing.assert_array_equal(found["outlier"], outlier, err_msg=f"seed {seed}")
    np.testing.assert_array_equal(found["near_duplicate"], near, err_msg=f"seed {seed}")
    np.testing.assert_allclose(found["outlier_score"], 1 - score, atol=1e-5, err_msg=f"seed {seed}")


def check_graph(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(12, 80)), 10
    indices = np.stack([rng.permutation(np.delete(np.arange(n), i))[:k] for i in range(n)])
    # Few different distances, so that means and medians tie and only the order of the sums tells them apart.
    distances = np.sort(rng.choice(rng.random(int(rng.integers(1, 6))) * 0.3, (n, k)), axis=1)
    distances = (distances * (rng.random((n, 1)) > 0.2)).astype(rng.choice(["float32", "float64"]))
    graph = csr_matrix((distances.ravel(), indices.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    outlier, score, near = datalab(n, knn_graph=graph)
    np.testing.assert_array_equal(outlier_flags(distances)[0], outlier, err_msg=f"seed {seed}")
    np.testing.assert_array_equal(near_duplicates(indices, distances)[0], near, err_msg=f"seed {seed}")
    np.testing.assert_allclose(outlier_scores(distances, metric=""), 1 - score, atol=1e-6, err_msg=f"seed {seed}")


@pytest.mark.parametrize("block", range(4))
def test_flags_are_datalabs_on_random_features_with_ties(block):
    for seed in range(block * 20, block * 20 + 20):
        check_features(seed)


@pytest.mark.parametrize("block", range(4))
def test_flags_are_datalabs_on_a_given_graph_with_ties(block):
    for seed in range(block * 20, block * 20 + 20):
        check_graph(seed)


@pytest.mark.slow
def test_flags_are_datalabs_on_hundreds_of_cases():
    for seed in range(1000, 1400):
        check_features(seed)
        check_graph(seed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_flags_are_datalabs_beyond_the_size_that_is_searched_whole(dtype):
    rng = np.random.default_rng(4)
    features = rng.normal(size=(1400, 12)).astype(dtype)
    features[:40] *= np.float32(3)
    features[100:130] = features[200:230]
    features[300:320] = features[400:420] + 1e-4
    outlier, score, near = datalab(1400, features=features)
    found = neighbors(features, 10).table
    np.testing.assert_array_equal(found["outlier"], outlier)
    np.testing.assert_array_equal(found["near_duplicate"], near)
    np.testing.assert_allclose(found["outlier_score"], 1 - score, atol=1e-5)
    assert near.sum() >= 100
