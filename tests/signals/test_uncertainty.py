"""Uncertainty and disagreement against loops written out from their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqkit.records import InputError
from dqkit.signals import calibration, disagreement, uncertainty


def random_probs(seed: int, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(shape[-1], 0.3), size=shape[:-1])
    return probs


def slow_entropy(p):
    return -sum(x * math.log(x) for x in p if x > 0)


def slow_uncertainty(p, top_n=5):
    c = len(p)
    ranked = sorted(p, reverse=True)
    top = ranked[: min(top_n, c)]
    mean = sum(top) / len(top)
    spread = math.sqrt(sum((x - mean) ** 2 for x in top) / len(top))
    certain = [1.0] + [0.0] * (len(top) - 1)
    most = math.sqrt(sum((x - 1 / len(top)) ** 2 for x in certain) / len(top))
    return [slow_entropy(p) / math.log(c), 1 - (ranked[0] - ranked[1]), 1 - ranked[0], 1 - spread / most]


def slow_disagreement(members):
    m, c = len(members), len(members[0])
    votes = [0] * c
    for p in members:
        votes[max(range(c), key=lambda j: (p[j], -j))] += 1
    mean = [sum(p[j] for p in members) / m for j in range(c)]
    most = math.log(min(m, c))
    return [
        slow_entropy([v / m for v in votes]) / most,
        (slow_entropy(mean) - sum(slow_entropy(p) for p in members) / m) / most,
        1 - max(votes) / m,
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(2, 9), st.integers(2, 6))
def test_uncertainty_agrees_with_loops_over_its_definitions(seed, n, c, top_n):
    probs = random_probs(seed, n, c)
    expected = [slow_uncertainty(row, top_n) for row in probs.tolist()]
    np.testing.assert_allclose(uncertainty(probs, top_n=top_n), np.clip(expected, 0, 1), atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(1, 8), st.integers(2, 7))
def test_disagreement_agrees_with_loops_over_its_definitions(seed, m, n, c):
    probs = random_probs(seed, m, n, c)
    expected = [slow_disagreement(probs[:, i].tolist()) for i in range(n)]
    np.testing.assert_allclose(disagreement(probs), np.clip(expected, 0, 1), atol=1e-12)


def test_members_that_vote_apart_disagree_as_much_as_they_can():
    found = disagreement([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]])
    assert found.iloc[0].tolist() == pytest.approx([1.0, 1.0, 2 / 3])


def test_a_uniform_row_is_the_most_uncertain_and_a_certain_one_the_least():
    found = uncertainty([[0.25] * 4, [0.0, 1.0, 0.0, 0.0]])
    assert found.iloc[0].tolist() == pytest.approx([1.0, 1.0, 0.75, 1.0])
    assert found.iloc[1].tolist() == [0.0, 0.0, 0.0, 0.0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.2, 5))
def test_a_temperature_raises_probabilities_to_its_inverse_before_they_are_measured(seed, temperature):
    probs = random_probs(seed, 5, 4).clip(1e-6)
    probs /= probs.sum(axis=1, keepdims=True)
    powered = np.array([[x ** (1 / temperature) for x in row] for row in probs])
    powered /= powered.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(uncertainty(probs, temperature=temperature), uncertainty(powered), atol=1e-9)
    both = disagreement(np.stack([probs, probs[::-1]]), temperatures=[temperature, 1.0])
    np.testing.assert_allclose(both, disagreement(np.stack([powered, probs[::-1]])), atol=1e-9)


def test_permuting_the_rows_permutes_the_measures():
    probs = random_probs(3, 3, 50, 6)
    order = np.random.default_rng(0).permutation(50)
    np.testing.assert_array_equal(uncertainty(probs[0][order]), uncertainty(probs[0]).iloc[order])
    np.testing.assert_array_equal(disagreement(probs[:, order]), disagreement(probs).iloc[order])


def test_nothing_to_measure_gives_empty_or_zero_rows():
    assert uncertainty(np.empty((0, 3))).shape == (0, 4)
    assert disagreement(np.empty((2, 0, 3))).shape == (0, 3)
    assert (uncertainty([[1.0], [1.0]]).to_numpy() == 0).all()
    assert (disagreement([[[0.5, 0.5]]]).to_numpy() == 0).all()
    assert (disagreement([[[1.0]], [[1.0]]]).to_numpy() == 0).all()


@pytest.mark.parametrize(
    ("probs", "words"),
    [
        ([[0.5, 0.6]], "sum to one"),
        ([[np.nan, 1.0]], "finite"),
        ([[1.5, -0.5]], r"\[0, 1\]"),
        ([0.5, 0.5], "shape"),
        ([["a", "b"]], "numbers"),
        (np.empty((3, 0)), "at least one class"),
    ],
)
def test_what_is_no_probability_is_named(probs, words):
    with pytest.raises(InputError, match=words):
        uncertainty(probs)


def test_options_out_of_range_are_named():
    with pytest.raises(InputError, match="top_n"):
        uncertainty([[0.5, 0.5]], top_n=1)
    with pytest.raises(InputError, match="temperature"):
        uncertainty([[0.5, 0.5]], temperature=0.0)
    with pytest.raises(InputError, match="each of the 2 members"):
        disagreement([[[0.5, 0.5]], [[0.5, 0.5]]], temperatures=[1.0])
    with pytest.raises(InputError, match="member_probs must have shape"):
        disagreement([[0.5, 0.5]])


@pytest.mark.parametrize(
    "measure", [uncertainty, lambda rows: disagreement([rows]), lambda rows: calibration([0, 1], rows)]
)
def test_rows_of_unequal_length_are_refused_by_name(measure):
    with pytest.raises(InputError, match=r"probs must have shape .* all rows of one length"):
        measure([[0.5, 0.5], [1.0]])
