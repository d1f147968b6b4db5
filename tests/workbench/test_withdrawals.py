"""A batch of decisions is withdrawn as a whole, and the queue ranked again without training."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest

import dqkit as dq
from tests.workbench.conftest import quick


def run(bench, **options):
    return bench.run_round(estimators=quick(), progress=False, **{"budget": 20, **options})


def label_all(bench, samples, annotator):
    return [bench.record(sample, "red", annotator=annotator) for sample in samples]


def pause():
    """Events carry milliseconds; what comes next is later."""
    time.sleep(0.005)


def test_an_afternoon_of_one_person_is_undone_and_nothing_else(bench):
    ids = [str(i) for i in bench.dataset.ids[:12]]
    before = bench.labels()
    label_all(bench, ids[:3], "bo")
    pause()
    since = datetime.now(UTC)
    label_all(bench, ids[3:8], "bo")
    bench.record(ids[8], None, annotator="bo", kind="skip")
    label_all(bench, ids[9:11], "ana")
    until = datetime.now(UTC)
    pause()
    bench.record(ids[11], "red", annotator="bo")
    undone = bench.undo_batch(annotator="bo", since=since, until=until)
    assert [event.sample_id for event in undone] == ids[3:9][::-1]
    assert {event.kind for event in undone} == {"undo"}
    now = bench.labels()
    pd.testing.assert_frame_equal(now.loc[ids[3:9]], before.loc[ids[3:9]])
    assert (now.loc[[*ids[:3], ids[11]], "annotator"] == "bo").all()
    assert (now.loc[ids[9:11], "annotator"] == "ana").all()
    assert bench.history(ids[3])["kind"].tolist() == ["label", "undo"]
    assert "one of 6 by bo" in bench.history(ids[3])["why"].iloc[-1]
    with pytest.raises(dq.InputError, match="no decision to undo"):
        bench.undo_batch(annotator="bo", since=since, until=until)


def test_times_may_be_texts_and_know_their_zone(bench):
    sample = str(bench.dataset.ids[0])
    bench.record(sample, "red", annotator="bo")
    east = timezone(timedelta(hours=5))
    at = datetime.fromisoformat(bench.history(sample)["at"].iloc[0])
    local = at.astimezone(east).isoformat()
    assert len(bench.undo_batch(annotator="bo", since=local, until=local)) == 1
    bench.record(sample, "red", annotator="bo")
    pause()
    bare = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    assert len(bench.undo_batch(annotator="bo", until=bare)) == 1


def test_a_round_can_be_withdrawn_by_somebody_else(bench):
    ids = [str(i) for i in bench.dataset.ids[:4]]
    label_all(bench, ids[:2], "bo")
    run(bench)
    label_all(bench, ids[2:], "bo")
    undone = bench.undo_batch(annotator="bo", round=1, by="ana", why="wrong guideline")
    assert sorted(event.sample_id for event in undone) == ids[2:]
    assert {event.annotator for event in undone} == {"ana"}
    assert bench.history(ids[2])["why"].iloc[-1] == "wrong guideline"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "since, until and round"),
        ({"since": "yesterday noon-ish"}, "since must be a time"),
        ({"since": None, "until": "NaT"}, "until must be a time"),
        ({"since": "2024-05-03", "until": "2024-05-02"}, "later than until"),
        ({"since": "2031-01-01"}, "no decision to undo"),
        ({"round": 1, "by": " "}, "annotator must be a name"),
        ({"round": 1, "why": 5}, "why must be text"),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused_and_nothing_changes(bench, options, words):
    bench.record(str(bench.dataset.ids[0]), "red", annotator="bo")
    with pytest.raises(dq.InputError, match=words):
        bench.undo_batch(annotator="bo", **options)
    assert len(bench.store.events()) == 1


def test_an_undone_batch_is_open_again_and_the_rerank_is_the_queue_as_first_drawn(bench):
    first = run(bench, seed=3, audit_share=0.2).queue
    label_all(bench, first["sample_id"][:9], "bo")
    assert len(bench.open_queue()) == 11
    bench.undo_batch(annotator="bo", round=1)
    assert len(bench.open_queue()) == 20
    trained = bench.rounds[-1].predictions
    again = bench.rerank()
    pd.testing.assert_frame_equal(again.queue, first)
    assert (again.predictions.member_probs == trained.member_probs).all()
    assert bench.store.queue_states()["sample_id"].tolist() == first["sample_id"].tolist()
    assert again.number == 1
    assert len(bench.rounds) == 1


def test_a_rerank_keeps_what_was_answered_and_orders_the_rest_by_the_labels_of_now(bench):
    first = run(bench, audit_share=0.2).queue
    done = first["sample_id"].tolist()[:6]
    label_all(bench, done, "ana")
    elsewhere = [s for s in bench.dataset.ids[~bench.dataset.is_test] if s not in set(first["sample_id"])][:30]
    label_all(bench, elsewhere, "ana")
    again = bench.rerank()
    assert again.queue["sample_id"].tolist()[:6] == done
    assert len(again.queue) == 20
    assert int(again.queue["control"].sum()) == 4
    fresh = again.queue[6:]
    assert set(fresh.loc[fresh["sample_id"].isin(elsewhere), "action"]) <= {"second_opinion"}
    assert bench.open_queue()["sample_id"].tolist() == fresh["sample_id"].tolist()
    states = bench.store.queue_states()
    assert states["state"].tolist() == ["done"] * 6 + ["open"] * 14
    pd.testing.assert_frame_equal(bench.rerank().queue, again.queue)
    with dq.Workbench.open(bench.path) as later:
        pd.testing.assert_frame_equal(later.rounds[-1].queue, again.queue)
        assert len(later.reviews()) == 6


def test_a_rerank_can_have_another_budget(bench):
    run(bench)
    assert len(bench.rerank(budget=35).queue) == 35
    with pytest.raises(dq.InputError, match="budget"):
        bench.rerank(budget=0)
    with pytest.raises(dq.InputError, match="strategy"):
        bench.rerank(strategy="nope")


def test_there_is_nothing_to_rank_again_before_a_round(bench):
    with pytest.raises(dq.InputError, match="run_round"):
        bench.rerank()


def test_a_batch_with_one_unknown_decision_is_not_undone_at_all(bench):
    ids = [str(i) for i in bench.dataset.ids[:3]]
    made = label_all(bench, ids, "bo")
    undos = [
        replace(event, event_id=f"u{i}", kind="undo", label=None, undoes=event.event_id) for i, event in enumerate(made)
    ]
    with pytest.raises(dq.InputError, match="nowhere"):
        bench.store.undo_all([*undos, replace(undos[0], event_id="u9", undoes="nowhere")])
    assert len(bench.store.events()) == 3
    assert len(bench.store.undo_all(undos)) == 3
    assert bench.store.undo_all(undos) == []
    assert len(bench.store.events()) == 6


def test_what_was_answered_while_the_order_was_made_stays_answered_and_leases_stay(bench):
    ids = run(bench).queue["sample_id"].tolist()
    held = bench.store.lease(2, "ana")
    bench.record(ids[5], "red", annotator="bo")
    bench.store.requeue(1, [(s, "label", False) for s in reversed(ids)])
    states = bench.store.queue_states().set_index("sample_id")
    assert states.index.tolist() == [ids[5], *(s for s in reversed(ids) if s != ids[5])]
    assert states.loc[ids[5], "state"] == "done"
    assert (states.loc[held, "leased_by"] == "ana").all()


def test_costs_shares_and_quotas_of_a_round_hold_when_it_is_ranked_again(bench):
    costs = {"relabel": 2.0}
    first = run(bench, costs=costs, class_quota={"blue": 4}, min_share={"label": 0.5}, audit_share=0.0).queue
    assert first["action"].map({"label": 1.0, **costs}).sum() <= 20
    assert (first["suggested_label"] == "blue").sum() >= 4
    assert (first["action"] == "label").sum() >= 10
    pd.testing.assert_frame_equal(bench.rerank().queue, first)
    label_all(bench, first["sample_id"][:5], "ana")
    again = bench.rerank().queue
    assert again["action"].map({"label": 1.0, "second_opinion": 1.0, **costs}).sum() <= 20


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"costs": {"label": 0}}, "costs"),
        ({"min_share": {"label": 2}}, "min_share"),
        ({"class_quota": {"blue": -1}}, "class_quota"),
        ({"class_quota": {"bleu": 1}}, "class_quota must name classes of .*; got 'bleu'"),
        ({"human_error": 2}, "human_error"),
    ],
)
def test_bad_shares_are_refused_before_anything_is_trained(bench, options, words):
    with pytest.raises(dq.InputError, match=words):
        run(bench, **options)
    assert bench.store.rounds() == []
