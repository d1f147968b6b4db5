"""The Python half: what leaves for the page, what comes back, and what happens when the source says no."""

from __future__ import annotations

import dataclasses
import json
import threading

import pytest
from memory_queue import MemoryQueue, digit_cards

from dqkit.records import InputError
from dqkit.relabel import Answer, Labeler
from dqkit.relabel.messages import batches, pack, unpack
from dqkit.relabel.sentences import evidence_sentence

CLASSES = ["cat", "dog", "owl"]


class Page:
    """Stands for a browser page: sends messages to the widget and keeps what it answers."""

    def __init__(self, queue: MemoryQueue, monkeypatch: pytest.MonkeyPatch) -> None:
        self.widget = Labeler(queue, annotator="ana")
        self.heard: list[tuple[dict, list[bytes]]] = []
        monkeypatch.setattr(
            self.widget, "send", lambda content, buffers=None: self.heard.append((content, buffers or []))
        )

    def say(self, **message) -> list[dict]:
        start = len(self.heard)
        self.widget._receive(self.widget, {"client": "p1", **message}, [])
        return [content for content, _ in self.heard[start:]]

    def answer(self, event_id, sample_id, kind="label", label=None, undoes=None) -> list[dict]:
        answer = {"event_id": event_id, "sample_id": sample_id, "kind": kind, "label": label, "undoes": undoes}
        return self.say(type="answer", answer=answer)


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue(digit_cards(6, classes=CLASSES), CLASSES)


@pytest.fixture
def page(queue, monkeypatch) -> Page:
    return Page(queue, monkeypatch)


def test_a_page_that_says_hello_gets_the_classes_the_progress_and_its_history(page, queue):
    queue.record(Answer("e1", "s000", "label", "cat"), "ana")
    (welcome,) = page.say(type="hello")
    assert welcome["classes"] == CLASSES
    assert (welcome["answered"], welcome["total"]) == (1, 6)
    assert welcome["history"] == [{"event_id": "e1", "sample_id": "s000", "kind": "label", "label": "cat"}]


def test_cards_arrive_in_order_without_those_the_page_has(page):
    replies = page.say(type="want", ask=7, n=3, have=["s000", "s002"])
    assert [card["sample_id"] for reply in replies for card in reply["cards"]] == ["s001", "s003", "s004"]
    assert {reply["ask"] for reply in replies} == {7}
    assert [reply["last"] for reply in replies][-1] is True
    assert replies[-1]["total"] == 6


def test_every_card_finds_its_own_buffers(page, queue):
    page.say(type="want", ask=1, n=6, have=[])
    by_id = {card.sample_id: card for card in queue._cards}
    seen = 0
    for content, buffers in page.heard:
        left = list(buffers)
        for card in content["cards"]:
            assert left.pop(0) == by_id[card["sample_id"]].media
            assert [left.pop(0) for _ in card["neighbors"]] == [b for b, _ in by_id[card["sample_id"]].neighbors]
            seen += 1
        assert left == []
    assert seen == 6


def test_the_first_message_holds_one_card_and_no_message_outgrows_its_limit_by_more_than_a_card():
    cards = [dataclasses.replace(c, media=bytes(400), neighbors=()) for c in digit_cards(7, classes=CLASSES)]
    sizes = [len(messages) for messages, _ in batches(cards, most_bytes=1000)]
    assert sizes == [1, 2, 2, 2]


def test_an_answer_is_acknowledged_only_after_the_source_has_it(page, queue):
    (reply,) = page.answer("e1", "s000", label="cat")
    assert reply["type"] == "saved"
    assert reply["event_id"] == "e1"
    assert [event.event_id for event in queue.events] == ["e1"]


def test_an_answer_sent_twice_is_acknowledged_twice_and_recorded_once(page, queue):
    replies = page.answer("e1", "s000", label="cat") + page.answer("e1", "s000", label="cat")
    assert [reply["type"] for reply in replies] == ["saved", "saved"]
    assert len(queue.events) == 1


def test_what_the_source_refuses_goes_back_with_its_message(page, queue):
    queue.refuse.add("s000")
    (reply,) = page.answer("e1", "s000", label="cat")
    assert reply["type"] == "refused"
    assert "s000 is closed" in reply["message"]
    assert queue.events == []


def test_a_fault_of_the_source_is_told_to_the_page_and_not_swallowed(page, queue):
    queue.fail.add("s000")
    with pytest.raises(OSError, match="disk is full"):
        page.answer("e1", "s000", label="cat")
    assert page.heard[-1][0]["type"] == "failed"
    assert page.answer("e1", "s000", label="cat")[0]["type"] == "saved"


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "label",
        {},
        {"event_id": "", "sample_id": "a", "kind": "skip"},
        {"event_id": "e", "sample_id": "a", "kind": "delete"},
        {"event_id": "e", "sample_id": "a", "kind": "label"},
        {"event_id": "e", "sample_id": "a", "kind": "skip", "label": "cat"},
        {"event_id": "e", "sample_id": "a", "kind": "undo"},
        {"event_id": "e", "sample_id": "a", "kind": "note", "why": "x" * 10_001},
        {"event_id": 5, "sample_id": "a", "kind": "skip"},
    ],
)
def test_a_malformed_answer_is_refused_and_never_recorded(page, queue, raw):
    with pytest.raises(InputError):
        unpack(raw)
    (reply,) = page.say(type="answer", answer=raw)
    assert reply["type"] == "refused"
    assert queue.events == []


def test_a_blind_card_takes_neither_labels_nor_reasons_to_the_page():
    (card,) = digit_cards(1, classes=CLASSES, mode="blind")
    message, buffers = pack(card)
    assert message["given"] is message["suggested"] is message["prob"] is message["reveal"] is None
    assert message["reasons"] == message["votes"] == message["neighbors"] == []
    assert buffers == [card.media]


def test_a_second_opinion_hides_the_given_label_until_it_is_revealed():
    (card,) = digit_cards(1, classes=CLASSES, mode="second_opinion")
    message, _ = pack(card)
    assert message["given"] is None
    assert message["reasons"] == []
    assert message["reveal"]["given"] == "dog"


def test_answers_from_many_threads_are_all_recorded_once(page, queue):
    def label(i: int) -> None:
        for _ in range(5):
            page.answer(f"e{i}", f"s{i:03d}", label="owl")

    threads = [threading.Thread(target=label, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event.event_id for event in queue.events) == [f"e{i}" for i in range(6)]


@pytest.mark.parametrize("annotator", ["", "  ", 3, "x" * 101])
def test_an_annotator_without_a_name_is_refused(queue, annotator):
    with pytest.raises(InputError, match="annotator"):
        Labeler(queue, annotator=annotator)


def test_a_source_without_classes_and_an_empty_prefetch_are_refused():
    with pytest.raises(InputError, match="classes"):
        Labeler(MemoryQueue([], []), annotator="ana")
    with pytest.raises(InputError, match="prefetch"):
        Labeler(MemoryQueue([], ["a"]), annotator="ana", prefetch=0)


def test_an_export_shows_a_static_summary_with_class_names_escaped():
    widget = Labeler(MemoryQueue([], ["<img src=x onerror=alert(1)>"]), annotator="<b>ana</b>")
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "<img" not in data["text/html"]
    assert "<b>ana" not in data["text/html"]
    assert "0 of 0 samples answered" in data["text/html"]


def test_a_source_that_cannot_deal_is_told_to_the_page_and_not_swallowed(page, queue, monkeypatch):
    def broken(*_):
        raise OSError("the database is locked")

    monkeypatch.setattr(queue, "cards", broken)
    with pytest.raises(OSError, match="locked"):
        page.say(type="want", ask=3, n=5, have=[])
    assert page.heard[-1][0] == {"type": "trouble", "client": "p1", "ask": 3, "message": "the database is locked"}


def test_an_exported_notebook_shows_the_summary_where_no_widget_state_is_stored(queue):
    nbconvert = pytest.importorskip("nbconvert")
    import nbformat

    data, metadata = Labeler(queue, annotator="ana")._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    cell = nbformat.v4.new_code_cell("wb.labeler()", outputs=[output])
    page, _ = nbconvert.HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert "0 of 6 samples answered" in page
    assert "widget-view+json" not in page


def test_a_deal_ends_at_its_byte_limit_but_never_without_a_card():
    cards = [dataclasses.replace(c, media=bytes(400), neighbors=()) for c in digit_cards(7, classes=CLASSES)]
    assert sum(len(messages) for messages, _ in batches(cards, most_in_all=1000)) == 2
    assert sum(len(messages) for messages, _ in batches(cards, most_in_all=10)) == 1


@pytest.fixture
def nameless(queue, monkeypatch) -> Page:
    """A page of a widget that was made without an annotator."""
    page = Page(queue, monkeypatch)
    page.widget.annotator = ""
    return page


def test_without_a_name_the_page_says_who_answers(queue, nameless, monkeypatch):
    heard = []
    record = queue.record
    monkeypatch.setattr(queue, "record", lambda answer, annotator: (heard.append(annotator), record(answer, annotator)))
    raw = {"event_id": "e1", "sample_id": "s000", "kind": "skip"}
    (reply,) = nameless.say(type="answer", answer=raw, annotator="  ana   maria ")
    assert reply["type"] == "saved"
    assert heard == ["ana maria"]


@pytest.mark.parametrize("name", [None, "", " ", 7, "x" * 101])
def test_nothing_is_dealt_or_recorded_for_nobody(queue, nameless, name):
    raw = {"event_id": "e1", "sample_id": "s000", "kind": "skip"}
    assert nameless.say(type="answer", answer=raw, annotator=name)[0]["type"] == "refused"
    for kind in ("hello", "want"):
        (reply,) = nameless.say(type=kind, ask=1, n=3, annotator=name)
        assert reply["type"] == "declined"
        assert "annotator" in reply["message"]
    assert queue.events == []


def test_the_name_the_widget_was_made_for_wins_over_what_a_page_says(queue, page, monkeypatch):
    heard = []
    monkeypatch.setattr(queue, "record", lambda answer, annotator: heard.append(annotator))
    page.say(type="answer", answer={"event_id": "e1", "sample_id": "s000", "kind": "skip"}, annotator="eve")
    assert heard == ["ana"]


def test_a_page_is_told_what_the_source_offers_besides(page, queue, monkeypatch):
    assert page.say(type="hello")[0]["offers"] == ["add_class", "team"]
    monkeypatch.setattr(MemoryQueue, "alike", MemoryQueue.cards, raising=False)
    assert page.say(type="hello")[0]["offers"] == ["alike", "add_class", "team"]


def test_an_added_class_is_told_to_every_page_under_the_name_it_stands_under(page, queue, monkeypatch):
    monkeypatch.setattr(queue, "add_class", lambda name, annotator: "owl")
    (reply,) = page.say(type="add_class", name="OWL")
    assert reply == {"type": "classes", "client": "p1", "name": "owl", "classes": CLASSES}
    (reply,) = page.say(type="add_class", name=None)
    assert (reply["type"], reply["about"]) == ("declined", "add_class")


def test_classes_that_were_added_elsewhere_come_with_the_next_cards(page, queue):
    assert "classes" not in page.say(type="want", ask=1, n=1, have=[], classes=3)[-1]
    queue.add_class("bat", "bob")
    assert page.say(type="want", ask=2, n=1, have=[], classes=3)[-1]["classes"] == [*CLASSES, "bat"]


def test_look_alikes_are_asked_of_the_source_only_for_the_grid(page, queue, monkeypatch):
    monkeypatch.setattr(MemoryQueue, "alike", lambda self, n, annotator, have: self._cards[-2:], raising=False)
    replies = page.say(type="want", ask=1, n=2, have=[], alike=True)
    assert [card["sample_id"] for reply in replies for card in reply["cards"]] == ["s004", "s005"]
    replies = page.say(type="want", ask=2, n=2, have=[])
    assert [card["sample_id"] for reply in replies for card in reply["cards"]] == ["s000", "s001"]


def test_a_source_without_look_alikes_deals_its_cards(page):
    replies = page.say(type="want", ask=1, n=2, have=[], alike=True)
    assert [card["sample_id"] for reply in replies for card in reply["cards"]] == ["s000", "s001"]


def test_what_the_source_says_about_an_answer_travels_with_the_acknowledgement(page, queue, monkeypatch):
    monkeypatch.setattr(queue, "record", lambda answer, annotator: "That one was known.")
    (reply,) = page.answer("e1", "s000", label="cat")
    assert (reply["type"], reply["notice"]) == ("saved", "That one was known.")


def test_the_panel_is_plain_json(page):
    (reply,) = page.say(type="team")
    assert json.loads(json.dumps(reply["team"]))["people"][0][0] == "ana"


def test_cues_margins_and_others_are_hidden_with_what_they_would_tell():
    (card,) = digit_cards(1, classes=CLASSES)
    card = dataclasses.replace(card, cues=("cold",), margins=(0.1, -0.2), others=(("bob", "cat"),), kin=(3, 1))
    packed = {mode: pack(dataclasses.replace(card, mode=mode))[0] for mode in ("review", "blind", "second_opinion")}
    assert [packed[mode]["cues"] for mode in packed] == [["cold"], [], ["cold"]]
    assert [packed[mode]["margins"] for mode in packed] == [[0.1, -0.2], [], []]
    assert packed["review"]["reveal"] is packed["blind"]["reveal"] is None
    assert packed["second_opinion"]["reveal"]["others"] == [["bob", "cat"]]
    assert "bob" not in json.dumps({**packed["second_opinion"], "reveal": None})


def test_the_name_the_sentence_and_the_leaning_columns_are_hidden_where_they_would_tell_the_label():
    (card,) = digit_cards(1, classes=CLASSES)
    about = ("cat/cat12.jpg", "train split", "28 x 28 pixels")
    card = dataclasses.replace(card, about=about, sentence="4 of 4 models say cat.", leans={"age": "cat"})
    packed = {mode: pack(dataclasses.replace(card, mode=mode))[0] for mode in ("review", "blind", "second_opinion")}
    assert packed["review"]["about"] == list(about)
    assert packed["review"]["sentence"] == "4 of 4 models say cat."
    assert packed["review"]["leans"] == {"age": "cat"}
    for mode in ("blind", "second_opinion"):
        assert packed[mode]["about"] == ["train split", "28 x 28 pixels"]
        assert (packed[mode]["sentence"], packed[mode]["leans"]) == ("", {})


def test_an_answer_names_the_page_it_was_given_with(page, queue):
    raw = {"event_id": "e1", "sample_id": "s000", "kind": "label", "label": "cat"}
    page.say(type="answer", answer={**raw, "page": "p7"})
    page.say(type="answer", answer={**raw, "event_id": "e2", "sample_id": "s001"})
    assert [event.page for event in queue.events] == ["p7", ""]
    for wrong in (7, "x" * 101):
        (reply,) = page.say(type="answer", answer={**raw, "event_id": "e3", "page": wrong})
        assert reply["type"] == "refused"
        assert "page" in reply["message"]


def test_the_summary_is_an_output_of_its_own_that_an_export_of_an_executed_notebook_shows(queue, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    Labeler(queue, annotator="ana")._ipython_display_()
    summary, live = shown
    assert "0 of 6 samples answered" in summary["text/html"]
    assert "text/html" not in live
    assert "application/vnd.jupyter.widget-view+json" in live


@pytest.mark.parametrize(
    ("models", "alike", "label", "said"),
    [
        ({"cat": 4}, {"cat": 10}, "cat", "4 of 4 models and 10 of 10 look-alikes say cat."),
        ({"cat": 1}, {}, "cat", "The model says cat."),
        ({"dog": 1}, {}, "cat", "The model says dog, not cat."),
        (
            {"dog": 3, "cat": 1},
            {"cat": 3},
            "cat",
            "1 of 4 models and 3 of 3 look-alikes say cat; 3 of 4 models say dog.",
        ),
        ({"cat": 4}, {"owl": 2}, "cat", "4 of 4 models and 0 of 2 look-alikes say cat; 2 of 2 look-alikes say owl."),
        ({}, {}, "cat", ""),
        ({"cat": 4}, {}, None, ""),
    ],
)
def test_one_sentence_says_what_speaks_for_the_suggestion_and_what_against(models, alike, label, said):
    assert evidence_sentence(models, alike, label) == said
