"""The order test and KNN-Shapley against cleanlab and loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqkit.records import InputError
from dqkit.signals import knn_shapley, order_test


def random_graph(seed, n, k):
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(np.delete(np.arange(n), i))[:k] for i in range(n)])


def graph_in_order(n, k):
    return np.stack([np.argsort(np.abs(np.arange(n) - i), kind="stable")[1 : k + 1] for i in range(n)])


def test_neighbours_next_to_each_other_are_no_accident():
    assert order_test(graph_in_order(200, 5)).p_value < 1e-6
    assert order_test(graph_in_order(200, 5)).flag.sum() == 1


def test_random_neighbours_look_random():
    p_values = [order_test(random_graph(seed, 150, 5)).p_value for seed in range(12)]
    assert sum(p < 0.05 for p in p_values) <= 3


def test_the_statistic_is_the_largest_gap_between_the_shares_by_hand():
    # Six rows, all neighbours one step away; of the fifteen pairs five are. Just before the last of the six the share
    # is 5/6, that of all pairs 1/3.
    found = order_test(np.array([[1], [0], [1], [2], [3], [4]]))
    assert found.statistic == pytest.approx(5 / 6 - 1 / 3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(14, 60), st.booleans())
def test_the_p_value_scores_and_flag_are_datalabs_for_the_same_graph(seed, n, in_order):
    noniid = pytest.importorskip("cleanlab.datalab.internal.issue_manager.noniid")
    from cleanlab import Datalab
    from scipy.sparse import csr_matrix

    k = 10
    indices = graph_in_order(n, k) if in_order else random_graph(seed, n, k)
    graph = csr_matrix((np.ones(n * k), indices.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    peer = noniid.NonIIDIssueManager(Datalab({"y": np.zeros(n, dtype=int)}, label_name="y", verbosity=0))
    peer.find_issues(knn_graph=graph)
    found = order_test(indices)
    assert found.p_value == pytest.approx(peer.p_value, abs=1e-12)
    np.testing.assert_array_equal(1 - found.score, 1 - (1 - peer.issues["non_iid_score"].to_numpy()))
    np.testing.assert_array_equal(found.flag, peer.issues["is_non_iid_issue"].to_numpy())


def slow_shapley(labels, indices):
    """The recursion over each judge's neighbours into an n x n matrix."""
    n = len(labels)
    value = np.zeros((n, n))
    judges = [a for a in range(n) if labels[a] >= 0]
    for a in judges:
        near = [j for j in indices[a] if j >= 0 and labels[j] >= 0]
        for at in range(len(near) - 2, -1, -1):
            gain = float(labels[near[at]] == labels[a]) - float(labels[near[at + 1]] == labels[a])
            value[a, near[at]] = value[a, near[at + 1]] + gain
        value[a] /= max(len(near), 1)
    return 0.5 * (value.sum(axis=0) / max(len(judges), 1) + 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 40), st.integers(1, 8), st.booleans())
def test_knn_shapley_agrees_with_its_recursion(seed, n, k, unlabelled):
    k = min(k, n - 1)
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1 if unlabelled else 0, 3, n)
    indices = random_graph(seed, n, k)
    indices[rng.random(n) < 0.1] = -1
    np.testing.assert_allclose(knn_shapley(labels, indices), slow_shapley(labels, indices), atol=1e-12)


def test_knn_shapley_is_cleanlabs_where_all_rows_are_labelled():
    from cleanlab.data_valuation import _knn_shapley_score

    labels = np.random.default_rng(1).integers(0, 3, 50)
    indices = random_graph(1, 50, 7)
    np.testing.assert_allclose(knn_shapley(labels, indices), 0.5 * (_knn_shapley_score(indices, labels, 7) + 1))


def test_a_mislabelled_row_among_its_own_kind_is_worth_least():
    features = np.random.default_rng(0).normal(size=(60, 5)) + np.repeat([[0.0], [8.0]], 30, axis=0)
    from dqkit.signals import neighbors

    labels = np.repeat([0, 1], 30)
    labels[4] = 1
    worth = knn_shapley(labels, neighbors(features, 10, metric="euclidean").indices)
    assert worth.argmin() == 4
    assert worth[4] < 0.5


def test_graphs_of_another_size_are_named():
    with pytest.raises(InputError, match="n = 2 labels"):
        knn_shapley([0, 1], np.zeros((3, 1), dtype=int))


@pytest.mark.parametrize("bad", [np.ones((3, 2)), np.array([1, 2]), np.array([[1], [5], [0]]), np.empty((0, 2), int)])
def test_what_is_no_graph_is_refused_by_name(bad):
    with pytest.raises(InputError, match="indices must be whole numbers"):
        order_test(bad)


def test_a_neighbour_beyond_the_rows_is_refused_by_knn_shapley():
    with pytest.raises(InputError, match="indices must be rows 0 to 2"):
        knn_shapley([0, 1, 0], np.array([[1], [5], [0]]))
