"""One question for all samples of the same content: its answer serves every copy and is undone with them."""

from __future__ import annotations

import numpy as np
import pytest

import dqkit as dq
from dqkit.relabel import Answer
from dqkit.workbench.labelling import QueueCards
from tests.workbench.conftest import quick


@pytest.fixture
def pairs(tmp_path):
    """Blobs with three groups of copies: labels that differ; three of them, one unlabelled; one in the test split."""
    rng = np.random.default_rng(0)
    n = 150
    truth = np.arange(n) % 3
    x = rng.normal(size=(n, 4)) + 4 * np.eye(3, 4)[truth]
    labels, split = truth.copy(), np.full(n, "train")
    split[100:] = "test"
    x[3], x[10], x[11], x[110] = x[0], x[9], x[9], x[20]
    labels[3], labels[10], labels[11] = 1, labels[9], -1
    labels[110] = (labels[20] + 1) % 3
    names = ["red", "green", "blue"]
    with dq.Workbench.create(tmp_path / "wb", dq.from_arrays(x, labels, classes=names, split=split)) as bench:
        bench.run_round(budget=40, estimators=quick(), progress=False, audit_share=0)
        yield bench


def labels_of(bench, *at):
    return bench.labels()["label"].iloc[list(at)].tolist()


def test_one_question_stands_for_each_group_and_certain_errors_come_first(pairs):
    ids = pairs.dataset.ids
    queue = pairs.rounds[-1].queue["sample_id"].tolist()
    assert set(queue[:2]) <= {ids[0], ids[3], ids[20]}
    for group in ([0, 3], [9, 10, 11]):
        assert sum(ids[i] in queue for i in group) <= 1
    assert ids[110] not in queue


def test_an_answer_serves_every_copy_that_may_be_answered_as_an_event_with_its_reason(pairs):
    ids = pairs.dataset.ids
    event = pairs.record(ids[9], "blue", annotator="ana", event_id="e1")
    assert labels_of(pairs, 9, 10, 11) == ["blue"] * 3
    assert event.sample_id == ids[9]
    copied = pairs.history(ids[11])
    assert copied[["label", "annotator"]].to_numpy().tolist() == [["blue", "ana"]]
    assert copied["why"].iloc[0] == f"the same content as {ids[9]}, answered there"
    before = labels_of(pairs, 110)
    pairs.record(ids[20], "red", annotator="ana")
    assert labels_of(pairs, 110) == before  # what is held out stays


def test_sent_again_it_is_the_same_and_undone_it_is_gone_from_all(pairs):
    ids = pairs.dataset.ids
    before = labels_of(pairs, 9, 10, 11)
    for _ in range(2):
        pairs.record(ids[9], "blue", annotator="ana", event_id="e1")
    assert len(pairs.store.events()) == 3
    pairs.undo(annotator="ana")  # the newest decision is the one that was made, not what it brought to the copies
    assert labels_of(pairs, 9, 10, 11) == before
    assert len(pairs.store.events()) == 6


def test_what_was_decided_about_a_copy_itself_stands(pairs):
    ids = pairs.dataset.ids
    pairs.record(ids[10], "green", annotator="bo")
    pairs.record(ids[9], "blue", annotator="ana")
    assert labels_of(pairs, 9, 10, 11) == ["blue", "green", "blue"]


def test_the_widget_is_told_of_one_answer_and_the_next_round_asks_no_copy(pairs):
    ids = pairs.dataset.ids
    source = QueueCards(pairs.state)
    card = next(c for c in source.cards(40, "ana", ()) if c.sample_id in (ids[0], ids[3]))
    assert "one of the labels is wrong" in "; ".join(card.reasons)
    source.record(Answer("e1", card.sample_id, "label", "red"), "ana")
    assert [a.event_id for a in source.history("ana", 10)] == ["e1"]
    assert labels_of(pairs, 0, 3) == ["red", "red"]
    again = pairs.run_round(budget=90, estimators=quick(), progress=False)
    assert not {ids[0], ids[3]} & set(again.queue.loc[again.queue["action"] != "second_opinion", "sample_id"])


def test_skipping_one_copy_asks_no_other_in_the_next_round(pairs):
    ids = pairs.dataset.ids
    asked = next(i for i in pairs.rounds[-1].queue["sample_id"] if i in (ids[0], ids[3]))
    pairs.record(asked, None, kind="skip", annotator="ana")
    again = pairs.run_round(budget=90, estimators=quick(), progress=False)
    assert not {ids[0], ids[3]} & set(again.queue["sample_id"])
