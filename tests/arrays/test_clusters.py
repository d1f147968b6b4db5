"""k-means beside the same written out row by row."""

from __future__ import annotations

import numpy as np
import pytest

from dqkit.arrays.clusters import kmeans, lloyd


def by_hand(x: np.ndarray, centers: np.ndarray, iterations: int, directions: bool) -> np.ndarray:
    centers = [center.astype(np.float64) for center in centers]
    for _ in range(iterations):
        members: list[list[np.ndarray]] = [[] for _ in centers]
        for row in x.astype(np.float64):
            near = [-(row @ c) if directions else ((row - c) ** 2).sum() for c in centers]
            members[int(np.argmin(near))].append(row)
        for k, rows in enumerate(members):
            if rows:
                total = np.sum(rows, axis=0)
                centers[k] = total / (np.sqrt((total**2).sum()) if directions else len(rows))
    return np.array(centers)


@pytest.mark.parametrize("directions", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_centers_are_those_of_lloyds_algorithm_written_out(directions: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 3)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True) if directions else 1
    found = lloyd(x, x[:6].copy(), iterations=4, directions=directions)
    np.testing.assert_allclose(found, by_hand(x, x[:6], 4, directions), atol=1e-5)


def test_a_center_without_a_row_stays_where_it_is() -> None:
    x = np.array([[0.0, 0.0], [0.0, 2.0]], dtype=np.float32)
    centers = np.array([[0.0, 1.0], [50.0, 50.0]], dtype=np.float32)
    assert lloyd(x, centers, iterations=3).tolist() == [[0.0, 1.0], [50.0, 50.0]]


def test_separate_heaps_become_clusters_and_copies_make_no_more_of_them_than_there_are_rows() -> None:
    rng = np.random.default_rng(0)
    heap = np.repeat(np.arange(4), 50)
    x = (rng.normal(size=(200, 2)) * 0.1 + 10 * np.eye(4, 2)[heap] + 20 * (heap[:, None] > 1)).astype(np.float32)
    x[heap == 3] += 40
    found = kmeans(x, 4, seed=1)
    assert all(len(set(found[heap == h])) == 1 for h in range(4))
    assert len(set(found)) == 4
    assert len(set(kmeans(np.ones((30, 2), np.float32), 5, seed=0))) == 1
