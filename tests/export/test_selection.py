from __future__ import annotations

import pandas as pd
import pytest

import dqkit as dq
from dqkit.export import Material
from dqkit.export.selection import choose
from dqkit.records import InputError


def event(
    event_id, sample_id, label=None, *, kind="label", by="ana", source="human", why="", undoes=None, at="2026-01-01"
):
    return {
        "event_id": event_id,
        "sample_id": sample_id,
        "kind": kind,
        "label": label,
        "source": source,
        "annotator": by,
        "at": "2026-01-01T00:00:00.000+00:00",
        "round": 1,
        "why": why,
        "undoes": undoes,
    }


DATASET = dq.from_arrays(
    ["a", "b", "c", "d", "e", "f"],
    ["cat", "cat", "dog", "dog", None, None],
    ids=list("abcdef"),
    split=["train", "train", "train", "test", "train", "train"],
)
EVENTS = pd.DataFrame(
    [
        event("1", "a", "dog", why="barks"),
        event("2", "b", "dog"),
        event("3", "b", "cat", by="ben"),
        event("4", "c", "dog"),
        event("5", "c", "dog", by="ben"),
        event("6", "d", kind="flag"),
        event("7", "e", "cat", source="weak", by="rules", why="p 0.9"),
    ]
)
CURRENT = pd.DataFrame(
    {
        "label": ["dog", "cat", "dog", "dog", "cat", None],
        "source": ["human", "human", "human", "given", "weak", None],
        "annotator": ["ana", "ben", "ben", None, "rules", None],
        "at": None,
        "round": [1, 1, 1, 0, 1, 0],
    },
    index=list("abcdef"),
    dtype=object,
).astype({"round": int})
SIGNALS = pd.DataFrame(
    {
        "label_flag": [True, False, False, True, False, False],
        "outlier": [False, True, False, False, False, False],
        "duplicate_group": [0, -1, 0, 0, 1, 1],
        "suggested_label": ["dog"] * 6,
        "error_probability": [0.9, 0.1, 0.1, 0.8, 0.0, 0.0],
    },
    index=list("abcdef"),
)
MATERIAL = Material(DATASET, CURRENT, EVENTS, SIGNALS)


def ids(**options):
    return list(choose(MATERIAL, **options).table["sample_id"])


def test_only_labels_that_people_set_agree_on_or_reviewed():
    assert ids() == list("abcdef")
    assert ids(labels="human") == ["a", "b", "c"]
    assert ids(labels="confirmed") == ["a", "c"]  # ana and ben disagree about b
    assert ids(labels="reviewed") == ["c"]
    assert choose(MATERIAL, labels="human").dropped == {"not labelled by a person": 3}


def test_an_approval_by_another_person_settles_a_disagreement_and_ones_own_does_not():
    own = pd.concat([EVENTS, pd.DataFrame([event("8", "b", kind="note", by="Ben ", why="approves event 3")])])
    assert list(choose(Material(DATASET, CURRENT, own), labels="reviewed").table["sample_id"]) == ["c"]
    other = pd.concat([EVENTS, pd.DataFrame([event("8", "b", kind="note", by="eva", why="approves event 3: clear")])])
    assert list(choose(Material(DATASET, CURRENT, other), labels="reviewed").table["sample_id"]) == ["b", "c"]


def test_a_weak_label_counts_only_when_asked():
    assert choose(MATERIAL).table["label"].tolist() == ["dog", "cat", "dog", "dog", None, None]
    asked = choose(MATERIAL, weak=True)
    assert asked.table["label"].tolist() == ["dog", "cat", "dog", "dog", "cat", None]
    assert asked.table.loc[4, "why"] == "p 0.9"
    assert choose(MATERIAL).table["weak_label"].tolist() == [None, None, None, None, "cat", None]


def test_each_row_that_is_dropped_is_counted_under_its_first_reason():
    chosen = choose(MATERIAL, drop=["flagged", "label_errors", "outliers", "duplicates", "unlabeled"])
    # d is flagged; a is flagged as an error, but a person decided it; b is an outlier; of a and c, a comes first.
    assert chosen.dropped == {"flagged": 1, "label_errors": 0, "outliers": 1, "duplicates": 2, "unlabeled": 1}
    assert list(chosen.table["sample_id"]) == ["a"]


def test_of_duplicates_the_test_sample_stays():
    assert ids(drop="duplicates") == ["b", "d", "e"]


def test_the_flags_and_the_reason_of_each_row_are_told():
    table = choose(MATERIAL).table.set_index("sample_id")
    assert table["flags"].tolist() == [
        "label_error; duplicate",
        "outlier",
        "duplicate",
        "label_error; duplicate; flagged",
        "duplicate",
        "duplicate",
    ]
    assert table.loc["a", ["given_label", "label", "annotator", "why", "event_id"]].tolist() == [
        "cat",
        "dog",
        "ana",
        "barks",
        "1",
    ]


def test_an_undone_flag_and_an_undone_label_are_gone():
    events = pd.concat([EVENTS, pd.DataFrame([event("8", "d", kind="undo", undoes="6")])])
    assert choose(Material(DATASET, CURRENT, events), drop="flagged").dropped == {"flagged": 0}


@pytest.mark.parametrize("options", [{"labels": "some"}, {"drop": ["noise"]}])
def test_an_unknown_choice_is_refused(options):
    with pytest.raises(InputError, match="must"):
        choose(MATERIAL, **options)


@pytest.mark.parametrize("reason", ["duplicates", "outliers", "label_errors"])
def test_what_needs_a_round_says_so(reason):
    with pytest.raises(InputError, match="run_round"):
        choose(Material(DATASET, CURRENT, EVENTS), drop=[reason])
