"""A workbench and FiftyOne writing to one journal."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import dqkit as dq


@pytest.fixture
def bench(tmp_path):
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    images = (rng.integers(0, 90, size=(60, 6, 6)) + 120 * truth[:, None, None]).astype(np.uint8)
    labels = np.where(np.arange(60) < 40, truth, -1)
    ds = dq.from_arrays(images, labels, classes=["dark", "light"])
    with dq.Workbench.create(tmp_path / "wb", ds, title=f"lamps {uuid.uuid4().hex[:6]}") as workbench:
        estimators = {"a": LogisticRegression(C=0.01), "b": LogisticRegression(C=1.0)}
        workbench.run_round(budget=10, estimators=estimators, progress=False)
        yield workbench


def test_the_queue_view_holds_the_open_queue_in_its_order(fo, bench):
    queue = bench.rounds[-1].queue["sample_id"].tolist()
    bench.record(queue[0], "dark", annotator="ana")
    pushed = bench.to_fiftyone()
    assert len(pushed) == 60
    assert pushed.load_saved_view("queue").values("dqkit_id") == queue[1:]


def test_a_label_edited_there_becomes_one_event_here(fo, bench):
    pushed = bench.to_fiftyone()
    target = bench.open_queue()["sample_id"].iloc[0]
    sample = pushed.match(fo.ViewField("dqkit_id") == target).first()
    sample["label"] = fo.Classification(label="light")
    sample.save()
    first = bench.from_fiftyone(annotator="bob")
    second = bench.from_fiftyone(annotator="bob")
    assert first[["sample_id", "label", "recorded"]].to_numpy().tolist() == [[target, "light", True]]
    assert second.empty
    row = bench.labels().loc[target]
    assert (row["label"], row["source"], row["annotator"]) == ("light", "fiftyone", "bob")
    assert target not in bench.open_queue()["sample_id"].tolist()


def test_what_changed_in_both_places_is_listed_and_the_notebook_label_stands(fo, bench):
    pushed = bench.to_fiftyone()
    target = next(s for s in bench.open_queue()["sample_id"] if bench.labels().loc[s, "label"] is None)
    bench.record(target, "dark", annotator="ana")
    sample = pushed.match(fo.ViewField("dqkit_id") == target).first()
    sample["label"] = fo.Classification(label="light")
    sample.save()
    listed = bench.from_fiftyone()
    assert listed["recorded"].tolist() == [False]
    assert listed["problem"].iloc[0]
    assert bench.labels().loc[target, "label"] == "dark"
