"""A label pull request: what changed, and who reviewed it."""

from __future__ import annotations

import pandas as pd
import pytest

import dqkit as dq

from .conftest import pairs


def test_a_change_says_what_was_given_what_is_now_and_who_said_why(pets):
    pets.record("s1", "cat", annotator="ana", why="it purrs")
    pets.record("s0", "cat", annotator="ana")  # as given: no change
    event = pets.record("s4", "dog", annotator="ben")
    table = pets.changes()
    assert list(table.columns[:9]) == [
        "sample_id",
        "given",
        "now",
        "annotator",
        "source",
        "at",
        "round",
        "why",
        "event_id",
    ]
    assert pairs(table) == [("s1", "dog", "cat", "ana"), ("s4", None, "dog", "ben")]
    assert table["why"].tolist() == ["it purrs", ""]
    assert table["event_id"][1] == event.event_id


def test_since_a_moment_only_what_is_another_label_than_then(pets):
    pets.record("s1", "cat", annotator="ana")
    pets.record("s0", "dog", annotator="ana")
    moment = pets.record("s2", "dog", annotator="ana").at
    rows = pets.changes(since=moment)
    assert pairs(rows) == [("s2", "cat", "dog", "ana")]
    pets.undo(annotator="eva", undoes=pets.changes()["event_id"][0])
    rows = pets.changes(since=moment).set_index("sample_id")
    # s1 is as it was given, and so another label than at that moment; the undo says who did it.
    assert rows.loc["s1", ["given", "before", "now", "annotator"]].tolist() == ["dog", "cat", "dog", "eva"]
    assert set(pets.changes()["sample_id"]) == {"s0", "s2"}
    assert len(pets.changes(since="2001-01-01")) == 2
    assert len(pets.changes(since=pd.Timestamp("2100-01-01"))) == 0


@pytest.mark.parametrize("since", [True, -1, "yesterday-ish", 1.5, ""])
def test_a_since_that_is_no_time_and_no_round_is_refused(pets, since):
    with pytest.raises(dq.InputError, match="since"):
        pets.changes(since=since)


def test_a_second_person_approves_and_the_author_cannot(pets):
    pets.record("s1", "cat", annotator="ana")
    pets.record("s4", "dog", annotator="ben")
    found = pets.review(approve=True, annotator="Ana ")
    assert found["outcome"].tolist() == ["not reviewed", "approved"]
    assert "another person" in found["problem"][0]
    assert pets.changes()["reviewed_by"].tolist() == [None, "Ana "]
    assert pets.review(approve=["s4"], annotator="Ana ")["outcome"].tolist() == ["approved before"]
    assert pets.history("s4")["kind"].tolist() == ["label", "note"]


def test_all_of_one_author_is_reverted_and_the_labels_before_come_back(pets):
    for sample in ("s0", "s2", "s5"):
        pets.record(sample, "dog", annotator="ben")
    pets.record("s1", "cat", annotator="ana")
    found = pets.review(revert="ben", annotator="eva", why="wrong guide")
    assert found["outcome"].tolist() == ["reverted"] * 3
    assert pairs(pets.changes()) == [("s1", "dog", "cat", "ana")]
    assert pets.labels().loc["s0", ["label", "source"]].tolist() == ["cat", "given"]
    assert pets.history("s0")["kind"].tolist() == ["label", "undo"]
    assert pets.history("s0")["why"].tolist() == ["", "wrong guide"]


def test_what_changed_after_the_list_was_made_is_not_reviewed(pets):
    pets.record("s1", "cat", annotator="ana")
    seen = pets.changes()
    pets.undo(annotator="ana")
    pets.record("s1", "cat", annotator="ben")
    found = pets.review(seen, approve=True, annotator="eva")
    assert found["outcome"].tolist() == ["not reviewed"]
    assert "changed again" in found["problem"][0]


@pytest.mark.parametrize("options", [{"approve": ["s9"]}, {"approve": ["s1"], "revert": "ana"}, {"revert": "nobody"}])
def test_a_review_of_what_is_no_change_is_refused_and_writes_nothing(pets, options):
    pets.record("s1", "cat", annotator="ana")
    before = len(pets.store.events())
    with pytest.raises(dq.InputError, match="Nothing was written"):
        pets.review(annotator="eva", **options)
    assert len(pets.store.events()) == before


def test_the_page_shows_each_change_escaped_and_needs_no_javascript(pets, tmp_path):
    pets.record("s1", "cat", annotator="<b>ana</b>", why="<script>alert(1)</script>")
    page = pets.changes_page(tmp_path / "changes.html")
    text = page.read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in text
    assert "<script" not in text
    assert "<b>ana" not in text
    assert "Pets &amp; &lt;co&gt;" in text
    assert "text 1" in text
    assert pd.read_csv(tmp_path / "changes.csv")["now"].tolist() == ["cat"]
    with pytest.raises(dq.InputError, match="exists"):
        pets.changes_page(tmp_path / "changes.html")
    assert pets.changes_page(tmp_path / "changes.html", overwrite=True) == page


@pytest.mark.parametrize("rows", [5, [5], [["s0"]], {"s0": 1}.items()])
def test_a_review_of_what_is_no_sample_is_refused(pets, rows):
    pets.record("s0", "dog", annotator="ana")
    with pytest.raises(dq.InputError, match="approve must"):
        pets.review(pets.changes(), approve=rows, annotator="eva")
