"""Grid pages are measured: a tenth of each is asked again, blind, and that answer counts."""

from __future__ import annotations

import pytest

from dqkit.relabel import Answer
from dqkit.workbench.labelling import QueueCards
from tests.workbench.conftest import quick


@pytest.fixture
def source(bench):
    bench.run_round(budget=40, estimators=quick(), progress=False, audit_share=0)
    return QueueCards(bench.state)


def confirm(source, cards, label="red", page="p1"):
    for i, card in enumerate(cards):
        source.record(Answer(f"{page}-{i}", card.sample_id, "label", label, page=page), "ana")


def test_a_page_is_asked_about_only_after_ten_other_decisions_blind_and_by_a_tenth(bench, source):
    page = source.cards(12, "ana", ())
    confirm(source, page)
    asked = {card.sample_id for card in page}
    for i in range(10):
        dealt = source.cards(8, "ana", ())
        assert not {card.sample_id for card in dealt} & asked
        source.record(Answer(f"e{i}", dealt[0].sample_id, "label", "green"), "ana")
    again = [card for card in source.cards(8, "ana", ()) if card.sample_id in asked]
    assert len(again) == 1  # a tenth of twelve would be two; one after every fifth card
    assert (again[0].mode, again[0].suggested_label, again[0].given_label, again[0].about) == ("blind", None, None, ())


def test_the_answer_counts_and_the_error_of_the_page_is_reported(bench, source):
    page = source.cards(20, "ana", ())
    confirm(source, page)
    for i in range(10):
        source.record(Answer(f"e{i}", source.cards(1, "ana", ())[0].sample_id, "label", "green"), "ana")
    table = bench.page_checks().iloc[0]
    assert (table["page"], table["confirmed"], table["checked"], table["label"]) == ("p1", 20, 0, "red")
    asked = [c for c in source.cards(10, "ana", ()) if c.sample_id in {p.sample_id for p in page}]
    assert len(asked) == 2
    said = source.record(Answer("c1", asked[0].sample_id, "label", "blue"), "ana")
    assert said == (
        "Asked again blind: the page said red, you said blue, which counts. "
        "Of 1 such samples, 1 differ from their pages."
    )
    assert source.record(Answer("c2", asked[1].sample_id, "label", "red"), "ana") is None
    assert bench.labels().loc[asked[0].sample_id, "label"] == "blue"
    table = bench.page_checks().iloc[0]
    assert (table["checked"], table["differs"], table["error"]) == (2, 1, 0.5)
    assert table["low"] < 0.5 < table["high"]
    assert not {c.sample_id for c in source.cards(10, "ana", ())} & {p.sample_id for p in page}


def test_at_the_end_of_the_queue_nothing_is_waited_for(bench, source):
    page = source.cards(40, "ana", ())
    confirm(source, page)
    left = source.cards(10, "ana", ())
    assert len(left) == 4
    assert all(card.mode == "blind" for card in left)
    assert source.cards(10, "ana", [card.sample_id for card in left]) == []


def test_an_undone_page_is_not_asked_about(bench, source):
    page = source.cards(40, "ana", ())
    confirm(source, page)
    for i, card in enumerate(page):
        source.record(Answer(f"u{i}", card.sample_id, "undo", undoes=f"p1-{i}"), "ana")
    assert bench.page_checks().empty
    assert {card.mode for card in source.cards(40, "ana", ())} == {"review"}
