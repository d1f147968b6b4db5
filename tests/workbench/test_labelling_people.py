"""Several people at one workbench: names, overlap, gold questions, added classes, agreement; and what cards show."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

import dqkit as dq
from dqkit.datasets.labels import class_key
from dqkit.relabel import Answer
from dqkit.rounds.classes import widened
from dqkit.workbench import gold as questions
from dqkit.workbench.agreement import cohen_kappa, fleiss_kappa, in_words
from dqkit.workbench.alike import cuts, order, pages
from dqkit.workbench.cues import Cues, log_odds
from dqkit.workbench.labelling import QueueCards
from tests.workbench.conftest import quick, small


@pytest.fixture
def cards(bench):
    bench.run_round(budget=30, estimators=quick(), progress=False)
    return QueueCards(bench.state)


def answer(source, card, label="red", *, annotator, event_id=None):
    made = Answer(event_id or f"{annotator}-{card.sample_id}", card.sample_id, "label", label)
    return source.record(made, annotator)


# --- overlap and second opinions


def test_what_somebody_else_answered_is_a_second_opinion_with_the_others_named(bench, cards):
    bench.store.overlap(2)
    first = next(card for card in cards.cards(30, "ana", ()) if card.mode == "review")
    answer(cards, first, annotator="ana")
    second = next(card for card in cards.cards(30, "bob", ()) if card.sample_id == first.sample_id)
    assert second.mode == "second_opinion"
    assert second.others == (("ana", "red"),)
    assert first.sample_id not in [card.sample_id for card in cards.cards(30, "ana", ())]


def test_progress_counts_every_answer_that_is_wanted(bench, cards):
    bench.labeler("ana", overlap=2, overlap_share=0.5)
    card = cards.cards(1, "ana", ())[0]
    answer(cards, card, annotator="ana")
    assert cards.progress() == (1, 45)


def test_a_mode_holds_for_every_sample_but_the_random_audit_sample_stays_blind(bench, cards):
    dealt = QueueCards(bench.state, mode="second_opinion").cards(30, "ana", ())
    control = set(bench.rounds[-1].queue.query("control")["sample_id"])
    assert control
    assert all(card.mode == ("blind" if card.sample_id in control else "second_opinion") for card in dealt)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "loud"}, "mode"),
        ({"overlap": 0}, "overlap"),
        ({"overlap": 2, "overlap_share": 2}, "overlap_share"),
        ({"gold": ["a"]}, "gold"),
        ({"gold": {"nope": "red"}}, "nope"),
    ],
)
def test_a_bad_option_is_refused_and_changes_nothing(bench, cards, options, words):
    with pytest.raises(dq.InputError, match=words):
        bench.labeler("ana", **options)
    assert cards.progress() == (0, 30)
    assert questions.answers(bench.state) == {}


def test_a_name_is_not_needed_but_an_empty_one_is_refused(bench, cards):
    assert bench.labeler().annotator == ""
    assert bench.labeler(" ana ").annotator == "ana"
    with pytest.raises(dq.InputError, match="annotator"):
        bench.labeler("")


# --- gold questions


@pytest.fixture
def gold(bench, cards):
    queued = set(bench.rounds[-1].queue["sample_id"])
    free = [i for i in bench.dataset.ids if i not in queued][:3]
    bench.labeler("ana", gold=dict.fromkeys(free, "green"))
    return free


def test_one_in_ten_samples_is_a_gold_question_and_looks_like_a_blind_one(bench, cards, gold):
    dealt = cards.cards(30, "ana", ())
    at = [i for i, card in enumerate(dealt) if card.sample_id in gold]
    assert at == [5, 16, 27]
    assert len(dealt) == 33
    for i in at:
        assert (dealt[i].mode, dealt[i].suggested_label, dealt[i].given_label) == ("blind", None, None)


def test_gold_questions_come_at_the_same_pace_whatever_the_page_already_holds(cards, gold):
    held: list[str] = []
    while len(held) < 33:
        held += [card.sample_id for card in cards.cards(4, "ana", held)]
    assert [i for i, sample_id in enumerate(held) if sample_id in gold] == [5, 16, 27]


def test_a_wrong_answer_to_a_gold_question_gets_a_notice_and_is_never_a_label(bench, cards, gold):
    card = next(card for card in cards.cards(30, "ana", ()) if card.sample_id in gold)
    said = answer(cards, card, "red", annotator="ana")
    assert "green" in said
    assert "red" in said
    assert answer(cards, card, "red", annotator="ana") == said  # sent again
    assert bench.store.events().empty
    assert [a.event_id for a in cards.history("ana", 10)] == [f"ana-{card.sample_id}"]
    assert cards.progress() == (1, 31)
    assert card.sample_id not in [c.sample_id for c in cards.cards(30, "ana", ())]


def test_an_undone_gold_question_is_asked_again_but_the_first_answer_counts(bench, cards, gold):
    card = next(card for card in cards.cards(30, "ana", ()) if card.sample_id in gold)
    answer(cards, card, "red", annotator="ana")
    cards.record(Answer("u", card.sample_id, "undo", undoes=f"ana-{card.sample_id}"), "ana")
    assert cards.history("ana", 10) == []
    assert card.sample_id in [c.sample_id for c in cards.cards(30, "ana", ())]
    assert answer(cards, card, "green", annotator="ana", event_id="e2") is None
    assert bench.agreement().annotators.loc["ana", ["known", "known_right"]].tolist() == [1, 0]


def test_a_gold_question_about_a_sample_of_the_queue_is_both_a_check_and_a_label(bench, cards):
    card = cards.cards(1, "ana", ())[0]
    bench.labeler("ana", gold={card.sample_id: "green"})
    assert "green" in answer(cards, card, "red", annotator="ana")
    assert bench.history(card.sample_id)["label"].tolist() == ["red"]
    cards.record(Answer("u", card.sample_id, "undo", undoes=f"ana-{card.sample_id}"), "ana")
    assert bench.history(card.sample_id)["kind"].tolist() == ["label", "undo"]


# --- added classes


def test_an_added_class_is_there_for_labels_and_for_every_other_process(bench, cards):
    with dq.Workbench.open(bench.path) as other:
        assert other.dataset.classes == ("red", "green", "blue")
        assert cards.add_class("  dark   red ", "ana") == "dark red"
        assert cards.classes == ("red", "green", "blue", "dark red")
        sample = bench.dataset.ids[0]
        other.record(sample, "dark red", annotator="bob")
        assert bench.labels().loc[sample, "label"] == "dark red"
        assert bench.dataset_now().labels[0] == 3
        assert other.dataset_now().labels[0] == 3
    with dq.Workbench.open(bench.path) as again:
        assert again.dataset.classes[3] == "dark red"


def test_a_name_that_differs_in_case_or_spaces_is_the_class_that_is_there(bench):
    assert bench.add_class("RED ", annotator="ana") == "red"
    assert bench.add_class("Teal", annotator="ana") == "Teal"
    assert bench.add_class(" teal", annotator="bob") == "Teal"
    assert bench.dataset.classes == ("red", "green", "blue", "Teal")
    assert class_key("ﬁne  Line") == class_key("Fine line")


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\x00b"])
def test_a_name_that_is_none_is_no_class(bench, name):
    with pytest.raises(dq.InputError, match="class name"):
        bench.add_class(name, annotator="ana")
    with pytest.raises(dq.InputError, match="annotator"):
        bench.add_class("fine", annotator="")


@pytest.mark.slow
def test_rounds_rankings_and_reports_cope_with_a_class_that_no_model_knew(bench, cards, tmp_path):
    bench.add_class("teal", annotator="ana")
    ids = [card.sample_id for card in cards.cards(8, "ana", ())]
    bench.record(ids[0], "teal", annotator="ana")
    bench.rerank()
    assert len(cards.cards(4, "ana", ())) == 4
    bench.report(tmp_path / "health.html")
    for sample_id in ids[1:]:
        bench.record(sample_id, "teal", annotator="ana")
    rnd = bench.run_round(budget=10, estimators=quick(), progress=False, seed=1)
    assert rnd.predictions.classes == ("red", "green", "blue", "teal")
    assert np.allclose(rnd.predictions.pred_probs.sum(axis=1), 1, atol=1e-3)


def test_a_round_runs_with_one_label_of_a_new_class(bench, cards):
    bench.add_class("teal", annotator="ana")
    bench.record(cards.cards(1, "ana", ())[0].sample_id, "teal", annotator="ana")
    assert len(bench.run_round(budget=10, estimators=quick(), progress=False, seed=1).queue) == 10


def test_predictions_are_widened_with_zeros_and_keep_what_they_said():
    dynamics = {"epochs": np.zeros((2, 3, 2))}
    before = dq.records.Predictions.from_arrays([[0.2, 0.8], [1, 0]], ids=["a", "b"], classes=["x", "y"])
    after = widened(dataclasses.replace(before, dynamics=dynamics), ["x", "y", "z"])
    assert after.pred_probs == pytest.approx(np.array([[0.2, 0.8, 0], [1, 0, 0]]))
    assert after.dynamics["epochs"].shape == (2, 3, 3)
    assert widened(before, ["x", "y"]) is before


# --- agreement


def test_kappa_is_that_of_scikit_learn_and_of_a_hand_calculation():
    rng = np.random.default_rng(0)
    a, b = rng.integers(4, size=200), rng.integers(4, size=200)
    b[:120] = a[:120]
    assert cohen_kappa(a, b) == pytest.approx(cohen_kappa_score(a, b))
    # Fleiss (1971), ten subjects by fourteen raters in five classes: kappa 0.210.
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    rows = [[c for c, n in enumerate(row) for _ in range(n)] for row in counts]
    assert fleiss_kappa(rows, 5) == pytest.approx(0.210, abs=5e-4)


def test_kappa_reads_only_what_both_answered_and_knows_nothing_without_it():
    assert cohen_kappa([0, 1, -1, 1], [0, 1, 1, -1]) == 1
    assert np.isnan(cohen_kappa([-1], [0]))
    assert np.isnan(fleiss_kappa([[0, -1], [1, -1]], 2))
    assert fleiss_kappa([[0, 0], [0, 0]], 2) == 1
    assert [in_words(k) for k in (-0.1, 0.1, 0.5, 0.9)] == ["no", "slight", "moderate", "almost perfect"]


def test_the_panel_says_who_agrees_with_whom_and_how_good_each_is(bench, cards):
    truth = dict(zip(bench.dataset.ids, np.array(bench.dataset.classes)[bench.dataset.true_labels], strict=True))
    ids = bench.rounds[-1].queue["sample_id"].tolist()
    rng = np.random.default_rng(0)
    for sample_id in ids:
        bench.record(sample_id, truth[sample_id], annotator="ana")
        bench.record(sample_id, truth[sample_id], annotator="bob")
        bench.record(sample_id, str(rng.choice(bench.dataset.classes)), annotator="cy")
    found = bench.agreement()
    assert found.shared == 30
    assert found.method.startswith("CROWDLAB")
    assert found.annotators["quality"].idxmin() == "cy"
    pair = found.pairs.set_index(["first", "second"]).loc[("ana", "bob")]
    assert (pair["shared"], pair["agree"], pair["kappa"]) == (30, 1, 1)
    panel = cards.team()
    assert "30 samples" in panel.headline
    assert [row[:2] for row in panel.people] == [("ana", "30"), ("bob", "30"), ("cy", "30")]
    assert {row[0] for row in panel.classes} <= set(bench.dataset.classes)


def test_without_any_answer_the_panel_says_so(bench, cards):
    assert "not known" in cards.team().headline
    assert cards.team().people == ()
    assert "not known yet" in repr(bench.agreement())


# --- look-alikes


def test_a_page_holds_one_suggestion_and_stands_in_an_order_of_likeness():
    rng = np.random.default_rng(0)
    side = np.arange(40) % 2
    x = (side[:, None] * 10 + rng.normal(size=(40, 3))).astype(np.float32)
    queue = pd.DataFrame({
        "sample_id": [f"s{i}" for i in range(40)], "suggested_label": ["a"] * 30 + ["b"] * 10,
        "action": ["relabel"] * 39 + ["second_opinion"], "control": [True] + [False] * 39,
    })  # fmt: skip
    found = pages(queue, x)
    assert set(found) == {f"s{i}" for i in range(1, 39)}
    first = sorted((place, int(name[1:])) for name, (page, place) in found.items() if page == 0)
    assert {queue["suggested_label"][i] for _, i in first} == {"a"}
    sides = [side[i] for _, i in first]
    assert sum(a != b for a, b in itertools.pairwise(sides)) == 1


@pytest.mark.parametrize("n", [1, 12, 48, 49, 100, 1000, 2500])
def test_pages_hold_between_twelve_and_sixty_where_there_are_so_many(n):
    rng = np.random.default_rng(n)
    sizes = np.diff([0, *cuts(n, rng.random(n - 1) if n > 1 else None), n])
    assert sizes.sum() == n
    assert sizes.max() <= 60
    assert sizes.min() >= min(n, 12)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 1500])
def test_an_order_of_likeness_is_a_permutation(n):
    x = np.random.default_rng(0).normal(size=(n, 4))
    assert sorted(order(x)) == list(range(n))


def test_look_alikes_are_dealt_page_by_page_and_leased(bench, cards):
    dealt = cards.alike(30, "ana", ())
    numbers = [card.kin[0] for card in dealt]
    assert len({card.sample_id for card in dealt}) == len(dealt)
    assert numbers == sorted(numbers, key=numbers.index)
    by_page = {number: {c.suggested_label for c in dealt if c.kin[0] == number} for number in numbers}
    assert all(len(labels) == 1 for labels in by_page.values())
    assert not {c.sample_id for c in dealt} & {c.sample_id for c in cards.alike(30, "bob", ())}


# --- words and histories


def test_log_odds_are_those_of_a_hand_calculation():
    # Two texts in class 0, both with the word; three in class 1, none with it.
    (inside,), (outside,) = log_odds(np.array([[2.0], [0.0]]), np.array([2, 3]))
    lean = np.log(2.5 / 0.5) - np.log(0.5 / 3.5)
    error = np.sqrt(1 / 2.5 + 1 / 0.5 + 1 / 0.5 + 1 / 3.5)
    assert (inside, outside) == (pytest.approx(lean / error), pytest.approx(-lean / error))


def test_the_words_that_speak_for_the_suggestion_travel_with_a_text(tmp_path):
    rng = np.random.default_rng(0)
    truth = np.arange(80) % 2
    texts = [f"the {'sunny' if t == 0 else 'rainy'} day {rng.integers(9)} went by" for t in truth]
    texts[0] += " <b>rainy</b>"
    with dq.Workbench.create(tmp_path / "wb", dq.from_arrays(texts, truth, classes=["sun", "rain"])) as bench:
        bench.run_round(budget=10, progress=False, seed=0)
        for card in QueueCards(bench.state).cards(10, "ana", ()):
            assert set(card.cues) <= {"sunny", "rainy"}
            assert card.cues[:1] == (("sunny",) if card.suggested_label == "sun" else ("rainy",))
            assert all(thumbnail.decode().startswith("the ") for thumbnail, _ in card.neighbors)


def test_texts_without_a_word_that_occurs_twice_have_no_cues():
    assert Cues(["a b", "c d"], [0, 1], 2).of("a b", 0) == ()
    assert Cues([], [], 2).of("a b", 0) == ()


def test_the_margin_of_the_given_label_is_shown_only_where_there_is_a_history(tmp_path, monkeypatch):
    with dq.Workbench.create(tmp_path / "wb", small(120)) as bench:
        rnd = bench.run_round(budget=4, estimators=quick(), progress=False)
        plain = QueueCards(bench.state).cards(4, "ana", ())
        assert [card.margins for card in plain] == [()] * 4
        n = len(bench.dataset)
        probs = np.tile(np.array([0.5, 0.3, 0.2]), (n, 2, 1))
        monkeypatch.setitem(rnd.__dict__, "predictions", dataclasses.replace(rnd.predictions, dynamics={"p": probs}))
        expected = {"red": 0.2, "green": -0.2, "blue": -0.3}
        for card in QueueCards(bench.state).cards(4, "ana", ()):
            want = () if card.given_label is None else pytest.approx((expected[card.given_label],) * 2)
            assert card.margins == want
