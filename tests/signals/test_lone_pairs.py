from __future__ import annotations

import numpy as np
import pytest

from dqkit.signals import neighbors
from dqkit.signals.duplicates import lone_pairs


def slow(points: np.ndarray, ratio: float) -> set[tuple[int, int]]:
    """Every pair of rows looked at, by the definition."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    by_row = np.sort(apart, axis=1)
    half = 0.5 * np.median(by_row[:, 0])
    found = set()
    for i in range(len(points)):
        for j in range(i + 1, len(points)):
            d = apart[i, j]
            nearest_of_both = d == by_row[i, 0] and d == by_row[j, 0]
            if nearest_of_both and d < half and d < ratio * by_row[i, 1] and d < ratio * by_row[j, 1]:
                found.add((i, j))
    return found


def pairs_of(group: np.ndarray) -> set[tuple[int, int]]:
    return {tuple(np.flatnonzero(group == g).tolist()) for g in range(int(group.max(initial=-1)) + 1)}


@pytest.mark.parametrize("ratio", [0.2, 0.4, 0.7])
def test_pairs_are_those_that_every_pair_of_rows_looked_at_gives(ratio: float) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 3))
    points[40:55] = points[:15] + rng.normal(0, 0.15, size=(15, 3))
    graph = neighbors(points, 5, metric="euclidean")
    found = pairs_of(lone_pairs(graph.indices, graph.distances, ratio=ratio))
    assert found == slow(points, ratio)
    assert found


def test_three_that_are_alike_are_no_pair_and_neither_is_an_even_spread() -> None:
    three = np.array([[0.0, 0], [0.01, 0], [0, 0.01], [5, 0], [9, 3], [2, 8]])
    graph = neighbors(three, 3, metric="euclidean")
    assert (lone_pairs(graph.indices, graph.distances) == -1).all()
    grid = neighbors(np.stack(np.mgrid[:5, :5], axis=2).reshape(-1, 2).astype(float), 3, metric="euclidean")
    assert (lone_pairs(grid.indices, grid.distances) == -1).all()


def test_rows_without_neighbours_and_graphs_of_one_neighbour_have_no_pairs() -> None:
    indices = np.array([[1, 2], [0, 2], [3, 1], [4, 2], [3, 2], [-1, -1]])
    distances = np.array([[0.1, 1.0], [0.1, 1.1], [0.9, 1.1], [0.8, 0.9], [0.8, 1.7], [np.inf, np.inf]])
    assert lone_pairs(indices, distances).tolist() == [0, 0, -1, -1, -1, -1]
    assert lone_pairs(indices[:, :1], distances[:, :1]).tolist() == [-1] * 6
    assert lone_pairs(np.empty((0, 2), dtype=np.int64), np.empty((0, 2))).tolist() == []
