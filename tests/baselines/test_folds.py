from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqkit.baselines.folds import copy_groups, group_numbers, join_groups, stratified_folds
from dqkit.records import InputError
from tests.baselines.data import dataset


@settings(deadline=None)
@given(st.lists(st.integers(-1, 3), min_size=6, max_size=80), st.integers(2, 6), st.integers(0, 5))
def test_every_class_and_every_fold_is_spread_evenly(labels: list[int], folds: int, seed: int) -> None:
    y = np.array(labels)
    if (y >= 0).sum() < folds:
        return
    out = stratified_folds(y, folds=folds, seed=seed)
    assert ((out >= 0) == (y >= 0)).all()
    for c in range(4):
        sizes = np.bincount(out[y == c], minlength=folds)
        assert sizes.max() - sizes.min() <= 1
    sizes = np.bincount(out[y >= 0], minlength=folds)
    assert sizes.max() - sizes.min() <= 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 12)), min_size=30, max_size=80), st.integers(0, 5))
def test_a_group_never_straddles_folds(rows: list[tuple[int, int]], seed: int) -> None:
    y, groups = np.array(rows).T
    if len(np.unique(groups[y >= 0])) < 3:
        return
    out = stratified_folds(y, folds=3, seed=seed, groups=groups)
    for g in np.unique(groups[y >= 0]):
        assert len(np.unique(out[(groups == g) & (y >= 0)])) == 1


def test_grouped_folds_stay_nearly_stratified() -> None:
    y = np.repeat([0, 1], [600, 300])
    groups = np.r_[np.arange(600) // 3, 1000 + np.arange(300) // 3]
    out = stratified_folds(y, folds=5, seed=0, groups=groups)
    for c, wanted in ((0, 120), (1, 60)):
        assert np.abs(np.bincount(out[y == c], minlength=5) - wanted).max() <= 3


def test_a_class_smaller_than_the_folds_lands_in_different_folds() -> None:
    y = np.array([0] * 20 + [1] * 3)
    out = stratified_folds(y, folds=5, seed=1)
    assert len(set(out[y == 1])) == 3


def test_the_seed_decides() -> None:
    y = np.arange(60) % 3
    assert (stratified_folds(y, seed=4) == stratified_folds(y, seed=4)).all()
    assert (stratified_folds(y, seed=4) != stratified_folds(y, seed=5)).any()


@pytest.mark.parametrize("folds", [0, 1, 5])
def test_impossible_fold_counts_are_refused(folds: int) -> None:
    with pytest.raises(InputError, match="folds must be at least 2"):
        stratified_folds([0, 1, 0, -1], folds=folds)


def test_copies_share_a_group_in_every_modality() -> None:
    images = np.zeros((4, 3, 3), dtype=np.uint8)
    images[1, 0, 0] = images[3, 0, 0] = 7
    assert copy_groups(dataset(images, [0, 1, 0, 1], modality="image")).tolist() == [0, 1, 0, 1]
    texts = np.array(["Good film!", "bad", "good  FILM", "?!", "..."], dtype=object)
    assert copy_groups(dataset(texts, [0, 1, 0, 1, 0], modality="text")).tolist() == [0, 1, 0, 2, 3]
    assert copy_groups(dataset([[1.0, 2.0], [1.0, 3.0], [1.0, 2.0]], [0, 1, 0])).tolist() == [0, 1, 0]


def test_groups_join_through_chains() -> None:
    first, second = np.array([0, 0, 1, 2, 3]), np.array([5, 6, 6, 7, 7])
    out = join_groups(first, second)
    assert out[0] == out[1] == out[2]
    assert out[3] == out[4] != out[0]


def test_a_missing_group_is_a_group_of_one():
    for missing in (None, np.nan, pd.NaT, pd.NA):
        groups = ["p", missing, "p", missing, missing, "q"]
        codes = group_numbers(groups, 6)
        assert codes[0] == codes[2]
        assert len(set(codes.tolist())) == 5
        assert (group_numbers(pd.Series(groups, dtype=object), 6) == codes).all()


def test_missing_groups_are_spread_over_the_folds_and_named_ones_are_not():
    groups = ["p"] * 4 + [None] * 16
    fold_of = stratified_folds([0, 1] * 10, folds=4, groups=groups)
    assert len(set(fold_of[:4].tolist())) == 1
    assert np.bincount(fold_of[4:], minlength=4).min() >= 1


@pytest.mark.parametrize("groups", [["p"] * 5, "patient", 3, [["a"], ["b"]] * 3, {"a": 1}])
def test_groups_of_another_length_or_kind_are_refused(groups):
    with pytest.raises(InputError, match="groups must"):
        stratified_folds([0, 1] * 3, folds=2, groups=groups)
