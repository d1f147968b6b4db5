"""One decision of a person, checked before it becomes an event."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dqkit.checks import kinds
from dqkit.records import Dataset, InputError, LabelEvent
from dqkit.relabel import Answer
from dqkit.store import Store
from dqkit.workbench.copying import copied
from dqkit.workbench.project import now
from dqkit.workbench.state import State

KINDS = ("label", "skip", "flag", "note")
SOURCES = ("human", "weak", "fiftyone")


def checked_event(dataset: Dataset, event: LabelEvent) -> LabelEvent:
    """The event under an id and with its label, if it is one; raises `InputError` on the first rule that is broken."""
    check_annotator(event.annotator)
    check_texts({"sample_id": event.sample_id, "why": event.why, "event_id": event.event_id})
    if event.kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}; got {event.kind!r}. (Undo with wb.undo.)")
    if event.source not in SOURCES:
        raise InputError(f"source must be one of {', '.join(SOURCES)}; got {event.source!r}.")
    dataset.positions([event.sample_id])
    if event.kind == "label" and event.label not in dataset.classes:
        near = difflib.get_close_matches(str(event.label), dataset.classes, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        known = ", ".join(repr(c) for c in dataset.classes[:20])
        raise InputError(f"label must be a class of this workbench ({known}); got {event.label!r}.{hint}")
    return replace(
        event, event_id=event.event_id or uuid.uuid4().hex, label=event.label if event.kind == "label" else None
    )


def record(state: State, answer: Answer, annotator: str, *, source: str = "human") -> LabelEvent:
    """See `Workbench.record`."""
    if answer.kind == "label" and answer.label not in state.dataset.classes:
        state.refresh()
    event = checked_event(
        state.dataset,
        LabelEvent(
            event_id=answer.event_id,
            sample_id=answer.sample_id,
            kind=answer.kind,  # type: ignore[arg-type]  # checked there
            label=answer.label,
            source=source,  # type: ignore[arg-type]
            annotator=annotator,
            at=now(),
            round=state.number,
            why=answer.why,
        ),
    )
    # Its copies first, so that the newest decision is the one that was made.
    if not state.store.record([*copied(state, [event]), event]):
        return recorded_before(state.store, event)
    return event


def recorded_before(store: Store, event: LabelEvent) -> LabelEvent:
    """The event that is in the journal under this id; raises `InputError` if it was another decision."""
    kept = store.find(event.event_id)
    same = ("sample_id", "kind", "label", "annotator")
    if kept is None or any(getattr(kept, name) != getattr(event, name) for name in same):
        raise InputError(
            f"event_id {event.event_id!r} stands for another decision already ({kept}); nothing was recorded. "
            "Leave event_id out, or use a new one for a new decision."
        )
    return kept


def check_annotator(annotator: Any) -> None:
    """Raise `InputError` unless it is a name that can be written down."""
    if not isinstance(annotator, str) or not annotator.strip():
        raise InputError(f"annotator must be a name, so that every decision has an author; got {annotator!r}.")
    check_texts({"annotator": annotator})


def check_texts(values: Mapping[str, Any]) -> None:
    """Raise `InputError` unless every value is text that UTF-8 can hold."""
    for name, value in values.items():
        kinds.text(name, value)
