"""Families of evidence join where planted errors are found better with them, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from dqkit.records import InputError
from dqkit.signals.label_noise.families import history_evidence, training_history
from dqkit.signals.label_noise.label_errors import label_errors
from dqkit.signals.label_noise.self_test import average_precision, logistic, plant

N = 1200


def mid_model(seed=0, rate=0.2, sharpness=2.0, c=4):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, c, N)
    labels = np.where(rng.random(N) < rate, (truth + rng.integers(1, c, N)) % c, truth)
    logits = rng.normal(size=(N, c)) + sharpness * np.eye(c)[truth]
    matrix = np.full((c, c), rate / (c - 1)) + (1 - rate - rate / (c - 1)) * np.eye(c)
    return labels, (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)) @ matrix, truth


def ranked(found, wrong):
    return average_precision(found.table["score"].to_numpy(), wrong)


def test_telling_features_are_used_and_raise_the_average_precision():
    labels, probs, truth = mid_model()
    rng = np.random.default_rng(5)
    plain = label_errors(labels, probs)
    helped = label_errors(labels, probs, features=4 * np.eye(4)[truth] + 0.3 * rng.normal(size=(N, 4)))
    (test,) = helped.families
    assert (test.name, test.used) == ("neighbours", True)
    assert test.ap_with - test.ap_without == pytest.approx(test.gain)
    assert test.gain > 2 * test.gain_error
    assert "neighbours" in helped.scorers
    assert ranked(helped, labels != truth) > ranked(plain, labels != truth) + 0.02
    assert plain.families == ()


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_not_used_whether_features_or_history(seed):
    labels, probs, _ = mid_model(seed)
    rng = np.random.default_rng(100 + seed)
    plain = label_errors(labels, probs)
    told = label_errors(labels, probs, features=rng.normal(size=(N, 5)), dynamics={"margins": rng.normal(size=N)})
    assert [(test.name, test.used) for test in told.families] == [("neighbours", False), ("dynamics", False)]
    assert told.scorers == plain.scorers
    np.testing.assert_array_equal(told.table["score"], plain.table["score"])


def test_a_telling_training_history_is_used_and_raises_the_average_precision():
    labels, probs, truth = mid_model(sharpness=2.0)
    wrong = labels != truth
    rng = np.random.default_rng(3)
    history = {"margins": 2 - 4 * wrong + rng.normal(size=N), "wrong_epochs": rng.poisson(1 + 5 * wrong)}
    plain, helped = label_errors(labels, probs), label_errors(labels, probs, dynamics=history)
    assert helped.families[0].used
    assert ranked(helped, wrong) > ranked(plain, wrong)
    assert helped.table["flag"].sum() == pytest.approx(plain.table["flag"].sum(), abs=1)
    assert helped.noise_rate == plain.noise_rate
    assert (helped.table["flag"] == (helped.table["suggested_label"] != labels)).all()
    assert helped.table["reasons"].str.contains("mean margin over the epochs").any()


def test_probabilities_after_each_epoch_become_margins_and_wrong_epochs():
    epochs = np.array([[[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]], [[0.1, 0.1, 0.8], [0.0, 0.0, 1.0]]])
    history = training_history(epochs, np.array([0, 2]), 3)
    np.testing.assert_allclose(history["margins"], [[0.3, -0.5], [0.7, 1.0]], atol=1e-6)
    assert history["wrong_epochs"].tolist() == [[False, True], [False, False]]
    assert np.isnan(training_history(epochs, np.array([-1, 2]), 3)["margins"][0]).all()


def test_evidence_is_the_log_odds_of_the_rank_against_the_label():
    history = {"margins": np.array([3.0, 1.0, np.nan, 2.0]), "wrong_epochs": np.array([0, 5, 1, 1]), "loss": np.ones(4)}
    evidence = history_evidence(history, np.arange(4))
    odds = [np.log(share / (1 - share)) for share in (1 / 6, 5 / 6, 1 / 2)]
    np.testing.assert_allclose(evidence[:, 0], [odds[0], odds[1], 0.0, odds[2]])
    np.testing.assert_allclose(evidence[:, 1], [np.log(1 / 7), np.log(7), 0.0, 0.0], atol=1e-12)


@pytest.mark.parametrize("values", [np.ones(3), np.ones((4, 2, 5)), np.ones((4, 1, 1, 1)), np.array(["a"] * 4)])
def test_a_history_of_another_shape_is_told(values):
    with pytest.raises(InputError, match="dynamics"):
        label_errors([0, 1, 0, 1], np.full((4, 2), 0.5), dynamics=values)


def test_planted_errors_follow_the_matrix():
    rng = np.random.default_rng(0)
    given = rng.integers(0, 3, 60_000)
    matrix = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.05, 0.05, 0.9]])
    planted = plant(given, np.arange(60_000), matrix, 0)
    before, after = given[planted.rows], planted.labels[planted.rows]
    assert ((before != after) == planted.wrong).all()
    elsewhere = np.setdiff1d(np.arange(60_000), planted.rows)
    share = (planted.labels[elsewhere] != given[elsewhere]).mean()
    assert share == pytest.approx(planted.wrong.mean(), abs=0.01)
    moved = [(before[planted.wrong] == k).sum() for k in range(3)]
    assert moved[0] > 2 * moved[2] > 4 * moved[1] > 0
    assert (after[planted.wrong & (before == 0)] == 1).mean() > 0.9
    assert planted.wrong.mean() == pytest.approx(0.4 / 3 + 0.0133, abs=0.03)


def test_average_precision_is_the_slow_sum():
    rng = np.random.default_rng(0)
    score, wrong, trust = rng.random(50), rng.random(50) < 0.3, rng.random(50)
    order = np.argsort(-score)
    for weight in (None, trust):
        found, seen, parts = 0.0, 0.0, []
        for row in order:
            seen += 1 if weight is None or wrong[row] else weight[row]
            if wrong[row]:
                found += 1
                parts.append(found / seen)
        assert average_precision(score, wrong, weight) == pytest.approx(np.mean(parts))


def test_the_logistic_fit_is_scikit_learns():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    y = rng.random(400) < 1 / (1 + np.exp(-(1.5 * x[:, 0] - x[:, 1])))
    trust = rng.random(400)
    slow = LogisticRegression(C=100.0).fit(x, y, sample_weight=np.where(y, 1.0, trust))
    fast = logistic(np.column_stack([np.ones(400), x]), y, trust)
    np.testing.assert_allclose(fast[1:], slow.coef_[0], rtol=1e-3)
    assert fast[0] == pytest.approx(slow.intercept_[0], abs=0.01)


def test_without_labels_or_with_few_of_them_nothing_is_tested():
    for labels in (np.full(30, -1), np.r_[np.zeros(6, int), np.ones(6, int), np.full(18, -1)]):
        features = np.random.default_rng(0).normal(size=(30, 3))
        probs = np.where(np.arange(2) == (np.arange(30) >= 6)[:, None], 0.9, 0.1)
        found = label_errors(labels, probs, features=features, dynamics=np.zeros(30))
        assert [test.used for test in found.families] == [False, False]
        assert all(np.isnan(test.gain) for test in found.families)
