"""A workbench and FiftyOne writing to one journal."""

from __future__ import annotations

import socket
import uuid

import numpy as np
import psutil
import pytest
from sklearn.linear_model import LogisticRegression

import dqkit as dq
from dqkit.fiftyone_bridge.panel_queue import PanelQueue
from dqkit.relabel import Answer
from dqkit.workbench.labelling import QueueCards


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


def test_an_edit_of_nobody_in_particular_is_of_the_one_the_app_was_opened_for(fo, bench):
    pushed = bench.to_fiftyone()
    pushed.info["dqkit"]["annotator"] = "dora"  # as open_fiftyone(annotator="dora") writes it
    pushed.save()
    one, two = bench.open_queue()["sample_id"].iloc[:2]
    for sample_id in one, two:
        sample = pushed.match(fo.ViewField("dqkit_id") == sample_id).first()
        sample.tags.append("skip")
        sample.save()
        bench.from_fiftyone(annotator=None if sample_id == one else "bob")
    assert bench.history(one)["annotator"].tolist() == ["dora"]
    assert bench.history(two)["annotator"].tolist() == ["bob"]


def test_a_class_added_in_the_app_is_a_class_of_the_workbench(fo, bench):
    pushed = bench.to_fiftyone()
    source = answer_in_panel(pushed, annotator="ana")
    one, two = bench.open_queue()["sample_id"].iloc[:2]
    source.add_class("dim", "ana")
    source.add_class("very bright", "bob")
    bench.add_class("Very Bright", annotator="cyd")  # both sides, in different words
    answer_in_panel(pushed, ("e1", one, "label", "dim"), ("e2", two, "label", "very bright"), annotator="ana")
    assert bench.from_fiftyone()["recorded"].tolist() == [True, True]
    assert bench.dataset.classes == ("dark", "light", "Very Bright", "dim")
    assert bench.labels().loc[[one, two], "label"].tolist() == ["dim", "Very Bright"]
    assert bench.from_fiftyone().empty
    again = bench.to_fiftyone()
    assert again.info["dqkit"]["classes"] == ["dark", "light", "Very Bright", "dim"]
    assert again.match(fo.ViewField("dqkit_id") == two).first().label.label == "Very Bright"
    assert bench.from_fiftyone().empty


def test_the_panel_shows_the_votes_and_neighbours_that_the_notebook_shows(fo, bench):
    ours = {card.sample_id: card for card in QueueCards(bench.state).cards(10, "ana", ())}
    theirs = PanelQueue(bench.to_fiftyone(), "tab").cards(10, "ana", ())
    assert len(theirs) == 10
    assert all(card.neighbors for card in theirs)
    for card in theirs:
        same = ours[card.sample_id]
        assert card.votes == pytest.approx(same.votes)
        assert [label for _, label in card.neighbors] == [label for _, label in same.neighbors]
        assert (card.mode, card.suggested_label, card.reasons) == (same.mode, same.suggested_label, same.reasons)
        assert (card.sentence, card.suggested_prob) == (same.sentence, same.suggested_prob)


@pytest.mark.slow
def test_closing_the_workbench_closes_its_app_and_nothing_else(fo, bench, monkeypatch, tmp_path):
    monkeypatch.setattr("webbrowser.open", lambda *_, **__: True)
    monkeypatch.setattr("fiftyone.core.session.session.Session.open_tab", lambda _: None)
    monkeypatch.setenv("FIFTYONE_PLUGINS_DIR", str(tmp_path / "plugins"))
    monkeypatch.setattr(fo.config, "plugins_dir", str(tmp_path / "plugins"))
    name = bench.to_fiftyone().name
    session = bench.open_fiftyone(annotator="ana")
    port = session.server_port
    refreshed = []
    monkeypatch.setattr(type(session), "refresh", lambda one: refreshed.append(one.dataset.name))
    bench.to_fiftyone()
    assert refreshed == [name]  # an open page would go on showing the old state
    servers = [p for p in psutil.Process().children(recursive=True) if "local_server" in " ".join(p.cmdline())]
    assert answers(port)
    assert servers
    with bench:
        pass
    assert not answers(port)
    assert psutil.wait_procs(servers, timeout=10)[1] == []
    assert fo.load_dataset(name).info["dqkit"]["port"] == port  # the database goes on for whoever else uses it
    bench.close()


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


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
    source = PanelQueue(pushed, "tab")
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
