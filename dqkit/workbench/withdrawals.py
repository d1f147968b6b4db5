"""Decisions taken back: one, or everything a person decided in a stretch of time."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pandas as pd

from dqkit.records import InputError, LabelEvent
from dqkit.workbench import project
from dqkit.workbench.copying import MARK, copied_from
from dqkit.workbench.decisions import check_annotator, check_texts
from dqkit.workbench.state import State


def undo(state: State, *, annotator: str, undoes: str | None = None, event_id: str | None = None) -> LabelEvent:
    """See `Workbench.undo`."""
    check_annotator(annotator)
    if event_id is not None:
        check_texts({"event_id": event_id})
    if undoes is None:
        newest = state.store.latest_live(annotator, limit=1)
        if not newest:
            raise InputError(f"annotator {annotator!r} has no decision to undo in this workbench.")
        undoes = newest[0].event_id
    target = state.store.find(undoes)
    if target is None:
        raise InputError(f"undo must name a recorded decision; got event {undoes!r}. Nothing was changed.")
    undo_id, at, number = event_id or uuid.uuid4().hex, project.now(), state.number

    def withdrawal(of: LabelEvent, new_id: str) -> LabelEvent:
        return _undo(of, new_id, annotator=annotator, at=at, number=number, why=f"withdraws {of.label or of.kind}")

    brought = copied_from(state, target)
    if brought:
        state.store.undo_all([withdrawal(each, f"{undo_id}{MARK}{each.sample_id}") for each in brought])
    return state.store.undo(withdrawal(target, undo_id))


def _undo(of: LabelEvent, event_id: str, *, annotator: str, at: str, number: int, why: str) -> LabelEvent:
    return LabelEvent(
        event_id=event_id,
        sample_id=of.sample_id,
        kind="undo",
        label=None,
        source=of.source,
        annotator=annotator,
        at=at,
        round=number,
        why=why,
        undoes=of.event_id,
    )


def undo_batch(
    state: State,
    annotator: str,
    *,
    since: str | datetime | None,
    until: str | datetime | None,
    number: int | None,
    by: str | None,
    why: str,
) -> list[LabelEvent]:
    """See `Workbench.undo_batch`."""
    check_annotator(annotator)
    actor = annotator if by is None else by
    check_annotator(actor)
    check_texts({"why": why})
    if since is None and until is None and number is None:
        raise InputError(
            f"undo_batch must be told which decisions of {annotator!r}; got none of since, until and round. "
            'Pass e.g. since="2024-05-03T12:00", or round=2. Nothing was changed.'
        )
    first, last = (None if bound is None else _utc(name, bound) for name, bound in (("since", since), ("until", until)))
    if first is not None and last is not None and first > last:
        raise InputError(f"since must not be later than until; got {first} and {last}. Nothing was changed.")
    found = state.store.live_decisions(annotator, since=first, until=last, round_number=number)
    if not found:
        raise InputError(
            f"annotator {annotator!r} has no decision to undo between {first or 'the start'} and {last or 'now'}"
            f"{'' if number is None else f' in round {number}'} (times in UTC). Nothing was changed."
        )
    at, newest = project.now(), state.number
    return state.store.undo_all(
        [
            _undo(
                row,
                uuid.uuid4().hex,
                annotator=actor,
                at=at,
                number=newest,
                why=why or f"withdraws {row.label or row.kind}, one of {len(found)} by {annotator}",
            )
            # Newest first, as they would be undone one by one.
            for row in reversed(found)
        ],
    )


def _utc(name: str, bound: str | datetime) -> str:
    """A moment as events write it; one without a time zone is UTC already."""
    try:
        moment = pd.Timestamp(bound).to_pydatetime()
    except (ValueError, TypeError) as error:
        raise InputError(f"{name} must be a time such as '2024-05-03T12:00'; got {bound!r} ({error}).") from error
    if pd.isna(moment):
        raise InputError(f"{name} must be a time such as '2024-05-03T12:00'; got {bound!r}.")
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return str(moment.isoformat(timespec="milliseconds"))
