"""Predictions at chance judge no label; informative ones do, however heavy the noise and however few the rows."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

import dqkit as dq
from dqkit.cli import main
from dqkit.report import check, health, write
from dqkit.signals import label_errors, signal_table
from dqkit.signals.label_noise.chance import CANNOT_JUDGE, chance_p_value


def informed(n, c, rate, seed=0, *, flips="even", sharpness=3.0):
    """Out-of-sample probabilities of noisy labels by a model that knows the truth to some sharpness."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, c, n)
    matrix = np.full((c, c), rate / (c - 1)) if flips == "even" else rate * np.roll(np.eye(c), 1, axis=1)
    np.fill_diagonal(matrix, 1 - rate)
    labels = (rng.random(n)[:, None] > matrix[truth].cumsum(axis=1)).sum(axis=1).clip(0, c - 1)
    logits = rng.normal(size=(n, c)) + sharpness * np.eye(c)[truth]
    clean = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, clean @ matrix


def test_the_p_value_is_that_of_all_orders_of_the_labels():
    rng = np.random.default_rng(3)
    labels = np.array([0, 0, 1, 1, 1, 2, 2])
    small = 0
    for strength in (0.0, 0.2, 0.3, 0.4, 0.5):
        probs = strength * np.eye(3)[labels] + (1 - strength) * rng.dirichlet(np.ones(3), size=7)
        found = probs[np.arange(7), labels].sum()
        exact = np.mean([probs[np.arange(7), list(p)].sum() >= found - 1e-12 for p in permutations(labels.tolist())])
        if exact < 0.05:  # else the count ends after ten orders that are as good
            small += 1
            assert chance_p_value(probs, labels) == pytest.approx(exact, abs=0.015)
        else:
            assert chance_p_value(probs, labels) > 0.02
    assert small >= 2


def test_a_model_that_always_names_the_commonest_class_is_at_chance():
    labels = np.array([0] * 90 + [1] * 10)
    found = label_errors(labels, np.tile([0.9, 0.1], (100, 1)))
    assert not found.table["flag"].any()
    assert np.isnan(found.noise_rate)
    assert found.noise_rate_interval == (0.0, 1.0)
    assert "one class holds 90.0%" in found.not_judged


def test_few_rows_of_many_classes_are_said_to_be_too_few():
    rng = np.random.default_rng(0)
    found = label_errors(np.repeat(np.arange(10), 3), rng.dirichlet(np.ones(10), size=30))
    assert "30 labelled samples of 10 classes are too few" in found.not_judged


def test_probabilities_that_know_nothing_of_the_labels_flag_nothing_and_keep_the_order_of_the_scores():
    rng = np.random.default_rng(1)
    labels, probs = rng.integers(0, 4, 500), rng.dirichlet(np.ones(4), size=500)
    found = label_errors(labels, probs)
    table = found.table
    assert found.not_judged.startswith(CANNOT_JUDGE)
    assert "say nothing about the classes" in found.not_judged
    assert not table["flag"].any()
    assert table["score"].between(0, 0.5).all()
    assert table["score"].nunique() > 400
    assert table["suggested_label"].tolist() == labels.tolist()
    assert table["error_probability"].isna().all()
    assert "none judged" in repr(found)


@pytest.mark.parametrize("flips", ["even", "pairs"])
@pytest.mark.parametrize(("rate", "c"), [(0.4, 3), (0.6, 10), (0.7, 10)])
def test_heavy_noise_under_an_informative_model_is_judged(rate, c, flips):
    labels, probs = informed(1500, c, rate, flips=flips)
    found = label_errors(labels, probs)
    assert not found.not_judged
    assert found.table["flag"].mean() > 0.2


def test_a_rare_class_that_the_model_knows_is_judged_though_naming_the_common_one_is_as_accurate():
    rng = np.random.default_rng(0)
    labels = (np.arange(1000) < 30).astype(int)
    risk = np.where(labels == 1, 0.3, 0.02) + rng.uniform(0, 0.05, 1000)
    probs = np.column_stack([1 - risk, risk])
    assert (probs.argmax(axis=1) == 0).all()
    assert not label_errors(labels, probs).not_judged


@pytest.mark.parametrize("n", [8, 12, 20])
def test_a_tiny_set_with_clear_probabilities_is_judged(n):
    labels = np.arange(n) % 2
    assert not label_errors(labels, np.where(np.eye(2)[labels] == 1, 0.95, 0.05)).not_judged


def test_twelve_rows_of_which_one_is_wrong_are_judged_and_it_is_found():
    truth = np.repeat([0, 1], 6)
    labels = truth.copy()
    labels[0] = 1
    table = label_errors(labels, np.where(np.eye(2)[truth] == 1, 0.98, 0.02)).table
    assert table.index[table["flag"]].tolist() == [0]


def test_one_informed_member_among_useless_ones_is_enough():
    rng = np.random.default_rng(0)
    labels, good = informed(200, 4, 0.1)
    useless = rng.dirichlet(np.full(4, 0.1), size=(12, 200))
    assert not label_errors(labels, np.concatenate([useless, good[None]])).not_judged


def test_the_order_of_the_rows_does_not_decide_whether_they_are_judged():
    rng = np.random.default_rng(5)
    for seed in range(20):
        labels, probs = informed(60, 3, 0.2, seed, sharpness=0.6)
        order = rng.permutation(60)
        assert chance_p_value(probs, labels) == pytest.approx(chance_p_value(probs[order], labels[order]), abs=1e-9)


@pytest.fixture(scope="module")
def shuffled():
    rng = np.random.default_rng(0)
    ds = dq.from_arrays(rng.normal(size=(120, 4)), [f"c{k}" for k in rng.integers(0, 3, 120)])
    own = dq.cross_val_predictions(ds, folds=3, progress=False)
    return ds, own, signal_table(ds, own)


def test_the_report_says_that_the_labels_cannot_be_judged_and_holds_no_rate(shuffled):
    ds, own, found = shuffled
    record = health(ds, signals=found.table, summary=found.summary, predictions=own)
    assert record["verdict"]["headline"] == f"{CANNOT_JUDGE}: 120 samples in 3 classes."
    assert record["verdict"]["level"] == "unknown"
    assert record["verdict"]["sentences"][0] == found.summary["label_errors"]["skipped"]
    assert "label_error_rate" not in record["metrics"]
    assert record["failed_sections"] == []
    with pytest.raises(dq.InputError, match=r"'label_error_rate' could not be judged\. The baselines cannot judge"):
        check(record, maximum={"label_error_rate": 0.05}, minimum={})


def test_the_shell_exits_with_two_where_the_labels_cannot_be_judged(shuffled, tmp_path, capsys):
    ds, own, found = shuffled
    write(tmp_path / "health.html", health(ds, signals=found.table, summary=found.summary, predictions=own), "")
    assert main(["check", str(tmp_path), "--max", "label_error_rate=0.9"]) == 2
    assert CANNOT_JUDGE in capsys.readouterr().err


def test_a_round_and_its_advice_say_that_the_labels_cannot_be_judged(shuffled, tmp_path):
    ds, own, _ = shuffled
    own = dq.Predictions.from_arrays(own.pred_probs, ids=ds.ids, classes=ds.classes, features=own.features)
    with dq.Workbench.create(tmp_path / "w", ds) as wb:
        rnd = wb.run_round(budget=10, predictions=own, progress=False)
        assert rnd.metrics["label_error_rate"] is None
        assert rnd.metrics["labels_not_judged"].startswith(CANNOT_JUDGE)
        assert CANNOT_JUDGE in repr(rnd)
        assert CANNOT_JUDGE in str(wb.advice())
        assert len(rnd.queue) == 10
