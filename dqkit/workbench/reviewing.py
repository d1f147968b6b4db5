"""Reviews and returned answers, written into the journal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pandas as pd

from dqkit.export.reading import read_answers
from dqkit.records import InputError
from dqkit.workbench import applying, changes
from dqkit.workbench.classes import refresh
from dqkit.workbench.project import now

if TYPE_CHECKING:
    from dqkit.workbench.bench import Workbench


def record_review(
    bench: Workbench, table: pd.DataFrame | None, reviewer: str, approve: Any, revert: Any, why: str
) -> pd.DataFrame:
    """See `Workbench.review`."""
    if table is not None and not isinstance(table, pd.DataFrame):
        raise InputError(f"changes must be what wb.changes() returned; got {type(table).__name__}.")
    refresh(bench)
    events = bench.store.events()
    current = changes.changes(bench.dataset, events, weak=True)
    looked_at = current if table is None else table
    frame, notes, undos = changes.review(
        looked_at, current, events, approve=approve, revert=revert, reviewer=reviewer, why=why
    )
    number, at = bench._round_number(), now()
    if undos:
        bench.store.undo_all(changes.events_of(undos, "undo", annotator=reviewer, at=at, number=number))
    if notes:
        bench.store.record(changes.events_of(notes, "note", annotator=reviewer, at=at, number=number))
    return frame


def apply_answers(
    bench: Workbench, source: str | os.PathLike[str] | pd.DataFrame, annotator: str | None
) -> pd.DataFrame:
    """See `Workbench.apply`."""
    answers = read_answers(source)
    refresh(bench)
    new, frame = applying.decide(
        bench.dataset,
        bench.store.events(),
        answers,
        annotator=annotator,
        now=now(),
        number=bench._round_number(),
    )
    if new:
        bench.store.record(new)
    return frame
