"""Samples with identical content: what is one group, and what is certain where labels differ."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dqkit as dq
from dqkit.near_copies import identical_content
from dqkit.signals import signal_table
from dqkit.signals.copies import copies, expected_pairs, true_label_of_copies


def by_hand(labels, probs, rate):
    """P(true = k | labels, content), from the joint written out over every true class."""
    c = len(probs)
    weight = []
    for k in range(c):
        value = max(probs[k], 1e-4)
        for label in labels:
            value *= 1 - rate if label == k else rate / (c - 1)
        weight.append(value)
    return np.array(weight) / sum(weight)


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=6),
    weights=st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda w: sum(w) > 0.1),
    rate=st.floats(0.01, 0.5),
)
def test_the_true_label_of_copies_is_bayes_rule_and_differing_labels_hold_an_error(labels, weights, rate):
    probs = np.array(weights) / sum(weights)
    found = true_label_of_copies(np.array(labels), probs, rate)
    np.testing.assert_allclose(found, by_hand(labels, probs, rate), rtol=1e-6)
    if len(set(labels)) > 1:
        assert sum(1 - found[label] for label in labels) >= 1 - 1e-9


@pytest.mark.parametrize("labels", [list(p) for p in itertools.permutations([0, 1, 1])])
def test_the_majority_of_copies_is_believed_where_the_model_says_nothing(labels):
    assert true_label_of_copies(np.array(labels), np.full(3, 1 / 3), 0.1).argmax() == 1


def test_equal_rows_of_a_table_are_copies_only_where_chance_makes_none():
    few = pd.DataFrame({"sex": list("mf") * 20, "ward": [1, 1, 2, 2] * 10})
    # 40 rows, 780 pairs, a quarter of them equal by chance
    assert expected_pairs(few) == pytest.approx(195)
    coarse = dq.from_arrays(few, [0, 1] * 20, classes=["a", "b"])
    assert set(copies(coarse, identical_content(coarse))) == {""}
    fine = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=list("xyz"))
    fine.iloc[7] = fine.iloc[3]
    exact = dq.from_arrays(fine, [0, 1] * 20, classes=["a", "b"])
    found = copies(exact, identical_content(exact))
    assert np.flatnonzero(found != "").tolist() == [3, 7]
    assert found[7] == exact.ids[3]


def texts(labels, n=40):
    words = [f"{'good' if i % 2 else 'bad'} day number {i}" for i in range(n)]
    words[:4] = ["the very same words"] * 4
    given_labels = np.arange(n) % 2
    given_labels[:4] = labels
    return dq.from_arrays(words, given_labels, classes=["bad", "good"])


def predicted(ds):
    probs = np.full((len(ds), 2), 0.5)
    probs[np.arange(len(ds)), np.maximum(ds.labels, 0)] += 0.3
    probs[:4] = [0.6, 0.4]
    return dq.Predictions.from_arrays(probs / probs.sum(axis=1, keepdims=True), ids=ds.ids, classes=ds.classes)


def test_scores_of_copies_whose_labels_differ_add_up_to_one_and_the_odd_one_is_named():
    ds = texts([0, 0, 1, -1])
    table = signal_table(ds, predicted(ds)).table
    assert table["copy_of"].tolist() == [ds.ids[0]] * 4 + [""] * 36
    assert table["label_score"][:4].sum() >= 1
    assert table["label_flag"][:4].tolist() == [False, False, True, False]
    assert table["suggested_label"].iloc[2] == "bad"
    assert table["reasons"].iloc[2].startswith(f"identical to {ds.ids[0]} (bad), {ds.ids[1]} (bad): one of the labels")


def test_copies_that_agree_change_nothing():
    ds = texts([1, 1, 1, -1])
    table = signal_table(ds, predicted(ds)).table
    assert not table["reasons"].str.contains("identical to").any()
