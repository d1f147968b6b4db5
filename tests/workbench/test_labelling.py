from __future__ import annotations

import gc
import io
import weakref

import numpy as np
import pytest
from PIL import Image

import dqkit as dq
from dqkit.relabel import Answer
from dqkit.workbench.evidence import answers
from dqkit.workbench.labelling import QueueCards
from tests.workbench.conftest import quick


@pytest.fixture
def cards(bench):
    bench.run_round(budget=12, estimators=quick(), progress=False)
    return QueueCards(bench.state)


def test_cards_come_in_queue_order_with_what_a_person_needs(bench, cards):
    queue = bench.rounds[-1].queue
    dealt = cards.cards(5, "ana", ())
    assert [card.sample_id for card in dealt] == queue["sample_id"].tolist()[:5]
    for card, (_, row) in zip(dealt, queue.iterrows(), strict=False):
        assert card.action == row["action"]
        assert card.suggested_label == row["suggested_label"]
        assert sum(card.votes.values()) == pytest.approx(1)
        assert card.mime == "application/json"
        assert card.mode == ("blind" if row["control"] else "review")


def test_answers_become_events_once_and_progress_counts_them(bench, cards):
    card = cards.cards(1, "ana", ())[0]
    for _ in range(2):
        cards.record(Answer("e1", card.sample_id, "label", "red"), "ana")
    assert bench.history(card.sample_id)["label"].tolist() == ["red"]
    assert cards.progress() == (1, 12)
    assert [(a.event_id, a.label) for a in cards.history("ana", 10)] == [("e1", "red")]
    assert card.sample_id not in [c.sample_id for c in cards.cards(12, "ana", ())]


def test_an_undone_answer_is_dealt_again(bench, cards):
    card = cards.cards(1, "ana", ())[0]
    cards.record(Answer("e1", card.sample_id, "skip"), "ana")
    cards.record(Answer("e2", card.sample_id, "undo", undoes="e1"), "ana")
    assert cards.progress() == (0, 12)
    assert cards.history("ana", 10) == []
    assert cards.cards(1, "ana", ())[0].sample_id == card.sample_id


def test_two_people_are_never_dealt_the_same_sample(cards):
    ana = {card.sample_id for card in cards.cards(6, "ana", ())}
    bob = {card.sample_id for card in cards.cards(12, "bob", ())}
    assert len(ana) == len(bob) == 6
    assert not ana & bob


def test_a_bad_answer_is_refused_and_leaves_no_event(bench, cards):
    card = cards.cards(1, "ana", ())[0]
    with pytest.raises(dq.InputError, match="purple"):
        cards.record(Answer("e1", card.sample_id, "label", "purple"), "ana")
    with pytest.raises(dq.InputError, match="e9"):
        cards.record(Answer("e2", card.sample_id, "undo", undoes="e9"), "ana")
    assert bench.store.events().empty


def test_images_without_files_are_sent_as_png_with_thumbnails_of_their_neighbours(tmp_path):
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    images = (rng.integers(0, 60, size=(60, 6, 6)) + 150 * truth[:, None, None]).astype(np.uint8)
    with dq.Workbench.create(tmp_path / "wb", dq.from_arrays(images, truth, classes=["dark", "light"])) as bench:
        bench.run_round(budget=4, estimators=quick(), progress=False)
        card = QueueCards(bench.state).cards(1, "ana", ())[0]
        at = int(bench.dataset.positions([card.sample_id])[0])
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(card.media))), images[at])
        assert card.neighbors
        assert all(label in {"dark", "light"} for _, label in card.neighbors)
        assert all(thumbnail.startswith(b"\x89PNG") for thumbnail, _ in card.neighbors)


def test_image_files_are_sent_as_they_are_and_a_vanished_one_from_the_pixels(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    for i in range(20):
        for name, color in (("a", (250, 10, 10)), ("b", (10, 10, 250))):
            (tmp_path / "d" / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20 + i, 20), color).save(tmp_path / "d" / name / f"{i}.jpg")
    with dq.Workbench.create(tmp_path / "wb", dq.from_folder(tmp_path / "d", progress=False)) as bench:
        bench.run_round(budget=2, estimators=quick(), progress=False)
        card = QueueCards(bench.state).cards(1, "ana", ())[0]
        file = tmp_path / "d" / card.sample_id
        assert (card.media, card.mime, card.note) == (file.read_bytes(), "image/jpeg", "")
        file.unlink()
        again = QueueCards(bench.state).cards(1, "ana", ())[0]
        assert again.sample_id == card.sample_id
        assert again.mime == "image/png"
        assert again.note.startswith("The original file is gone.")
        assert again.media.startswith(b"\x89PNG")


def test_nothing_of_a_closed_workbench_stays_in_memory(tmp_path):
    def shown_and_closed() -> list[weakref.ref]:
        texts = ["good warm day", "good sun", "good again", "bad rain", "bad cold rain", "rain"] * 20
        bench = dq.Workbench.create(tmp_path / "wb", dq.from_arrays(texts, [0, 0, 0, 1, 1, 1] * 20, classes=["a", "b"]))
        bench.run_round(budget=10, progress=False)
        cards = QueueCards(bench.state)
        assert cards.cards(3, "ana", ())
        assert cards.alike(3, "bo", ())
        left = [weakref.ref(bench.state), weakref.ref(bench.rounds[-1])]
        bench.close()
        return left

    left = shown_and_closed()
    gc.collect()
    assert [what() for what in left] == [None, None]


def test_asked_to_review_everything_nothing_is_blind_and_the_audit_sample_does_not_count(bench):
    bench.run_round(budget=12, estimators=quick(), progress=False, audit_share=0.5)
    queue = bench.rounds[-1].queue
    control = set(queue.loc[queue["control"], "sample_id"])
    assert control
    review = QueueCards(bench.state, mode="review")
    dealt = review.cards(12, "ana", ())
    assert {card.mode for card in dealt} == {"review"}
    assert all(card.suggested_label for card in dealt)
    for i, card in enumerate(dealt):
        review.record(Answer(f"e{i}", card.sample_id, "label", "red"), "ana")
    known = answers(bench.state)
    assert len(known) == 12
    assert not known["control"].any()


def test_a_card_shows_the_most_probable_label_and_its_probability_as_the_queue_has_it(bench, cards):
    queue = bench.rounds[-1].queue.set_index("sample_id")
    for card in cards.cards(12, "ana", ()):
        if card.mode != "review":
            continue
        row = queue.loc[card.sample_id]
        assert card.suggested_prob == pytest.approx(row["probability"])
        assert (card.suggested_label == card.given_label) == (row["proposal"] == "keep")
        assert card.sentence.endswith(".")
        assert card.about == (card.sample_id, "train split", "4 columns")


def test_a_second_opinion_is_not_told_by_what_is_suggested(bench, cards):
    first = next(card for card in cards.cards(12, "ana", ()) if card.mode == "review")
    bench.store.overlap(2)
    cards.record(Answer("e1", first.sample_id, "label", "red"), "ana")
    second = next(card for card in cards.cards(12, "bob", ()) if card.sample_id == first.sample_id)
    assert (second.mode, second.suggested_label) == ("second_opinion", None)


def test_a_round_shows_the_head_of_its_queue_in_pictures_of_bounded_size(tmp_path):
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    images = (rng.integers(0, 60, size=(60, 6, 6)) + 150 * truth[:, None, None]).astype(np.uint8)
    names = ["<b>dark</b>", "light"]
    with dq.Workbench.create(tmp_path / "wb", dq.from_arrays(images, truth, classes=names)) as bench:
        bench.run_round(budget=20, estimators=quick(), progress=False)
        page = bench.rounds[-1]._repr_html_()
    assert page.count('src="data:image/png;base64,') == 8
    assert "<b>dark" not in page
    assert len(page) < 400_000
