"""One decision of a person, checked before it becomes an event."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Mapping
from typing import Any

from dqkit.records import Dataset, InputError, LabelEvent
from dqkit.store import Store
from dqkit.workbench.project import now
from dqkit.workbench.state import State

KINDS = ("label", "skip", "flag", "note")
SOURCES = ("human", "weak", "fiftyone")


def checked_event(
    dataset: Dataset,
    sample_id: str,
    label: str | None,
    *,
    annotator: str,
    kind: str,
    why: str,
    source: str,
    event_id: str | None,
    round_number: int,
) -> LabelEvent:
    """The event, not yet recorded; raises `InputError` on the first rule that does not hold."""
    check_annotator(annotator)
    check_texts({"sample_id": sample_id, "why": why, "event_id": "" if event_id is None else event_id})
    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}. (Undo with wb.undo.)")
    if source not in SOURCES:
        raise InputError(f"source must be one of {', '.join(SOURCES)}; got {source!r}.")
    dataset.positions([sample_id])
    if kind == "label" and label not in dataset.classes:
        near = difflib.get_close_matches(str(label), dataset.classes, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        known = ", ".join(repr(c) for c in dataset.classes[:20])
        raise InputError(f"label must be a class of this workbench ({known}); got {label!r}.{hint}")
    return LabelEvent(
        event_id=event_id or uuid.uuid4().hex,
        sample_id=sample_id,
        kind=kind,  # type: ignore[arg-type]  # checked above
        label=label if kind == "label" else None,
        source=source,  # type: ignore[arg-type]
        annotator=annotator,
        at=now(),
        round=round_number,
        why=why,
    )


def record(
    state: State,
    sample_id: str,
    label: str | None,
    *,
    annotator: str,
    kind: str = "label",
    why: str = "",
    source: str = "human",
    event_id: str | None = None,
) -> LabelEvent:
    """See `Workbench.record`."""
    if kind == "label" and label not in state.dataset.classes:
        state.refresh()
    event = checked_event(
        state.dataset,
        sample_id,
        label,
        annotator=annotator,
        kind=kind,
        why=why,
        source=source,
        event_id=event_id,
        round_number=state.number,
    )
    if not state.store.record([event]):
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
        if not isinstance(value, str):
            raise InputError(f"{name} must be text; got {value!r} of type {type(value).__name__}.")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"{name} must be text that UTF-8 can hold; got {value!r} ({error.reason}).") from error
