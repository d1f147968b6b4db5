from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from dqkit.fiftyone_bridge import acknowledge, discard, pull
from dqkit.records import InputError

if TYPE_CHECKING:
    from .conftest import Pushed


def sample_of(target: Any, sample_id: str) -> Any:
    return target.match({"$expr": {"$eq": ["$dqkit_id", sample_id]}}).first()


def relabel(fo: ModuleType, target: Any, sample_id: str, label: str) -> None:
    sample = sample_of(target, sample_id)
    sample["label"] = fo.Classification(label=label)
    sample.save()


def tag(target: Any, sample_id: str, *tags: str) -> None:
    sample = sample_of(target, sample_id)
    sample.tags = [*sample.tags, *tags]
    sample.save()


def test_nothing_changed_pulls_nothing(pushed: Pushed) -> None:
    pushed.push()
    assert pull(pushed.name, labels=pushed.labels) == []


def test_labels_and_tags_set_in_fiftyone_come_back_as_decisions(fo: ModuleType, pushed: Pushed) -> None:
    target = pushed.push()
    relabel(fo, target, "s01", "eel")  # was dog
    relabel(fo, target, "s05", "cat")  # was unlabelled
    tag(target, "s07", "skip")
    tag(target, "s02", "flag", "holiday")
    tag(target, "s08", "confirm")
    edits = pull(pushed.name, labels=pushed.labels, annotator="ana")
    assert [(e.sample_id, e.kind, e.label, e.previous, e.tag) for e in edits] == [
        ("s01", "label", "eel", "dog", None),
        ("s05", "label", "cat", None, None),
        ("s07", "skip", None, "dog", "skip"),
        ("s02", "flag", None, "eel", "flag"),
        ("s08", "label", "eel", "eel", "confirm"),
    ]
    assert {e.annotator for e in edits} == {"ana"}
    assert {e.problem for e in edits} == {""}
    assert len({e.event_id for e in edits}) == 5


def test_pulling_again_gives_the_same_edits_until_they_are_acknowledged_and_then_none(
    fo: ModuleType, pushed: Pushed
) -> None:
    target = pushed.push()
    relabel(fo, target, "s01", "eel")
    tag(target, "s07", "skip")
    tag(target, "s08", "confirm")
    first = pull(pushed.name)
    assert pull(pushed.name) == first
    acknowledge(pushed.name, first)
    assert pull(pushed.name) == []
    assert sorted(sample_of(target, "s07").tags) == ["skipped", "train"]
    assert sorted(sample_of(target, "s08").tags) == ["confirmed", "train"]


def test_the_same_correction_made_again_later_is_a_new_event(fo: ModuleType, pushed: Pushed) -> None:
    target = pushed.push()
    relabel(fo, target, "s01", "eel")
    first = pull(pushed.name)
    acknowledge(pushed.name, first)
    pushed.push()  # the notebook still says dog: it undid the edit
    assert sample_of(target, "s01").label.label == "dog"
    relabel(fo, target, "s01", "eel")
    (second,) = pull(pushed.name)
    assert second.label == "eel"
    assert second.event_id != first[0].event_id


def test_an_edit_made_between_pull_and_acknowledgement_is_not_lost(fo: ModuleType, pushed: Pushed) -> None:
    target = pushed.push()
    relabel(fo, target, "s01", "eel")
    first = pull(pushed.name)
    relabel(fo, target, "s01", "cat")
    acknowledge(pushed.name, first)
    (second,) = pull(pushed.name)
    assert (second.label, second.previous) == ("cat", "eel")


def test_answered_samples_leave_the_queue_view_at_once_and_stay_out(fo: ModuleType, pushed: Pushed) -> None:
    target = pushed.push()
    relabel(fo, target, "s07", "eel")
    assert target.load_saved_view("queue").values("dqkit_id") == ["s05", "s01"]
    tag(target, "s05", "skip")
    assert target.load_saved_view("queue").values("dqkit_id") == ["s01"]
    acknowledge(pushed.name, pull(pushed.name))
    assert target.load_saved_view("queue").values("dqkit_id") == ["s01"]


def test_a_label_that_also_changed_in_the_notebook_is_a_conflict_and_is_not_overwritten(
    fo: ModuleType, pushed: Pushed
) -> None:
    target = pushed.push()
    relabel(fo, target, "s01", "eel")
    pushed.labels.loc["s01", "label"] = "cat"
    pushed.push()
    assert sample_of(target, "s01").label.label == "eel"
    (edit,) = pull(pushed.name, labels=pushed.labels)
    assert edit.label == "eel"
    assert edit.previous == "dog"
    assert "'eel'" in edit.problem
    assert "'cat'" in edit.problem
    discard(pushed.name, [edit])
    assert pull(pushed.name, labels=pushed.labels) == []
    pushed.push()
    assert sample_of(target, "s01").label.label == "cat"


def test_the_same_change_on_both_sides_is_no_conflict(fo: ModuleType, pushed: Pushed) -> None:
    target = pushed.push()
    relabel(fo, target, "s01", "eel")
    pushed.labels.loc["s01", "label"] = "eel"
    (edit,) = pull(pushed.name, labels=pushed.labels)
    assert edit.problem == ""


def test_a_misspelt_class_and_a_removed_label_are_listed_as_problems(fo: ModuleType, pushed: Pushed) -> None:
    target = pushed.push()
    relabel(fo, target, "s01", "eeel")
    sample = sample_of(target, "s02")
    sample["label"] = None
    sample.save()
    misspelt, removed = pull(pushed.name)
    assert "'eeel' is not a class" in misspelt.problem
    assert "removed" in removed.problem
    discard(pushed.name, [misspelt, removed])
    assert sample_of(target, "s01").label.label == "dog"
    assert sample_of(target, "s02").label.label == "eel"
    assert pull(pushed.name) == []


def test_the_users_own_samples_in_our_dataset_are_left_alone(fo: ModuleType, pushed: Pushed) -> None:
    target = pushed.push()
    target.add_sample(fo.Sample(filepath="/mine.png", label=fo.Classification(label="cat"), tags=["skip"]))
    assert pull(pushed.name) == []
    assert len(pushed.push()) == len(pushed.dataset) + 1


def test_pulling_from_a_dataset_that_is_not_there_or_not_ours_is_refused(fo: ModuleType, pushed: Pushed) -> None:
    with pytest.raises(InputError, match="Push first"):
        pull(pushed.name)
    fo.Dataset(pushed.name)
    with pytest.raises(InputError, match="did not make"):
        pull(pushed.name)
