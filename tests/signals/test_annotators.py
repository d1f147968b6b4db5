"""Consensus of several annotators: CROWDLAB as cleanlab has it, a majority vote without a model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dqkit.records import InputError
from dqkit.signals.annotators import consensus


def crowd(n=200, people=5, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    skill = np.linspace(0.4, 0.95, people)
    right = rng.random((n, people)) < skill
    answers = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, 3, (n, people))) % 3)
    answers[rng.random((n, people)) < 0.3] = -1
    answers[answers.max(axis=1) < 0, 0] = 0
    probs = 0.1 + 0.7 * np.eye(3)[truth]
    return answers, probs, truth


def test_crowdlab_is_cleanlabs():
    from cleanlab.multiannotator import get_label_quality_multiannotator

    answers, probs, truth = crowd()
    found = consensus(answers, probs)
    frame = pd.DataFrame(answers).astype(float).replace(-1.0, np.nan)
    expected = get_label_quality_multiannotator(frame, probs, verbose=False)
    assert found.samples["consensus_label"].tolist() == expected["label_quality"]["consensus_label"].tolist()
    np.testing.assert_allclose(1 - found.samples["score"], expected["label_quality"]["consensus_quality_score"])
    skill = expected["annotator_stats"]["annotator_quality"].sort_index()
    np.testing.assert_allclose(found.annotators["quality"], skill)
    assert (found.samples["consensus_label"] == truth).mean() > 0.95
    assert found.annotators["quality"].idxmax() == 4


def test_agreement_is_the_share_of_answers_that_match():
    found = consensus([[0, 0, 1, -1], [1, 1, 1, 1], [-1, -1, -1, -1]])
    assert found.method == "majority vote"
    assert found.samples["agreement"].tolist()[:2] == [2 / 3, 1.0]
    assert found.samples["consensus_label"].tolist() == [0, 1, -1]
    assert found.samples["score"].tolist() == [pytest.approx(1 / 3), 0.0, 0.0]
    assert found.annotators["agreement"].tolist() == [1.0, 1.0, 0.5, 1.0]


def test_bad_answers_are_told():
    with pytest.raises(InputError, match="annotators"):
        consensus([0, 1, 1])
    with pytest.raises(InputError, match="not answered"):
        consensus([[0, 5]], [[0.5, 0.5]])
    with pytest.raises(InputError, match="sum to one"):
        consensus([[0, 1]], [[0.5, 0.6]])


def slow_dawid_skene(given, c, steps):
    n, people = given.shape
    truth = np.full((n, c), 0.01)
    for i in range(n):
        for a in range(people):
            if given[i, a] >= 0:
                truth[i, given[i, a]] += 1
    truth /= truth.sum(axis=1, keepdims=True)
    for _ in range(steps):
        counts = np.zeros((people, c, c))
        for i in range(n):
            for a in range(people):
                if given[i, a] >= 0:
                    counts[a, :, given[i, a]] += truth[i]
        pooled = counts.sum(axis=0) + 0.5
        pooled /= pooled.sum(axis=1, keepdims=True)
        confusion = counts + c * pooled
        confusion /= confusion.sum(axis=2, keepdims=True)
        prior = truth.mean(axis=0) + 1e-3
        prior /= prior.sum()
        for i in range(n):
            weight = prior.copy()
            for a in range(people):
                if given[i, a] >= 0:
                    weight = weight * confusion[a, :, given[i, a]]
            truth[i] = weight / weight.sum()
    return truth, confusion


def test_dawid_skene_is_the_slow_loop(monkeypatch):
    from dqkit.signals import dawid_skene as module

    answers, _, _ = crowd(n=40)
    monkeypatch.setattr(module, "STEPS", 5)
    fast, slow = module.dawid_skene(answers, 3), slow_dawid_skene(answers, 3, 5)
    np.testing.assert_allclose(fast[0], slow[0], atol=1e-9)
    np.testing.assert_allclose(fast[1], slow[1], atol=1e-9)


def test_without_a_model_bad_annotators_are_outvoted_by_few_good_ones():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 300)
    skill = np.array([0.95, 0.95, 0.6, 0.55, 0.55, 0.2])  # the last one mixes the classes up
    answers = np.where(rng.random((300, 6)) < skill, truth[:, None], 1 - truth[:, None])
    answers[rng.random((300, 6)) < 0.1] = -1
    found = consensus(answers)
    majority = (np.where(answers >= 0, 2 * answers - 1, 0).sum(axis=1) > 0).astype(int)
    assert found.method == "Dawid-Skene"
    assert (found.samples["consensus_label"] == truth).mean() > (majority == truth).mean() + 0.05
    np.testing.assert_allclose(found.annotators["quality"], skill, atol=0.08)
    assert found.samples["score"].between(0, 1).all()


def test_few_answers_are_left_to_the_majority():
    rng = np.random.default_rng(0)
    assert consensus(rng.integers(0, 2, (40, 3))).method == "majority vote"
    assert consensus(rng.integers(0, 2, (9, 5))).method == "majority vote"


def test_missing_answers_may_be_written_as_pandas_writes_them():
    twin = consensus([[0, 1, 1], [1, -1, 1]]).samples
    assert consensus([[0, 1, 1], [1, np.nan, 1]]).samples.equals(twin)
    assert consensus(pd.DataFrame([[0, 1, 1], [1, None, 1]], dtype="Int64")).samples.equals(twin)
    for bad in ([[0, 0.5]], [["a", "b"]], [[0, 1], [0]]):
        with pytest.raises(InputError, match="answers must"):
            consensus(bad)
