"""The queue behind the App's panel: cards out, answers in, on a real database and without a browser."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dqkit.fiftyone_bridge import acknowledge, discard, pull
from dqkit.fiftyone_bridge.conversation import converse
from dqkit.fiftyone_bridge.panel_queue import Leases, PanelQueue
from dqkit.records import InputError
from dqkit.relabel import Answer

if TYPE_CHECKING:
    from .conftest import Pushed


def panel(target: Any, tab: str = "tab", leases: Leases | None = None) -> PanelQueue:
    target.reload()
    return PanelQueue(target._sample_collection, target.info["dqkit"], tab, leases or Leases())


def label(event: str, sample_id: str, name: str) -> Answer:
    return Answer(event, sample_id, "label", name)


def undo(event: str, sample_id: str, undoes: str) -> Answer:
    return Answer(event, sample_id, "undo", None, undoes=undoes)


def stored(target: Any, sample_id: str) -> dict[str, Any]:
    return dict(target._sample_collection.find_one({"dqkit_id": sample_id}))


def decisions(pushed: Pushed) -> list[tuple[Any, ...]]:
    return [(e.event_id, e.sample_id, e.kind, e.label, e.annotator) for e in pull(pushed.name, annotator="nobody")]


def test_cards_are_the_queue_in_order_with_picture_suggestion_and_reasons(pushed: Pushed) -> None:
    first, second, third = panel(pushed.push()).cards(5, "ana", ())
    assert [first.sample_id, second.sample_id, third.sample_id] == ["s07", "s05", "s01"]
    assert (first.given_label, first.suggested_label, first.reasons) == ("dog", "eel", ("looks like an eel",))
    assert pushed.predictions is not None
    assert first.suggested_prob == pytest.approx(float(pushed.predictions.pred_probs[7, 2]), rel=1e-4)
    assert first.mime == "image/png"
    assert first.media.startswith(b"\x89PNG")
    assert (second.given_label, second.mode) == (None, "review")
    assert third.mode == "blind"  # the control row, whose suggestion would bias the answer
    assert panel(pushed.push()).progress() == (0, 3)


def test_a_text_is_shown_as_text(pushed: Pushed) -> None:
    target = pushed.push(dataset=pushed.make_dataset(modality="text"))
    card = panel(target).cards(1, "ana", ())[0]
    assert (card.media.decode(), card.mime) == ("Review number 7: <b>good</b> & ünïcode", "text/plain")


def test_answers_are_pulled_under_their_own_event_ids_and_authors(pushed: Pushed) -> None:
    target = pushed.push()
    source = panel(target)
    source.record(label("e1", "s07", "eel"), "ana")  # was dog
    source.record(Answer("e2", "s05", "skip"), "bob")
    source.record(label("e3", "s01", "dog"), "ana")  # is dog: confirmed
    assert source.progress() == (3, 3)
    assert source.cards(5, "ana", ()) == []
    assert target.load_saved_view("queue").values("dqkit_id") == []
    assert [(a.event_id, a.sample_id, a.kind, a.label) for a in source.history("ana", 9)] == [
        ("e1", "s07", "label", "eel"),
        ("e3", "s01", "label", "dog"),
    ]
    assert decisions(pushed) == [
        ("e1", "s07", "label", "eel", "ana"),
        ("e2", "s05", "skip", None, "bob"),
        ("e3", "s01", "label", "dog", "ana"),
    ]
    assert target.match({"$expr": {"$eq": ["$dqkit_id", "s07"]}}).first().label.annotator == "ana"
    acknowledge(pushed.name, pull(pushed.name))
    assert decisions(pushed) == []


def test_of_many_who_answer_one_sample_at_once_exactly_one_is_heard(pushed: Pushed) -> None:
    target = pushed.push()
    sources = [panel(target, f"tab{i}") for i in range(8)]

    def answer(i: int) -> str:
        try:
            sources[i].record(label(f"e{i}", "s07", ["cat", "eel"][i % 2]), f"person{i}")
        except InputError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(answer, range(8)))
    assert said.count("") == 1
    winner = said.index("")
    assert decisions(pushed) == [(f"e{winner}", "s07", "label", ["cat", "eel"][winner % 2], f"person{winner}")]
    assert all(f"person{winner} answered this sample already" in text for text in said if text)


def test_an_answer_sent_twice_is_one_even_after_its_undo(pushed: Pushed) -> None:
    source = panel(pushed.push())
    source.record(label("e1", "s07", "eel"), "ana")
    source.record(label("e1", "s07", "eel"), "ana")
    source.record(undo("u1", "s07", "e1"), "ana")
    source.record(undo("u1", "s07", "e1"), "ana")
    source.record(label("e1", "s07", "eel"), "ana")
    assert source.progress() == (0, 3)
    assert [kind for _, _, kind, _, _ in decisions(pushed)] == ["undo"]


@pytest.mark.parametrize("answer", [("label", "eel"), ("label", "dog"), ("skip", None), ("flag", None)])
def test_undo_brings_back_everything_the_answer_changed(pushed: Pushed, answer: tuple[str, str | None]) -> None:
    target = pushed.push()
    before = stored(target, "s07")
    source = panel(target)
    source.record(Answer("e1", "s07", *answer), "ana")
    assert [card.sample_id for card in source.cards(5, "ana", ())] == ["s05", "s01"]
    source.record(undo("u1", "s07", "e1"), "ana")
    after = stored(target, "s07")
    for name in before.keys() - {"panel", "last_modified_at"}:
        assert after[name] == before[name], name
    assert [card.sample_id for card in source.cards(5, "ana", ())] == ["s07", "s05", "s01"]


def test_nobody_undoes_the_answer_of_another_or_an_edit_made_since(fo: Any, pushed: Pushed) -> None:
    target = pushed.push()
    source = panel(target)
    source.record(label("e1", "s07", "eel"), "ana")
    with pytest.raises(InputError, match="cannot be undone here"):
        source.record(undo("u1", "s07", "e1"), "bob")
    sample = target.match({"$expr": {"$eq": ["$dqkit_id", "s07"]}}).first()
    sample["label"] = fo.Classification(label="cat")
    sample.save()
    with pytest.raises(InputError, match="cannot be undone here"):
        source.record(undo("u2", "s07", "e1"), "ana")
    assert [(sample_id, label, annotator) for _, sample_id, _, label, annotator in decisions(pushed)] == [
        ("s07", "cat", "nobody")
    ]


def test_an_answer_that_was_pulled_is_withdrawn_by_an_undo_event(pushed: Pushed) -> None:
    target = pushed.push()
    source = panel(target)
    source.record(label("e1", "s07", "eel"), "ana")
    acknowledge(pushed.name, pull(pushed.name))
    source.record(undo("u1", "s07", "e1"), "ana")
    source.record(label("e2", "s07", "cat"), "ana")
    (undone, again) = pull(pushed.name)
    assert (undone.kind, undone.event_id, undone.undoes, undone.annotator) == ("undo", "u1", "e1", "ana")
    assert (again.event_id, again.label, again.previous) == ("e2", "cat", "dog")
    acknowledge(pushed.name, [undone, again])
    assert pull(pushed.name) == []


def test_an_undo_between_pull_and_acknowledgement_is_not_lost(pushed: Pushed) -> None:
    target = pushed.push()
    source = panel(target)
    source.record(label("e1", "s07", "eel"), "ana")
    recorded = pull(pushed.name)
    source.record(undo("u1", "s07", "e1"), "ana")
    source.record(Answer("e2", "s07", "flag"), "ana")
    acknowledge(pushed.name, recorded)
    assert [(e.kind, e.event_id, e.undoes) for e in pull(pushed.name)] == [("undo", "u1", "e1"), ("flag", "e2", None)]
    assert stored(target, "s07")["label"]["label"] == "dog"


def test_notes_reach_the_journal_and_leave_the_sample_open(pushed: Pushed) -> None:
    source = panel(pushed.push())
    source.record(Answer("n1", "s07", "note", None, why="$blurred"), "ana")
    (note,) = pull(pushed.name)
    assert (note.kind, note.why, note.event_id, note.annotator) == ("note", "$blurred", "n1", "ana")
    assert source.progress() == (0, 3)
    acknowledge(pushed.name, [note])
    assert pull(pushed.name) == []
    assert source.progress() == (0, 3)


def test_asked_again_in_a_later_round_a_sample_is_open_again(pushed: Pushed) -> None:
    target = pushed.push()
    panel(target).record(Answer("e1", "s07", "skip"), "ana")
    pushed.push()  # not pulled yet: the answer stays
    assert panel(target).progress() == (1, 3)
    acknowledge(pushed.name, pull(pushed.name))
    assert panel(target).progress() == (1, 3)
    pushed.push()  # the notebook queues it again
    assert panel(target).progress() == (0, 3)
    panel(target).record(label("e2", "s07", "cat"), "ana")
    assert decisions(pushed) == [("e2", "s07", "label", "cat", "ana")]


def test_a_discarded_answer_opens_its_sample(pushed: Pushed) -> None:
    target = pushed.push()
    panel(target).record(label("e1", "s07", "eel"), "ana")
    discard(pushed.name, pull(pushed.name))
    assert pull(pushed.name) == []
    assert stored(target, "s07")["label"]["label"] == "dog"
    assert panel(target).progress() == (0, 3)


def test_tabs_get_different_samples_until_one_falls_silent(pushed: Pushed) -> None:
    target, leases = pushed.push(), Leases(seconds=0.2)
    one, two = panel(target, "one", leases), panel(target, "two", leases)
    assert [card.sample_id for card in one.cards(2, "ana", ())] == ["s07", "s05"]
    assert [card.sample_id for card in one.cards(2, "ana", ())] == ["s07", "s05"]  # a reload gets its own again
    assert [card.sample_id for card in two.cards(9, "ana", ())] == ["s01"]
    leases._heard["one"] -= 1
    assert [card.sample_id for card in two.cards(9, "ana", ())] == ["s07", "s05", "s01"]


def test_a_tab_hears_once_which_of_its_samples_were_answered_elsewhere(pushed: Pushed) -> None:
    target, leases = pushed.push(), Leases()
    one, two = panel(target, "one", leases), panel(target, "two", leases)
    one.cards(2, "ana", ())
    assert one.gone() == []
    two.record(Answer("e1", "s05", "skip"), "bob")
    assert one.gone() == ["s05"]
    assert one.gone() == []
    assert two.gone() == []


def test_class_names_that_mean_something_to_mongodb_are_only_names(pushed: Pushed) -> None:
    dataset = replace(pushed.dataset, classes=("$label", "a.b", "eel"))
    labels = pushed.current_labels(dataset)
    queue = pushed.queue.assign(suggested_label="$label") if pushed.queue is not None else None
    target = pushed.push(dataset=dataset, labels=labels, predictions=None, signals=None, queue=queue)
    source = panel(target)
    source.record(label("e1", "s07", "$label"), "$ana")
    source.record(label("e2", "s01", "a.b"), "ana")
    assert decisions(pushed) == [("e1", "s07", "label", "$label", "$ana"), ("e2", "s01", "label", "a.b", "ana")]
    with pytest.raises(InputError, match="not a class"):
        source.record(label("e3", "s05", "wolf"), "ana")


def test_a_picture_that_is_gone_is_a_card_without_media(pushed: Pushed) -> None:
    target = pushed.push()
    for file in pushed.media_dir.rglob("*.png"):
        file.unlink()
    assert {card.media for card in panel(target).cards(3, "ana", ())} == {b""}


def test_the_conversation_welcomes_deals_saves_and_refuses(pushed: Pushed) -> None:
    source = panel(pushed.push())
    assert converse(source, "", [{"type": "hello", "client": "c"}]) == []  # nobody answers without a name
    raw = {"event_id": "e1", "sample_id": "s07", "kind": "label", "label": "eel"}
    messages = [
        {"type": "hello", "client": "c"},
        {"type": "want", "client": "c", "ask": 4, "n": 2, "have": []},
        {"type": "answer", "client": "c", "answer": raw},
        {"type": "answer", "client": "c", "answer": {**raw, "event_id": "e2"}},
        {"type": "answer", "client": "c", "answer": {"event_id": "e3", "kind": "label"}},
        {"type": "nonsense"},
    ]
    replies = converse(source, "ana", messages)
    said = [reply["message"]["type"] for reply in replies]
    assert said == ["welcome", "cards", "cards", "cards", "saved", "refused", "refused"]
    welcome, first = replies[0]["message"], replies[1]
    assert (welcome["classes"], welcome["answered"], welcome["total"]) == (["cat", "dog", "eel"], 0, 3)
    assert first["message"]["cards"][0]["sample_id"] == "s07"
    assert base64.b64decode(first["buffers"][0]).startswith(b"\x89PNG")
    assert [reply["message"]["event_id"] for reply in replies[-3:]] == ["e1", "e2", "e3"]
    assert {reply["message"]["client"] for reply in replies} == {"c"}


def test_another_format_than_the_browser_knows_is_shown_as_png(pushed: Pushed, tmp_path: Any) -> None:
    from PIL import Image

    file = tmp_path / "own.tiff"
    Image.new("RGB", (9, 9), (1, 2, 3)).save(file)
    paths = np.array([str(file)] * len(pushed.dataset), dtype=object)
    target = pushed.push(dataset=replace(pushed.dataset, paths=paths))
    card = panel(target).cards(1, "ana", ())[0]
    assert (card.mime, card.media[:4]) == ("image/png", b"\x89PNG")
