"""Reviews and returned answers, written into the journal."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd

from dqkit.export.reading import read_answers
from dqkit.records import InputError
from dqkit.workbench import applying, changes
from dqkit.workbench.project import now
from dqkit.workbench.state import State


def record_review(
    state: State, table: pd.DataFrame | None, reviewer: str, approve: Any, revert: Any, why: str
) -> pd.DataFrame:
    """See `Workbench.review`."""
    if table is not None and not isinstance(table, pd.DataFrame):
        raise InputError(f"changes must be what wb.changes() returned; got {type(table).__name__}.")
    state.refresh()
    events = state.store.events()
    current = changes.changes(state.dataset, events, weak=True)
    looked_at = current if table is None else table
    frame, notes, undos = changes.review(
        looked_at, current, events, approve=approve, revert=revert, reviewer=reviewer, why=why
    )
    number, at = state.number, now()
    if undos:
        state.store.undo_all(changes.events_of(undos, "undo", annotator=reviewer, at=at, number=number))
    if notes:
        state.store.record(changes.events_of(notes, "note", annotator=reviewer, at=at, number=number))
    return frame


def apply_answers(state: State, source: str | os.PathLike[str] | pd.DataFrame, annotator: str | None) -> pd.DataFrame:
    """See `Workbench.apply`."""
    answers = read_answers(source)
    state.refresh()
    new, frame = applying.decide(
        state.dataset,
        state.store.events(),
        answers,
        annotator=annotator,
        now=now(),
        number=state.number,
    )
    if new:
        state.store.record(new)
    return frame
