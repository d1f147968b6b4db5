"""What a rerank takes over from its round is what it would compute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import dqkit as dq
from dqkit.rounds import RoundSettings, Snapshot, Training, rerank, run
from dqkit.rounds import content as kept
from dqkit.rounds.content import kept_content
from dqkit.signals.content import content_signals


def blobs(n=60, *, broken=False):
    rng = np.random.default_rng(3)
    truth = np.arange(n) % 3
    x = rng.normal(size=(n, 4)) + 3 * np.eye(3, 4)[truth]
    x[1] = x[4]
    ds = dq.from_arrays(x, np.where(rng.random(n) < 0.2, 0, truth), classes=["a", "b", "c"])
    if broken:
        ds = replace(
            ds, problems=pd.DataFrame([(ds.ids[2], "unreadable", "", True)], columns=list(ds.problems.columns))
        )
    return ds, x


def texts():
    ds = dq.from_arrays(
        ["win money now", "lunch at noon", "win money now!", "Привет мир", "see you", ""] * 5, [0, 1, 0] * 10
    )
    return ds, np.random.default_rng(0).normal(size=(30, 3))


def pictures():
    pixels = np.random.default_rng(1).integers(0, 255, (12, 8, 8, 3)).astype(np.uint8)
    pixels[5] = pixels[2]
    return dq.from_arrays(pixels, [0, 1] * 6), pixels.reshape(12, -1)[:, :5].astype(np.float32)


def same(one, two):
    told, again = one.arrays(), two.arrays()
    assert told.keys() == again.keys()
    for name, values in told.items():
        np.testing.assert_array_equal(again[name], values, err_msg=name)
        assert again[name].dtype == values.dtype


@pytest.mark.parametrize(
    "made",
    [blobs, lambda: blobs(broken=True), texts, pictures, lambda: (blobs()[0], None)],
    ids=["numbers", "a broken one", "texts", "pictures", "no features"],
)
def test_what_was_kept_equals_what_is_computed_anew(made, tmp_path, monkeypatch):
    ds, features = made()
    first = kept_content(tmp_path, ds, features, seed=0, sharpness=None)
    monkeypatch.setattr(kept, "content_signals", None)  # a second computation would fail
    again = kept_content(tmp_path, ds.with_labels(np.zeros(len(ds), int)), features, seed=0, sharpness=None)
    monkeypatch.undo()
    fresh = content_signals(ds, features, seed=0)
    same(first, fresh)
    same(again, fresh)
    if fresh.properties is not None:
        pd.testing.assert_frame_equal(again.properties, fresh.properties)
    if fresh.graph is not None:
        pd.testing.assert_frame_equal(again.graph.table, fresh.graph.table)
        assert (again.graph.metric, again.graph.recall_rows) == (fresh.graph.metric, fresh.graph.recall_rows)


def test_other_content_features_or_seeds_are_computed_anew(tmp_path):
    ds, x = blobs()
    base = kept_content(tmp_path, ds, x, seed=0, sharpness=None)
    moved = kept_content(tmp_path, ds, x * [1, 1, 1, 9], seed=0, sharpness=None)
    assert not np.array_equal(base.graph.distances, moved.graph.distances)
    other_order = kept_content(tmp_path, ds, x, seed=5, sharpness=None)
    assert other_order.order.p_value != base.order.p_value or other_order.order.statistic != base.order.statistic
    changed, features = blobs(broken=True)
    assert (kept_content(tmp_path, changed, features, seed=0, sharpness=None).graph.indices[2] == -1).all()


def test_a_torn_file_is_made_again(tmp_path):
    ds, x = blobs()
    base = kept_content(tmp_path, ds, x, seed=0, sharpness=None)
    (file,) = tmp_path.glob("kept-content-*.npz")
    file.write_bytes(file.read_bytes()[:500])
    same(base, kept_content(tmp_path, ds, x, seed=0, sharpness=None))


def test_a_rerank_on_new_labels_gives_what_it_gives_without_anything_kept(tmp_path, monkeypatch):
    ds, x = blobs()
    probs = np.random.default_rng(1).dirichlet(np.ones(3), len(ds))
    own = dq.Predictions.from_arrays(probs, ids=list(ds.ids), classes=ds.classes, features=x)
    settings = RoundSettings(budget=9, training=Training(own=own))
    before = run(Snapshot.of(ds), settings, checkpoints=tmp_path, progress=False)
    labels = Snapshot.of(ds.with_labels(np.where(np.arange(len(ds)) < 5, 1, ds.labels)))
    fresh, _ = rerank(labels, replace(before, findings=()), settings, answered=[])
    monkeypatch.setattr(kept, "content_signals", None)  # a second computation would fail
    taken_over, _ = rerank(labels, before, settings, answered=[], checkpoints=tmp_path)
    pd.testing.assert_frame_equal(taken_over.signals, fresh.signals)
    pd.testing.assert_frame_equal(taken_over.queue, fresh.queue)
    assert taken_over.summary == fresh.summary
    assert [f.name for f in taken_over.findings] == [f.name for f in fresh.findings]
    for one, two in zip(taken_over.findings, fresh.findings, strict=True):
        assert (one.summary, dict(one.metrics), list(one.sample_ids)) == (
            two.summary,
            dict(two.metrics),
            list(two.sample_ids),
        )
        pd.testing.assert_frame_equal(one.table, two.table)
