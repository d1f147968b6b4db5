"""The first round of a dataset that nobody has labelled yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dqkit as dq
from dqkit.records import Predictions
from dqkit.workbench.evidence import _curve

CLASSES = [str(digit) for digit in range(10)]


def digits(labels: np.ndarray | None = None) -> tuple[dq.Dataset, np.ndarray]:
    """600 of scikit-learn's digits under these labels (none), and their true classes as names."""
    whole = dq.load_digits()
    some = np.random.default_rng(0).permutation(len(whole))[:600]
    truth = whole.labels[some]
    given = np.full(len(some), -1) if labels is None else labels
    return dq.from_arrays(whole.content[some], given, classes=CLASSES), truth.astype(str)


def answer(wb: dq.Workbench, truth: np.ndarray) -> None:
    for sample_id in wb.open_queue()["sample_id"]:
        wb.record(sample_id, truth[wb.dataset.positions([sample_id])[0]], annotator="ana")


def test_without_a_label_the_first_queue_covers_the_classes_and_the_second_round_trains(tmp_path: Path) -> None:
    ds, truth = digits()
    wb = dq.Workbench.create(tmp_path / "wb", ds)
    rnd = wb.run_round(budget=20, progress=False)
    picked = truth[ds.positions(rnd.queue["sample_id"])]
    at_random = [len(set(np.random.default_rng(s).choice(truth, 20, replace=False))) for s in range(50)]
    assert len(set(picked)) > np.mean(at_random)
    assert list(rnd.queue["action"]) == ["label"] * 20
    assert not rnd.queue["control"].any()
    assert rnd.queue["score"].is_monotonic_decreasing
    assert rnd.queue["score"].between(0, 1).all()
    assert rnd.queue["suggested_label"].isna().all()
    assert rnd.queue["reasons"].str.contains("similar to many samples that have no label").all()
    assert rnd.metrics["oos_accuracy"] is None
    answer(wb, truth)
    second = wb.run_round(budget=20, progress=False)
    assert second.predictions.is_trained
    assert second.metrics["oos_accuracy"] > 0.3  # a tenth by chance
    assert second.queue.loc[second.queue["action"] == "label", "suggested_label"].notna().all()


def test_a_first_round_can_be_read_again_repeated_shown_and_reported(tmp_path: Path) -> None:
    ds, truth = digits()
    wb = dq.Workbench.create(tmp_path / "wb", ds)
    rnd = wb.run_round(budget=15, seed=3, progress=False)
    wb.close()
    again = dq.Workbench.open(tmp_path / "wb")
    kept = again.rounds[0]
    assert not kept.predictions.is_trained
    assert kept.predictions.member_probs.shape == (0, len(ds), 10)
    assert kept.queue.equals(rnd.queue)
    assert again.rerank().queue.equals(rnd.queue)
    other = dq.Workbench.create(tmp_path / "other", ds).run_round(budget=15, seed=3, progress=False)
    assert other.queue.equals(rnd.queue)
    assert "no model yet" in repr(kept.predictions)
    assert kept.plot() is not None
    again.report(tmp_path / "health.html")
    text = (tmp_path / "health.html").read_text()
    assert "No model yet" in text
    assert "600 samples in 10 classes; none has a label yet." in text
    assert "looks wrong among" not in text
    cards = again.labeler(annotator="ana")
    assert cards is not None
    answer(again, truth)
    assert again.reviews().empty  # nothing had been expected, so nothing was confirmed or refuted


def test_advice_before_a_model_is_to_label_and_not_to_stop(tmp_path: Path) -> None:
    ds, truth = digits()
    wb = dq.Workbench.create(tmp_path / "wb", ds)
    wb.run_round(budget=15, progress=False)
    for _ in range(2):
        found = wb.advice()
        assert {c.name: c.stop for c in found.criteria}["a model"] is False
        assert not any(c.stop for c in found.criteria)
        answer(wb, truth)
    wb.run_round(budget=15, progress=False)
    assert "a model" not in {c.name for c in wb.advice().criteria}


def test_a_learning_curve_begins_with_the_first_model(tmp_path: Path) -> None:
    whole, truth = digits()
    held_out = np.arange(600) % 4 == 0
    given = np.where(held_out, truth.astype(int), -1)
    split = np.where(held_out, "test", "train")
    ds = dq.from_arrays(whole.content, given, classes=CLASSES, split=split)
    wb = dq.Workbench.create(tmp_path / "wb", ds)
    wb.run_round(budget=15, progress=False)
    answer(wb, truth)
    wb.run_round(budget=15, progress=False)
    found = _curve(wb.rounds)
    assert [point["accuracy"] for point in found] == [wb.rounds[1].metrics["test_accuracy"]]


def test_labels_of_one_class_are_too_few_for_a_model_and_are_kept(tmp_path: Path) -> None:
    _, truth = digits()
    given = np.where((truth == "3") & (np.arange(600) < 200), 3, -1)
    ds, _ = digits(given)
    wb = dq.Workbench.create(tmp_path / "wb", ds)
    rnd = wb.run_round(budget=20, progress=False)
    assert not rnd.predictions.is_trained
    assert rnd.metrics["n_labeled"] == (given == 3).sum()
    fresh = rnd.queue[rnd.queue["action"] == "label"]
    assert len(fresh) >= 15
    assert (ds.labels[ds.positions(fresh["sample_id"])] == -1).all()
    assert not rnd.signals["label_flag"].any()


@pytest.mark.parametrize("strategy", ["margin", "bald", "badge", "uncertainty_herding"])
def test_a_strategy_that_asks_a_model_gives_way_to_the_default_where_there_is_none(
    tmp_path: Path, strategy: str
) -> None:
    ds, _ = digits()
    asked = dq.Workbench.create(tmp_path / "a", ds).run_round(budget=12, strategy=strategy, progress=False)
    default = dq.Workbench.create(tmp_path / "b", ds).run_round(budget=12, progress=False)
    assert asked.queue.equals(default.queue)


def test_a_strategy_that_needs_features_alone_is_followed(tmp_path: Path) -> None:
    ds, _ = digits()
    drawn = dq.Workbench.create(tmp_path / "a", ds).run_round(budget=12, strategy="random", progress=False)
    default = dq.Workbench.create(tmp_path / "b", ds).run_round(budget=12, progress=False)
    assert set(drawn.queue["sample_id"]) != set(default.queue["sample_id"])
    assert not drawn.queue["reasons"].str.contains("similar to many").any()


def test_own_predictions_need_no_label(tmp_path: Path) -> None:
    ds, truth = digits()
    rng = np.random.default_rng(0)
    probs = np.full((len(ds), 10), 0.02)
    probs[np.arange(len(ds)), truth.astype(int)] += 0.8
    unsure = rng.choice(len(ds), 30, replace=False)
    probs[unsure] = 0.1
    own = Predictions.from_arrays(probs, ids=ds.ids.tolist(), classes=CLASSES)
    wb = dq.Workbench.create(tmp_path / "wb", ds)
    rnd = wb.run_round(budget=20, audit_share=0, strategy="margin", predictions=own, progress=False)
    assert rnd.predictions.is_trained
    assert set(ds.positions(rnd.queue["sample_id"])) <= set(unsure)
    assert wb.report(tmp_path / "health.html").exists()


def test_texts_and_tables_without_labels_get_a_first_queue(tmp_path: Path) -> None:
    texts = [f"{word} {word} number {i}" for i, word in enumerate(["apple", "pear", "plum"] * 20)]
    rows = np.random.default_rng(0).normal(size=(60, 3))
    for name, content in (("texts", texts), ("rows", rows)):
        ds = dq.from_arrays(content, np.full(60, -1), classes=["a", "b"])
        rnd = dq.Workbench.create(tmp_path / name, ds).run_round(budget=9, progress=False)
        assert len(rnd.queue) == 9
        if name == "texts":
            assert {texts[i].split()[0] for i in ds.positions(rnd.queue["sample_id"])} == {"apple", "pear", "plum"}


def test_a_round_whose_predictions_judge_no_label_has_a_queue_all_the_same(tmp_path):
    frame = {"a": [i % 7 for i in range(60)], "b": [1.5, 2.5, 3.5] * 20, "y": ["n", "y"] * 30}
    with dq.Workbench.create(tmp_path / "wb", dq.from_table(frame, features=["a", "b"], label="y")) as bench:
        rnd = bench.run_round(budget=5, progress=False)
        assert rnd.metrics["labels_not_judged"]
        assert len(rnd.queue) == 5
        assert "not known yet: answer about 30 more of the random sample" in bench.advice().text
