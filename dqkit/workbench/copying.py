"""An answer about a sample serves the samples with identical content: events of their own, undone together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dqkit.records import HUMAN_SOURCES, LabelEvent
from dqkit.workbench.state import State

MARK = "/copy/"  # event id of the answer, this, id of the copy: sent again, it is the same event


def is_copied(event_id: str) -> bool:
    """Whether the event stands for an answer about another sample of the same content."""
    return MARK in event_id


def copies_of(state: State, sample_id: str) -> list[str]:
    """The samples with the same content as this one that may be answered: none of the test split.

    What is held out keeps its labels, so that test accuracy measures the same thing in every round.
    """
    names = state.copies().get(sample_id, ())
    if not names:
        return []
    dataset = state.dataset
    held_out = dataset.is_test
    return [name for name, at in zip(names, dataset.positions(list(names)), strict=True) if not held_out[at]]


def copied(state: State, events: Sequence[LabelEvent]) -> list[LabelEvent]:
    """The events that labels of people bring to the copies nobody has decided about by themselves."""
    out = []
    for event in events:
        if event.kind != "label" or event.source not in HUMAN_SOURCES:
            continue
        for name in copies_of(state, event.sample_id):
            if not _decided(state, name):
                why = f"the same content as {event.sample_id}, answered there"
                out.append(replace(event, event_id=f"{event.event_id}{MARK}{name}", sample_id=name, why=why))
    return out


def copied_from(state: State, event: LabelEvent) -> list[LabelEvent]:
    """What `copied` brought from this event, as it is in the journal."""
    if event.kind != "label" or is_copied(event.event_id):
        return []
    found = [state.store.find(f"{event.event_id}{MARK}{name}") for name in copies_of(state, event.sample_id)]
    return [each for each in found if each is not None]


def _decided(state: State, sample_id: str) -> bool:
    """Whether the label that stands was given to this very sample by a person."""
    events = state.store.events(sample_id=sample_id)
    undone = set(events["undoes"].dropna())
    live = events[(events["kind"] == "label") & events["source"].isin(HUMAN_SOURCES) & ~events["event_id"].isin(undone)]
    return len(live) > 0 and not is_copied(str(live["event_id"].iloc[-1]))
