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
