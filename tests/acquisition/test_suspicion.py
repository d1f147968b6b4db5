"""The order in which given labels are looked at again: the detectors' score and the given label's probability."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from dqkit.acquisition import build_queue
from dqkit.acquisition.queue.suspicion import suspicion, with_predictions
from dqkit.records import Predictions


@pytest.mark.parametrize("seed", range(3))
def test_the_odds_are_the_geometric_mean_written_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score, given = rng.random(40), rng.random(40)
    expected = [math.sqrt(s / (1 - s) * (1 - p) / p) for s, p in zip(score, given, strict=True)]
    np.testing.assert_allclose(suspicion(score, given), [o / (1 + o) for o in expected], rtol=1e-9)


def test_certain_scores_and_probabilities_stay_probabilities() -> None:
    out = suspicion(np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0, 1.0]))
    np.testing.assert_allclose(out, [0, 1, 0.5, 0.5], atol=1e-6)


def test_rows_without_predictions_or_with_a_class_they_lack_keep_their_score() -> None:
    rng = np.random.default_rng(0)
    probs, score = rng.dirichlet(np.ones(3), 5), rng.random(6)
    table = pd.DataFrame({"given_label": ["a", "b", "new", None, "c", "a"]}, index=list("uvwxyz"))
    predictions = Predictions.from_arrays(probs, ids=list("zyxwv"), classes=["a", "b", "c"])
    out = with_predictions(score, table, np.ones(6, dtype=bool), predictions)
    np.testing.assert_array_equal(out[[0, 2, 3]], score[[0, 2, 3]])
    given = predictions.pred_probs[[4, 1, 0], [1, 2, 0]]  # v is b, y is c, z is a
    np.testing.assert_allclose(out[[1, 4, 5]], suspicion(score[[1, 4, 5]], given))
    np.testing.assert_array_equal(with_predictions(score, table, np.ones(6, dtype=bool), None), score)
    np.testing.assert_array_equal(with_predictions(score, table, np.zeros(6, dtype=bool), predictions), score)


def test_of_labels_that_score_alike_the_least_probable_is_looked_at_first() -> None:
    ids = list("pqrs")
    signals = pd.DataFrame({"label_score": 0.6, "given_label": "a", "suggested_label": "b"}, index=ids)
    probs = np.array([[0.40, 0.60, 0.00], [0.10, 0.45, 0.45], [0.30, 0.70, 0.00], [0.20, 0.40, 0.40]])
    predictions = Predictions.from_arrays(probs, ids=ids, classes=["a", "b", "c"])
    queue = build_queue(signals, budget=4, audit_share=0, predictions=predictions)
    assert queue["sample_id"].tolist() == ["q", "s", "r", "p"]
    assert queue["score"].is_monotonic_decreasing
    rate = build_queue(signals, budget=4, audit_share=0, predictions=predictions, noise_rate=0.25)["score"].mean()
    assert rate == pytest.approx(0.25, abs=1e-6)
