"""A workbench and FiftyOne writing to one journal."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import dqkit as dq
from dqkit.fiftyone_bridge.panel_queue import PanelQueue
from dqkit.relabel import Answer


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


def answer_in_panel(pushed, *answers, annotator):
    pushed.reload()
    source = PanelQueue(pushed._sample_collection, pushed.info["dqkit"], "tab")
    for answer in answers:
        source.record(Answer(*answer), annotator)
    return source


def test_answers_of_the_panel_are_events_of_their_annotators_and_so_are_their_undos(fo, bench):
    pushed = bench.to_fiftyone()
    one, two, three = bench.open_queue()["sample_id"].iloc[:3]
    before = bench.labels().loc[one].tolist()
    answers = [("e1", one, "label", "light"), ("e2", two, "skip", None), ("e3", three, "note", None, "blurred")]
    answer_in_panel(pushed, *answers, annotator="ana")
    assert bench.from_fiftyone()["annotator"].tolist() == ["ana"] * 3
    assert bench.labels().loc[one, ["label", "source", "annotator"]].tolist() == ["light", "fiftyone", "ana"]
    assert bench.history(three)[["kind", "why"]].to_numpy().tolist() == [["note", "blurred"]]
    assert not {one, two} & set(bench.open_queue()["sample_id"])
    answer_in_panel(pushed, ("u1", one, "undo", None, "", "e1"), annotator="ana")
    assert bench.from_fiftyone()[["sample_id", "kind", "recorded"]].to_numpy().tolist() == [[one, "undo", True]]
    assert bench.labels().loc[one].tolist() == before
    assert bench.history(one)["kind"].tolist() == ["label", "undo"]
    assert one in bench.open_queue()["sample_id"].tolist()
    answer_in_panel(pushed, ("e4", one, "label", "dark"), annotator="bob")
    assert bench.from_fiftyone()["recorded"].tolist() == [True]
    assert bench.from_fiftyone().empty
    assert bench.labels().loc[one, ["label", "annotator"]].tolist() == ["dark", "bob"]


def test_what_was_undone_before_any_pull_leaves_no_event(fo, bench):
    pushed = bench.to_fiftyone()
    one = bench.open_queue()["sample_id"].iloc[0]
    answer_in_panel(pushed, ("e1", one, "flag", None), ("u1", one, "undo", None, "", "e1"), annotator="ana")
    assert bench.from_fiftyone().empty
    assert bench.history(one).empty
    assert one in bench.open_queue()["sample_id"].tolist()


def test_an_answer_recorded_but_not_acknowledged_is_withdrawn_by_its_undo(fo, bench, monkeypatch):
    pushed = bench.to_fiftyone()
    one = bench.open_queue()["sample_id"].iloc[0]
    answer_in_panel(pushed, ("e1", one, "flag", None), annotator="ana")
    with monkeypatch.context() as killed:
        killed.setattr("dqkit.fiftyone_bridge.acknowledge", interrupt)
        with pytest.raises(KeyboardInterrupt):
            bench.from_fiftyone()
    assert bench.history(one)["kind"].tolist() == ["flag"]
    answer_in_panel(pushed, ("u1", one, "undo", None, "", "e1"), annotator="ana")
    assert bench.from_fiftyone()["kind"].tolist() == ["undo"]
    assert bench.history(one)["kind"].tolist() == ["flag", "undo"]
    assert one in bench.open_queue()["sample_id"].tolist()


def interrupt(*_args, **_options):
    raise KeyboardInterrupt
