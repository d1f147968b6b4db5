"""Overlap: several people at one sample, each once."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqkit.records import InputError, LabelEvent
from dqkit.store import Store, added_classes, gold


def event(sample_id, annotator, *, kind="label", undoes=None):
    label = "x" if kind == "label" else None
    return LabelEvent(uuid.uuid4().hex, sample_id, kind, label, "human", annotator, "t", 1, undoes=undoes)


@pytest.fixture
def store(url):
    with Store(url) as opened:
        opened.enqueue(1, [(s, "relabel", False) for s in "abcd"])
        yield opened


def states(store):
    return store.queue_states().set_index("sample_id")["state"].to_dict()


def test_with_an_overlap_of_two_a_sample_goes_to_two_people_and_no_third(store):
    store.overlap(2)
    assert store.lease(9, "ana") == list("abcd")
    assert store.lease(9, "bob") == list("abcd")
    assert store.lease(9, "cy") == []
    assert store.queue_states()["leased_by"].tolist() == ["ana, bob"] * 4


def test_a_sample_is_closed_by_the_last_of_the_people_wanted(store):
    store.overlap(2)
    store.record([event("a", "ana")])
    assert states(store)["a"] == "open"
    assert store.lease(9, "ana") == list("bcd")
    assert store.lease(1, "bob") == ["a"]
    store.record([event("a", "bob", kind="flag")])
    assert states(store)["a"] == "flagged"
    assert store.lease(9, "cy") == list("bcd")


def test_two_answers_of_one_person_are_one_assignment(store):
    store.overlap(2)
    store.record([event("a", "ana"), event("a", "ana")])
    assert states(store)["a"] == "open"
    assert store.progress() == (1, 8)


def test_an_undo_frees_the_assignment_for_anybody(store):
    store.overlap(2)
    first, second = event("a", "ana"), event("a", "bob")
    store.record([first, second])
    store.undo(event("a", "ana", kind="undo", undoes=first.event_id))
    assert states(store)["a"] == "open"
    assert store.progress() == (1, 8)
    assert store.lease(1, "bob") == ["b"]
    assert store.lease(1, "cy") == ["a"]


def test_a_raised_overlap_opens_answered_rows_and_a_lowered_one_closes_them(store):
    store.record([event("a", "ana"), event("b", "ana")])
    assert store.progress() == (2, 4)
    store.overlap(2)
    assert set(states(store).values()) == {"open"}
    assert store.progress() == (2, 8)
    assert store.lease(2, "bob") == ["a", "b"]
    store.overlap(1)
    assert [states(store)[s] for s in "abcd"] == ["done", "done", "open", "open"]
    assert store.progress() == (2, 4)


def test_a_share_of_the_rows_is_spread_evenly(store):
    store.overlap(3, share=0.5)
    assert store.queue_states()["wanted"].tolist() == [1, 3, 1, 3]


@pytest.mark.parametrize("people", [0, -1, True, 1.5, "2"])
def test_an_overlap_that_is_no_number_of_people_is_refused(store, people):
    with pytest.raises(InputError, match="overlap"):
        store.overlap(people)


@pytest.mark.parametrize("share", [0, 1.5, True, None])
def test_a_share_that_is_none_is_refused(store, share):
    with pytest.raises(InputError, match="overlap_share"):
        store.overlap(2, share=share)


def test_only_these_ids_are_handed_out_when_asked_so(store):
    assert store.lease(9, "ana", only=["d", "b", "nope"]) == ["b", "d"]


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["ana", "bob", "cy"]), st.booleans()), max_size=25))
def test_no_sample_ever_has_more_people_than_are_wanted(tmp_path_factory, steps):
    """Whoever asks, answers or undoes in whatever order; a twin keeps who has a live answer to what."""
    with Store(f"sqlite:///{tmp_path_factory.mktemp('s')}/labels.sqlite") as store:
        store.enqueue(1, [(s, "label", False) for s in "abcd"])
        store.overlap(2)
        answered: dict[tuple[str, str], str] = {}
        for sample, who, undo in steps:
            if undo and (sample, who) in answered:
                store.undo(event(sample, who, kind="undo", undoes=answered.pop((sample, who))))
            elif not undo and sample in store.lease(4, who):
                assert (sample, who) not in answered
                made = event(sample, who)
                store.record([made])
                answered[sample, who] = made.event_id
            people = {s: {w for at, w in answered if at == s} for s in "abcd"}
            assert all(len(names) <= 2 for names in people.values())
            assert {s for s, state in states(store).items() if state != "open"} == {
                s for s, names in people.items() if len(names) == 2
            }
            assert store.progress() == (len(answered), 8)
            store.release(who)


def test_a_class_is_added_once_whoever_spells_it(store):
    assert added_classes.add(store, "Owl", key="owl", annotator="ana", at="t") == "Owl"
    assert added_classes.add(store, "owl ", key="owl", annotator="bob", at="t") == "Owl"
    assert added_classes.add(store, "bat", key="bat", annotator="bob", at="t") == "bat"
    assert added_classes.names_and_keys(store) == [("Owl", "owl"), ("bat", "bat")]


def test_an_answer_to_a_gold_question_is_kept_once_and_is_no_label(store):
    given = gold.GoldAnswer("e1", "a", "ana", "seven", "label", "one", "t")
    assert gold.record(store, given)
    assert not gold.record(store, given)
    assert gold.find(store, "e1") == given
    assert store.events().empty
    gold.withdraw(store, "e1")
    assert gold.rows(store, annotator="ana")["withdrawn"].tolist() == [True]
    with pytest.raises(InputError, match="e9"):
        gold.withdraw(store, "e9")
