"""Weak groups against sums of binomial coefficients and planted groups."""

from __future__ import annotations

from math import comb

import numpy as np
import pandas as pd
import pytest

from dqkit.records import InputError
from dqkit.signals import feature_clusters, underperforming_groups
from dqkit.signals.underperforming_groups import false_discovery


def test_the_p_value_is_the_share_of_draws_with_as_many_errors():
    wrong = np.array([True] * 6 + [False] * 6 + [True] * 2 + [False] * 16)
    found = underperforming_groups(wrong, {"by": ["a"] * 12 + ["b"] * 18}).set_index("group")
    exact = sum(comb(8, x) * comb(22, 12 - x) for x in range(6, 9)) / comb(30, 12)
    assert found.loc["a", "p_value"] == pytest.approx(exact)
    assert found.loc["a", ["size", "errors", "error_rate"]].tolist() == [12, 6, 0.5]
    assert found.loc["a", "rest_rate"] == pytest.approx(2 / 18)


def test_q_values_are_those_of_the_step_up_rule():
    p_values = np.array([0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205])
    slow = [min(min(p_values[j] * 8 / (j + 1) for j in range(i, 8)), 1) for i in range(8)]
    np.testing.assert_allclose(false_discovery(p_values), slow)
    np.testing.assert_allclose(false_discovery(p_values[::-1]), slow[::-1])
    assert len(false_discovery(np.empty(0))) == 0


def test_random_groups_are_seldom_called_underperforming_and_a_planted_one_is():
    rng = np.random.default_rng(0)
    called = 0
    for _ in range(50):
        found = underperforming_groups(rng.random(500) < 0.1, {"by": rng.integers(0, 10, 500)})
        called += bool(found["underperforming"].any())
    assert called <= 7
    camera = np.where(rng.random(500) < 0.1, "broken", "fine")
    wrong = rng.random(500) < np.where(camera == "broken", 0.6, 0.1)
    found = underperforming_groups(wrong, {"camera": camera, "noise": rng.integers(0, 20, 500)})
    assert found.loc[found["underperforming"], "group"].tolist() == ["broken"]


def test_numbers_are_cut_at_their_quartiles_and_names_without_end_are_left_out():
    rng = np.random.default_rng(1)
    size = rng.random(400)
    found = underperforming_groups(size > 0.75, {"size": size, "file": [f"{i}.png" for i in range(400)]})
    assert set(found["by"]) == {"size"}
    assert found["size"].tolist() == [100] * 4
    assert found["underperforming"].tolist() == [True, False, False, False]


def test_missing_values_and_what_cannot_be_compared_are_in_no_group():
    wrong = np.array([True] * 10 + [False] * 20)
    found = underperforming_groups(
        wrong, {"by": ["a"] * 10 + ["b"] * 10 + [None] * 10, "lists": [[1]] * 30, "same": [1] * 30}
    )
    assert found["size"].tolist() == [10, 10]
    assert found["rest_rate"].tolist() == [0.0, 1.0]


def test_clusters_follow_separate_clouds():
    rng = np.random.default_rng(0)
    home = np.repeat(np.arange(3), 40)
    features = rng.normal(size=(120, 4)) + home[:, None] * 20
    found = feature_clusters(features, clusters=3)
    assert pd.crosstab(home, found).to_numpy().astype(bool).sum() == 3
    assert feature_clusters(features[:2], seed=0).tolist() == [0, 0]
    assert set(feature_clusters(np.zeros((100, 3)))) == {0}


def test_a_seed_beyond_32_bits_is_taken():
    features = np.repeat(np.arange(3.0), 40)[:, None] * np.ones(4)
    found = feature_clusters(features, seed=2**32 + 5, clusters=3)
    assert len(set(found)) == 3


def test_bad_input_is_named():
    with pytest.raises(InputError, match="bool"):
        underperforming_groups([0, 1], {})
    with pytest.raises(InputError, match="'by' must have 2 values; got 1"):
        underperforming_groups([True, False], {"by": [1]})
    with pytest.raises(InputError, match="q must be"):
        underperforming_groups([True], {}, q=0)
    assert underperforming_groups([True, False], {}).empty


def test_infinite_values_fall_into_the_outer_quarters_of_a_numeric_grouping():
    values = np.r_[[-np.inf] * 30, np.arange(100.0), [np.inf] * 30]
    table = underperforming_groups(np.arange(160) < 30, {"value": values})  # a warning would fail this test
    assert table["size"].sum() == 160
    assert table.loc[table["underperforming"], "errors"].tolist() == [30]


def test_the_old_name_still_works_and_says_what_it_is_called_now():
    from dqkit.signals import weak_groups

    with pytest.warns(DeprecationWarning, match="underperforming_groups"):
        found = weak_groups([True] * 10 + [False] * 30, {"camera": ["a"] * 10 + ["b"] * 30})
    assert found["weak"].tolist() == [True, False]
