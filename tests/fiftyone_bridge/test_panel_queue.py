"""The queue behind the App's panel: cards out, answers in, on a real database and without a browser."""

from __future__ import annotations

import base64
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from dqkit.fiftyone_bridge import acknowledge, added_classes, discard, pull
from dqkit.fiftyone_bridge.added_classes import add_class
from dqkit.fiftyone_bridge.conversation import converse
from dqkit.fiftyone_bridge.panel_queue import Leases, PanelQueue
from dqkit.records import InputError, Predictions
from dqkit.relabel import Answer

if TYPE_CHECKING:
    from .conftest import Pushed


def panel(target: Any, tab: str = "tab", leases: Leases | None = None) -> PanelQueue:
    target.reload()
    return PanelQueue(target, tab, leases or Leases())


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


def test_a_card_shows_how_the_models_vote_and_what_the_sample_looks_like_most(pushed: Pushed) -> None:
    members = np.zeros((4, 12, 3), dtype=np.float32)
    members[:3, :, 2] = 1  # three of four say eel
    members[3, :, 0] = 1
    predictions = Predictions.from_arrays(members, ids=list(pushed.dataset.ids), classes=pushed.dataset.classes)
    neighbors = np.full((12, 7), -1)
    neighbors[7] = [7, 2, 0, 4, 11, 3, 1]  # itself first, and one more than is shown
    neighbors[5] = [6, -1, -1, -1, -1, -1, -1]
    target = pushed.push(predictions=predictions, neighbors=neighbors)
    first, second, _ = panel(target).cards(3, "ana", ())
    assert first.votes == {"eel": 0.75, "cat": 0.25}
    assert [name for _, name in first.neighbors] == ["eel", None, "dog", "eel", "cat"]
    for picture, _ in first.neighbors:
        with Image.open(io.BytesIO(picture)) as image:
            assert (image.format, max(image.size) <= 96) == ("PNG", True)
    assert [name for _, name in second.neighbors] == ["cat"]
    target.match({"$expr": {"$eq": ["$dqkit_id", "s02"]}}).set_values("label.label", ["cat"])
    assert panel(target).cards(1, "ana", ())[0].neighbors[0][1] == "cat"  # as it is labelled now


def test_one_model_alone_is_no_vote_and_neighbours_are_optional(pushed: Pushed) -> None:
    card = panel(pushed.push()).cards(1, "ana", ())[0]
    assert (card.votes, card.neighbors) == ({}, ())


def test_neighbours_of_texts_are_texts_and_one_whose_picture_is_gone_says_so(pushed: Pushed) -> None:
    neighbors = np.arange(12)[:, None] - 1
    target = pushed.push(dataset=pushed.make_dataset(modality="text"), neighbors=neighbors)
    ((text, _),) = panel(target).cards(1, "ana", ())[0].neighbors
    assert text.decode() == "Review number 6: <b>good</b> & ünïcode"
    target = pushed.push(neighbors=neighbors)
    for file in pushed.media_dir.rglob("*.png"):
        file.unlink()
    ((text, _),) = panel(target).cards(1, "ana", ())[0].neighbors
    assert text == b"picture missing"


def test_neighbours_that_are_no_positions_are_refused_before_anything_is_written(fo: Any, pushed: Pushed) -> None:
    for wrong in np.zeros((3, 2), dtype=int), np.zeros((12, 2)), np.zeros(12, dtype=int):
        with pytest.raises(InputError, match="'neighbors'"):
            pushed.push(neighbors=wrong)
    assert not fo.dataset_exists(pushed.name)


def test_slow_cards_come_in_parts_and_the_rest_stays_free_for_others(
    pushed: Pushed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dqkit.fiftyone_bridge.panel_queue.DEAL_SECONDS", -1.0)
    target, leases = pushed.push(), Leases()
    assert [card.sample_id for card in panel(target, "one", leases).cards(3, "ana", ())] == ["s07"]
    assert [card.sample_id for card in panel(target, "two", leases).cards(3, "bob", ())] == ["s05"]


def test_a_class_added_in_the_panel_is_there_for_every_tab_and_survives_a_push(pushed: Pushed) -> None:
    target = pushed.push()
    assert panel(target, "one").add_class("  sea   horse ", "ana") == "sea horse"
    assert panel(target, "two").add_class("Sea Horse", "bob") == "sea horse"  # the same, said differently
    assert panel(target, "two").classes == ["cat", "dog", "eel", "sea horse"]
    assert target.label_schemas["label"]["classes"] == ["cat", "dog", "eel", "sea horse"]  # in the App's own editor too
    panel(target).record(label("e1", "s07", "sea horse"), "ana")
    assert added_classes(pushed.name) == [("sea horse", "ana")]
    target = pushed.push()  # not pulled yet
    assert panel(target).classes == ["cat", "dog", "eel", "sea horse"]
    assert [(e.label, e.problem) for e in pull(pushed.name)] == [("sea horse", "")]
    grown = (*pushed.dataset.classes, "fox", "Sea horse")  # the notebook's name for it
    target = pushed.push(dataset=replace(pushed.dataset, classes=grown), predictions=None)
    assert panel(target).classes == list(grown)
    assert added_classes(pushed.name) == []


def test_a_class_name_that_is_none_is_refused(pushed: Pushed) -> None:
    source = panel(pushed.push())
    for name in "", "  ", "x" * 201, "a\x00b":
        with pytest.raises(InputError, match="class name"):
            source.add_class(name, "ana")
    assert source.classes == ["cat", "dog", "eel"]


def test_classes_added_by_many_at_once_are_all_there_once(pushed: Pushed) -> None:
    target = pushed.push()
    names = ["fox", "owl", "Fox", "hen", "OWL", "bee"]
    with ThreadPoolExecutor(len(names)) as pool:
        stands = list(pool.map(lambda name: add_class(target, name, "ana"), names))
    classes = panel(target).classes
    assert sorted(name.lower() for name in classes) == ["bee", "cat", "dog", "eel", "fox", "hen", "owl"]
    assert set(stands) == set(classes[3:])


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
        {"type": "add_class", "client": "c", "name": "fox"},
        {"type": "add_class", "client": "c", "name": None},
        {"type": "want", "client": "c", "ask": 5, "n": 0, "have": [], "classes": 3},
        {"type": "nonsense"},
    ]
    replies = converse(source, "ana", messages)
    said = [reply["message"]["type"] for reply in replies]
    assert said == [
        *("welcome", "cards", "cards", "cards", "saved", "refused", "refused"),
        *("classes", "declined", "cards"),
    ]
    welcome, first = replies[0]["message"], replies[1]
    assert (welcome["classes"], welcome["answered"], welcome["total"]) == (["cat", "dog", "eel"], 0, 3)
    assert first["message"]["cards"][0]["sample_id"] == "s07"
    assert base64.b64decode(first["buffers"][0]).startswith(b"\x89PNG")
    assert [reply["message"]["event_id"] for reply in replies[4:7]] == ["e1", "e2", "e3"]
    assert welcome["offers"] == ["add_class"]
    assert (replies[7]["message"]["name"], replies[7]["message"]["classes"]) == ("fox", ["cat", "dog", "eel", "fox"])
    assert replies[8]["message"]["about"] == "add_class"
    assert replies[9]["message"]["classes"] == ["cat", "dog", "eel", "fox"]  # the page knew three
    assert {reply["message"]["client"] for reply in replies} == {"c"}


def test_another_format_than_the_browser_knows_is_shown_as_png(pushed: Pushed, tmp_path: Any) -> None:
    file = tmp_path / "own.tiff"
    Image.new("RGB", (9, 9), (1, 2, 3)).save(file)
    paths = np.array([str(file)] * len(pushed.dataset), dtype=object)
    target = pushed.push(dataset=replace(pushed.dataset, paths=paths))
    card = panel(target).cards(1, "ana", ())[0]
    assert (card.mime, card.media[:4]) == ("image/png", b"\x89PNG")
