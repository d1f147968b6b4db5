"""The neighbour search and what is read from it, against full distance matrices and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dqkit.near_copies import linked_groups
from dqkit.records import InputError
from dqkit.signals import neighbors
from dqkit.signals.duplicates import duplicate_groups
from dqkit.signals.knn import approximate, cells
from dqkit.signals.knn.blocks import block_neighbors
from dqkit.signals.knn.identical_rows import identical_rows
from dqkit.signals.knn.tree import tree_neighbors


def slow_neighbors(features, k, metric):
    """All pairs from their differences, one column at a time; equal distances (to 12 digits) by position."""
    rows = features.astype(np.float64)
    length = np.sqrt((rows**2).sum(axis=1))
    if metric == "cosine":
        rows = rows / np.where(length > 0, length, 1)[:, None]
    square = np.zeros((len(rows), len(rows)))
    same = np.ones((len(rows), len(rows)), dtype=bool)
    for column, given_column in zip(rows.T, features.T, strict=True):
        square += (column[:, None] - column) ** 2
        same &= given_column[:, None] == given_column
    distance = square / 2 if metric == "cosine" else np.sqrt(square)
    if metric == "cosine":
        distance[(length == 0)[:, None] != (length == 0)] = 1.0
    distance = np.round(distance, 12)
    distance[same] = 0
    np.fill_diagonal(distance, np.inf)
    order = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distance, order, axis=1)


def clustered(n, d, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(12, d)) * 2
    return (centre[rng.integers(0, 12, n)] + rng.normal(size=(n, d))).astype(dtype)


@pytest.mark.parametrize(("metric", "d"), [("cosine", 24), ("cosine", 4), ("euclidean", 24), ("euclidean", 3)])
@pytest.mark.parametrize("n", [60, 1500])
def test_the_neighbours_are_those_of_the_full_matrix(metric, d, n):
    features = clustered(n, d)
    expected, distances = slow_neighbors(features, 7, metric)
    found = neighbors(features, 7, metric=metric)
    np.testing.assert_array_equal(found.indices, expected)
    np.testing.assert_allclose(found.distances, distances, atol=1e-11)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_float32_rows_keep_their_type_and_find_the_same_neighbours(metric):
    features = clustered(1400, 32, dtype=np.float32)
    expected, distances = slow_neighbors(features, 5, metric)
    found = neighbors(features, 5, metric=metric)
    assert found.distances.dtype == (np.float32 if metric == "cosine" else np.float64)
    np.testing.assert_allclose(found.distances, distances, atol=2e-6)
    assert (found.indices == expected).mean() > 0.999


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000), st.integers(1030, 1200), st.integers(1, 12), st.sampled_from([9, 10, 17]))
def test_equal_distances_are_ordered_by_position_in_every_search(seed, n, k, d):
    # Whole numbers: products and squared differences are exact, so the ties are, too.
    features = np.random.default_rng(seed).integers(-2, 3, size=(n, d)).astype(np.float32)
    expected, distances = slow_neighbors(features, k, "euclidean")
    found = neighbors(features, k, metric="euclidean")
    np.testing.assert_array_equal(found.indices, expected)
    np.testing.assert_allclose(found.distances, distances, atol=1e-11)
    flat = features[:, :3]
    expected, _ = slow_neighbors(flat, k, "euclidean")
    np.testing.assert_array_equal(neighbors(flat, k).indices, expected)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 9))
def test_copies_come_first_in_order_of_position_at_distance_zero(seed, distinct, k):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(distinct, 6))[rng.integers(0, distinct, 1100)]
    _, distances = slow_neighbors(features, k, "cosine")
    found = neighbors(features, k)
    copies = (features[:, None] == features[None]).all(axis=2)
    np.fill_diagonal(copies, False)
    for row in range(0, 1100, 37):
        own = np.flatnonzero(copies[row])[:k]
        assert found.indices[row, : len(own)].tolist() == own.tolist()
        assert (found.distances[row, : len(own)] == 0).all()
    np.testing.assert_allclose(found.distances, distances, atol=1e-11)
    assert (found.table["exact_duplicate"].to_numpy() == copies.any(axis=1)).all()


def test_the_block_search_agrees_with_the_full_matrix_across_many_tiles():
    features = clustered(2600, 8)
    features[100:140] = np.linspace(1, 2, 40)[:, None] * features[7]  # one direction: forty equal cosines
    expected, distances = slow_neighbors(features, 10, "cosine")
    indices, found = block_neighbors(features, 10, "cosine")
    np.testing.assert_allclose(found, distances, atol=1e-11)
    tied = np.append(np.arange(100, 140), 7)
    separate = ~np.isin(expected, tied).any(axis=1)
    assert separate.mean() > 0.9
    np.testing.assert_array_equal(indices[separate], expected[separate])


def test_the_tree_search_agrees_with_the_full_matrix_on_a_grid():
    side = np.arange(12.0)
    grid = np.stack(np.meshgrid(side, side, side), axis=-1).reshape(-1, 3)
    expected, distances = slow_neighbors(grid, 9, "euclidean")
    indices, found = tree_neighbors(grid, 9)
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_allclose(found, distances, atol=1e-12)


def test_a_row_of_zeros_is_at_distance_one_from_every_other_row():
    features = clustered(1300, 8)
    features[5] = 0
    found = neighbors(features, 4)
    assert found.distances[5].tolist() == [1.0] * 4
    assert found.indices[5].tolist() == [0, 1, 2, 3]


def test_reordering_the_rows_reorders_the_findings():
    features = clustered(1500, 12)
    order = np.random.default_rng(1).permutation(1500)
    straight, shuffled = neighbors(features), neighbors(features[order])
    np.testing.assert_array_equal(order[shuffled.indices], straight.indices[order])
    for column in ("outlier_score", "outlier", "nearest_distance", "representativeness"):
        np.testing.assert_allclose(shuffled.table[column], straight.table[column].to_numpy()[order], atol=1e-12)


def test_an_outlier_and_a_near_copy_are_found():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 2))
    features[17] = [30.0, 30.0]
    features[60] = features[59] + 1e-6
    found = neighbors(features).table
    assert found["outlier_score"].idxmax() == 17
    assert found.loc[17, "outlier"]
    assert found["duplicate_group"].iloc[[59, 60]].tolist() == [found["duplicate_group"][59]] * 2
    assert found["duplicate_group"][59] >= 0
    assert not found["exact_duplicate"].any()
    assert found[["outlier_score", "uniqueness", "representativeness"]].to_numpy().min() >= 0
    assert found[["outlier_score", "uniqueness", "representativeness"]].to_numpy().max() <= 1


def test_the_outlier_score_by_hand():
    # Mean distances 1, 1, 1, 9: the median is 1.
    found = neighbors(np.array([[0.0], [1.0], [2.0], [11.0]]), k=1)
    assert found.table["outlier_score"].tolist() == pytest.approx([1 - np.exp(-1)] * 3 + [1 - np.exp(-9)])


def test_representativeness_counts_who_lists_a_row():
    found = neighbors(np.array([[0.0], [1.0], [2.1], [11.0]]), k=1)
    assert found.indices.ravel().tolist() == [1, 0, 1, 2]
    assert found.table["representativeness"].tolist() == [1 / 2, 2 / 3, 1 / 2, 0.0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(0, 40))
def test_linked_rows_form_the_groups_of_a_flood_fill(seed, n, links):
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, n, links), rng.integers(0, n, links)
    group, expected, following = linked_groups(n, left, right), [-1] * n, 0
    for start in range(n):
        if expected[start] >= 0:
            continue
        reached, open_rows = {start}, [start]
        while open_rows:
            at = open_rows.pop()
            touching = {int(b) for a, b in zip(left, right, strict=True) if a == at}
            touching |= {int(a) for a, b in zip(left, right, strict=True) if b == at}
            open_rows += list(touching - reached)
            reached |= touching
        if len(reached) > 1:
            for row in reached:
                expected[row] = following
            following += 1
    assert group.tolist() == expected


def test_copies_beyond_k_are_still_one_group():
    features = np.vstack([np.tile([1.0, 2, 3, 4], (30, 1)), np.random.default_rng(0).normal(size=(30, 4))])
    group = neighbors(features, 3).table["duplicate_group"]
    assert group[:30].tolist() == [0] * 30
    close = np.zeros((4, 1), dtype=bool)
    assert duplicate_groups(np.array([[1], [0], [0], [0]]), close, np.array([0, 0, 2, 0])).tolist() == [0, 0, -1, 0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([np.float32, np.float64]))
def test_identical_rows_are_those_that_compare_equal(seed, dtype):
    rng = np.random.default_rng(seed)
    features = rng.integers(-1, 2, size=(rng.integers(1, 80), rng.integers(1, 5))).astype(dtype)
    features[rng.random(features.shape) < 0.1] *= -1  # some zeros become negative zeros
    expected = [
        next(j for j in range(len(features)) if (features[j] == features[i]).all()) for i in range(len(features))
    ]
    assert identical_rows(features).tolist() == expected


@pytest.mark.parametrize(
    ("metric", "d", "dtype"), [("cosine", 20, "f4"), ("cosine", 160, "f4"), ("euclidean", 9, "f8")]
)
def test_the_approximate_search_reports_the_recall_that_it_has(monkeypatch, metric, d, dtype):
    monkeypatch.setattr(cells, "CELL", 100)
    features = clustered(4000, d, dtype=dtype)
    features[50] = features[51]
    exact = neighbors(features, 10, metric=metric, method="exact")
    found = neighbors(features, 10, metric=metric, method="approximate", seed=3, recall_rows=4000)
    shared = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(found.indices, exact.indices, strict=True)])
    assert (found.method, exact.method, exact.recall) == ("approximate", "exact", 1.0)
    assert found.recall == pytest.approx(shared, abs=0.002)
    assert found.recall > 0.95
    assert found.indices[50, 0] == 51
    assert found.distances[50, 0] == 0
    again = neighbors(features, 10, metric=metric, method="approximate", seed=3, recall_rows=4000)
    np.testing.assert_array_equal(found.indices, again.indices)


@pytest.mark.slow
@given(st.integers(0, 10_000), st.sampled_from(["cosine", "euclidean"]))
@settings(max_examples=20, deadline=None)
def test_searched_in_every_cell_the_approximate_neighbours_are_the_exact_ones(seed, metric):
    rng = np.random.default_rng(seed)
    features = clustered(int(rng.integers(1100, 1400)), int(rng.integers(4, 9)), seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "CELL", int(rng.integers(40, 400)))
        patch.setattr(approximate, "_RECALL", 1.1)
        patch.setattr(approximate, "_MOST_PROBES", 1000)
        found = neighbors(features, 5, metric=metric, method="approximate")
    expected, distances = slow_neighbors(features, 5, metric)
    np.testing.assert_array_equal(found.indices, expected)
    np.testing.assert_allclose(found.distances, distances, atol=1e-9)
    assert found.recall == 1.0


def test_rows_in_cells_with_fewer_rows_than_neighbours_are_compared_with_all(monkeypatch):
    monkeypatch.setattr(cells, "CELL", 100)
    features = clustered(3000, 16, seed=4)
    features[:6] = 40 + np.arange(6)[:, None] * 0.01 + np.eye(6, 16) * 0.01  # six rows far from all others
    found = neighbors(features, 10, metric="euclidean", method="approximate")
    expected = neighbors(features, 10, metric="euclidean", method="exact")
    np.testing.assert_array_equal(found.indices[:6, :5], expected.indices[:6, :5])
    assert (found.indices != np.arange(3000)[:, None]).all()
    assert (np.diff(np.sort(found.indices, axis=1), axis=1) > 0).all()


def test_a_crowd_in_one_place_is_split_over_cells(monkeypatch):
    monkeypatch.setattr(cells, "CELL", 100)
    rng = np.random.default_rng(0)
    rows = torch.from_numpy(np.r_[rng.normal(size=(500, 8)) * 5, rng.normal(size=(4500, 8)) * 1e-3].astype("f4"))
    found = cells.gather(rows, seed=0)
    size = np.diff(found.starts.numpy())
    assert size.sum() == 5000
    assert size.max() <= 3 * 100 * 1.01
    np.testing.assert_array_equal(np.sort(found.order.numpy()), np.arange(5000))
    np.testing.assert_array_equal(np.repeat(np.arange(len(found)), size), found.home[found.order].numpy())


@pytest.mark.parametrize(
    ("features", "k", "words"),
    [
        (np.zeros((3, 2)), 3, "k must lie in 1..n-1 with n = 3 rows; got 3"),
        (np.zeros((3, 2)), 0, "got 0"),
        (np.zeros((1, 2)), 1, "n = 1"),
        (np.zeros((0, 2)), 1, "n = 0"),
        (np.zeros((3, 2)), 1.5, "k must be a whole number of at least 1; got 1.5"),
        (np.zeros((3, 2)), "a", "got 'a'"),
        (np.zeros((3, 2)), True, "got True"),
        (np.zeros(4), 1, "shape"),
        (np.zeros((4, 0)), 1, "d >= 1"),
        ([[1.0], [np.nan]], 1, "row 1 is not"),
        ([["a"], ["b"]], 1, "numbers"),
    ],
)
def test_features_that_cannot_be_searched_are_named(features, k, words):
    with pytest.raises(InputError, match=words):
        neighbors(features, k)


def test_options_out_of_range_are_named():
    with pytest.raises(InputError, match="metric must be one of"):
        neighbors(np.eye(4), 1, metric="manhattan")
    with pytest.raises(InputError, match="method must be one of"):
        neighbors(np.eye(4), 1, method="fast")


def test_two_rows_are_enough():
    found = neighbors([[0.0], [2.0]], 1)
    assert found.indices.tolist() == [[1], [0]]
    assert found.distances.tolist() == [[2.0], [2.0]]


@pytest.mark.parametrize(("dtype", "power"), [(np.float64, -1000), (np.float64, 1000), (np.float32, -100)])
@pytest.mark.parametrize("n", [40, 1100])
def test_the_cosine_of_rows_near_the_ends_of_the_floats_is_that_of_the_same_rows_at_ordinary_size(dtype, power, n):
    features = clustered(n, 6, dtype=dtype)
    plain = neighbors(features, 5, metric="cosine")
    extreme = neighbors(np.ldexp(features, power), 5, metric="cosine")
    np.testing.assert_array_equal(extreme.indices, plain.indices)
    np.testing.assert_array_equal(extreme.distances, plain.distances)
