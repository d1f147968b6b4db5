"""A round is a value: computed from a snapshot alone, written and read back whole."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import dqkit as dq
from dqkit.acquisition import QueueOptions
from dqkit.rounds import RoundSettings, Snapshot, Training, load, run, save


def blobs(n=150):
    rng = np.random.default_rng(3)
    truth = rng.integers(3, size=n)
    x = rng.normal(size=(n, 4)) + 3 * np.eye(3, 4)[truth]
    labels = np.where(rng.random(n) < 0.2, -1, truth)
    return dq.from_arrays(x, labels, classes=["red", "green", "blue"], split=["test"] * 30 + ["train"] * (n - 30))


def settings(**changes):
    training = Training(estimators={"plain": LogisticRegression()}, folds=3)
    return RoundSettings(**{"budget": 12, "seed": 1, "training": training, **changes})


def test_a_round_needs_no_store_and_is_the_same_from_the_same_snapshot(tmp_path):
    dataset = blobs()
    results = [
        run(Snapshot.of(dataset), settings().checked(dataset), checkpoints=tmp_path / name, progress=False)
        for name in "ab"
    ]
    pd.testing.assert_frame_equal(results[0].queue, results[1].queue)
    pd.testing.assert_frame_equal(results[0].signals, results[1].signals)
    assert results[0].metrics == results[1].metrics
    assert len(results[0].queue) == 12
    assert not set(results[0].queue["sample_id"]) & set(dataset.ids[:30])  # held out for test


def test_a_result_is_read_back_as_it_was_written(tmp_path):
    dataset = blobs()
    result = run(Snapshot.of(dataset), settings().checked(dataset), checkpoints=tmp_path / "fits", progress=False)
    save(tmp_path / "round", result)
    again = load(tmp_path / "round", result.metrics)
    for name in ("labels", "signals", "queue", "drawn"):
        pd.testing.assert_frame_equal(plain(getattr(again, name)), plain(getattr(result, name)))
    np.testing.assert_array_equal(again.predictions.member_probs, result.predictions.member_probs)
    np.testing.assert_array_equal(again.neighbors, result.neighbors)
    assert again.summary == result.summary


def plain(table):
    """The same whatever column types pandas read: texts as objects, a missing value as None."""
    return table.astype(object).where(table.notna(), None)


def test_an_audit_has_no_queue(tmp_path):
    dataset = blobs()
    result = run(Snapshot.of(dataset), settings(budget=0).checked(dataset), checkpoints=tmp_path, progress=False)
    assert len(result.queue) == 0
    assert len(result.signals) == len(dataset)


def test_every_argument_is_in_the_settings_that_a_round_writes_down():
    told = settings(
        training=Training({"plain": LogisticRegression(C=0.5)}, 4, "model", 2, "focal", list("ab"), None, 5.0, True),
        queue=QueueOptions(0.2, "margin", 0.05, {"label": 2.0}, {"label": 0.3}, {"red": 1}),
    ).described()
    queue = {field.name for field in dataclasses.fields(QueueOptions)} - {"noise_rate"}  # estimated, not told
    training = {field.name for field in dataclasses.fields(Training)} - {"own"}
    assert set(told) == queue | training
    assert told["estimators"]["plain"]["params"]["C"] == "0.5"
    assert QueueOptions.from_described(told) == QueueOptions(
        0.2, "margin", 0.05, {"label": 2.0}, {"label": 0.3}, {"red": 1}
    )


def test_an_answer_while_a_round_runs_is_in_neither_its_labels_nor_its_training(tmp_path, monkeypatch):
    dataset = blobs()
    target = str(dataset.ids[40])
    with dq.Workbench.create(tmp_path / "wb", dataset) as wb:
        seen = {}
        from dqkit.rounds import training

        def answered_meanwhile(self, given, seed, folder, progress):
            wb.record(target, "blue" if dataset.labels[40] != 2 else "red", annotator="ana")
            seen["label"] = given.labels[given.positions([target])[0]]
            return real(self, given, seed, folder, progress)

        real = training.Training.predict
        monkeypatch.setattr(training.Training, "predict", answered_meanwhile)
        rnd = wb.run_round(budget=5, estimators={"plain": LogisticRegression()}, progress=False)
        assert seen["label"] == dataset.labels[40]
        assert rnd.labels_before.loc[target, "source"] != "human"
        assert wb.labels().loc[target, "source"] == "human"


def test_an_interrupted_round_goes_on_only_with_the_same_estimators(tmp_path, monkeypatch):
    with dq.Workbench.create(tmp_path / "wb", blobs()) as wb:
        monkeypatch.setattr("dqkit.workbench.running.run", interrupted)
        for c in (1.0, 1.0, 0.1):
            with pytest.raises(KeyboardInterrupt):
                wb.run_round(budget=5, estimators={"plain": LogisticRegression(C=c)}, progress=False)
            (last,) = wb.store.rounds()
            assert last["settings"]["estimators"]["plain"]["params"]["C"] == repr(c)


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "name", ["queue.parquet", "signals.parquet", "summary.json", "predictions.npz", "predictions.json"]
)
@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_a_damaged_file_of_a_round_is_named(tmp_path, name, damage):
    dataset = blobs()
    result = run(Snapshot.of(dataset), settings().checked(dataset), checkpoints=tmp_path / "fits", progress=False)
    folder = tmp_path / "wb" / "rounds" / "0001"
    save(folder, result)
    file = folder / name
    raw = file.read_bytes()
    file.unlink()
    if damage == "cut":
        file.write_bytes(raw[: len(raw) // 2])
    elif damage == "other":
        file.write_bytes(b"\x00\xff not what it was")
    with pytest.raises(dq.StoreError, match=name.replace(".", r"\.") + r"(?s:.*)dqkit rebuild"):
        load(folder, result.metrics)
