"""The label events: rows that are only ever added, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from dqkit.records import HUMAN_SOURCES, InputError, LabelEvent
from dqkit.store.schema import events

FIELDS = tuple(LabelEvent.__dataclass_fields__)
AT_ONCE = 500  # SQLite bounds the number of parameters of one statement


def live(workbench: int) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """Conditions that leave out undos and what they withdrew."""
    withdrawn = sa.select(events.c.undoes).where(events.c.workbench == workbench, events.c.undoes.is_not(None))
    return events.c.kind != "undo", events.c.event_id.not_in(withdrawn)


def append(connection: sa.Connection, workbench: int, new: Sequence[LabelEvent]) -> list[LabelEvent]:
    """Write events down; returns those whose `event_id` was not in the journal yet."""
    known = known_ids(connection, workbench, [event.event_id for event in new])
    fresh = list({event.event_id: event for event in new if event.event_id not in known}.values())
    if fresh:
        connection.execute(events.insert(), [_row(workbench, event) for event in fresh])
    return fresh


def append_undo(connection: sa.Connection, workbench: int, event: LabelEvent) -> tuple[LabelEvent, LabelEvent | None]:
    """Write an undo down; returns it as it stands, and what it withdrew where that is new.

    Raises `InputError` when that event is not in the journal. Undoing it a second time changes nothing.
    """
    target = find(connection, workbench, str(event.undoes))
    if target is None or target.kind == "undo":
        raise InputError(f"undo must name a recorded decision; got event {event.undoes!r}. Nothing was changed.")
    before = connection.execute(_all(workbench).where(events.c.undoes == event.undoes)).mappings().first()
    if before is not None:
        return _event(before), None
    if known_ids(connection, workbench, [event.event_id]):
        raise InputError(f"event_id {event.event_id!r} stands for another event already; nothing was changed.")
    connection.execute(events.insert(), [_row(workbench, event)])
    return event, target


def append_undos(
    connection: sa.Connection, workbench: int, undos: Sequence[LabelEvent], *, again: bool
) -> list[LabelEvent]:
    """Write undos down; returns those that are new, without what was withdrawn before.

    again: count these very undos as new where they are there already.

    Raises `InputError` where one names no recorded decision.
    """
    wanted = [str(event.undoes) for event in undos]
    missing = set(wanted) - known_ids(connection, workbench, wanted)
    if missing:
        raise InputError(f"undo must name recorded decisions; got event {min(missing)!r}. Nothing was changed.")
    stand = []
    for event in undos:
        query = sa.select(events.c.event_id).where(events.c.workbench == workbench, events.c.undoes == event.undoes)
        done = connection.execute(query).scalar()
        if done is None:
            connection.execute(events.insert(), [_row(workbench, event)])
        if done is None or (again and done == event.event_id):
            stand.append(event)
    return stand


def known_ids(connection: sa.Connection, workbench: int, ids: list[str]) -> set[str]:
    """Those of the event ids that are in the journal."""
    known: set[str] = set()
    for start in range(0, len(ids), AT_ONCE):
        part = events.c.event_id.in_(ids[start : start + AT_ONCE])
        query = sa.select(events.c.event_id).where(events.c.workbench == workbench, part)
        known |= set(connection.execute(query).scalars())
    return known


def find(connection: sa.Connection, workbench: int, event_id: str) -> LabelEvent | None:
    """The event with this id, or None."""
    row = connection.execute(_all(workbench).where(events.c.event_id == event_id)).mappings().first()
    return None if row is None else _event(row)


def latest_live(
    connection: sa.Connection, workbench: int, annotator: str, *, limit: int, sources: Sequence[str]
) -> list[LabelEvent]:
    """An annotator's newest decisions that are not undone, newest first."""
    mine = _all(workbench).where(events.c.annotator == annotator, events.c.source.in_(sources), *live(workbench))
    rows = connection.execute(mine.order_by(events.c.seq.desc()).limit(limit)).mappings()
    return [_event(row) for row in rows]


def live_decisions(
    connection: sa.Connection,
    workbench: int,
    annotator: str,
    *,
    since: str | None,
    until: str | None,
    round_number: int | None,
) -> list[LabelEvent]:
    """A person's decisions that are not undone, oldest first; since, until: bounds on `at`, both included."""
    query = _all(workbench).where(events.c.annotator == annotator, events.c.source.in_(HUMAN_SOURCES), *live(workbench))
    if since is not None:
        query = query.where(events.c.at >= since)
    if until is not None:
        query = query.where(events.c.at <= until)
    if round_number is not None:
        query = query.where(events.c.round == round_number)
    return [_event(row) for row in connection.execute(query.order_by(events.c.seq)).mappings()]


def table(connection: sa.Connection, workbench: int, *, sample_id: str | None) -> pd.DataFrame:
    """Every event (of one sample), oldest first, one row each."""
    query = sa.select(*[events.c[name] for name in FIELDS]).where(events.c.workbench == workbench)
    if sample_id is not None:
        query = query.where(events.c.sample_id == sample_id)
    rows = [tuple(row) for row in connection.execute(query.order_by(events.c.seq))]
    return pd.DataFrame(rows, columns=list(FIELDS))


def current_labels(connection: sa.Connection, workbench: int, *, weak: bool) -> pd.DataFrame:
    """The newest live label event per sample, of people or of labelling functions."""
    is_weak = events.c.source == "weak"
    newest = _newest(workbench, events.c.kind == "label", is_weak if weak else ~is_weak, by=[events.c.sample_id])
    columns = ["sample_id", "event_id", "label", "source", "annotator", "at", "round", "why"]
    return _frame(connection, columns, newest)


def human_votes(connection: sa.Connection, workbench: int, *, sample_ids: Sequence[str] | None) -> pd.DataFrame:
    """Each person's newest live label per sample (of at most 500 `sample_ids`)."""
    which = [events.c.kind == "label", events.c.source != "weak"]
    if sample_ids is not None:
        which.append(events.c.sample_id.in_(list(sample_ids)))
    newest = _newest(workbench, *which, by=[events.c.sample_id, events.c.annotator])
    return _frame(connection, ["sample_id", "annotator", "label"], newest)


def latest_decisions(connection: sa.Connection, workbench: int) -> pd.DataFrame:
    """The newest live decision of anybody (label, skip or flag) per sample."""
    decided = events.c.kind.in_(("label", "skip", "flag"))
    newest = _newest(workbench, decided, events.c.source.in_(HUMAN_SOURCES), by=[events.c.sample_id])
    return _frame(connection, ["sample_id", "kind", "round"], newest)


def confirmations(connection: sa.Connection, workbench: int) -> pd.Series[int]:
    """By sample_id: how many live answers of people say the newest one; one person's count once a round."""
    columns = ["sample_id", "annotator", "round", "label"]
    query = sa.select(*[events.c[name] for name in columns]).where(
        events.c.workbench == workbench, events.c.kind == "label", events.c.source.in_(HUMAN_SOURCES), *live(workbench)
    )
    rows = [tuple(row) for row in connection.execute(query.order_by(events.c.seq))]
    said = pd.DataFrame(rows, columns=columns)
    said = said.drop_duplicates(["sample_id", "annotator", "round"], keep="last")
    newest = said.drop_duplicates("sample_id", keep="last").set_index("sample_id")["label"]
    agree = said["label"] == said["sample_id"].map(newest)
    return agree.groupby(said["sample_id"]).sum().astype(int)


def _newest(workbench: int, *which: sa.ColumnElement[bool], by: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    query = sa.select(sa.func.max(events.c.seq)).where(events.c.workbench == workbench, *which, *live(workbench))
    return query.group_by(*by)


def _frame(connection: sa.Connection, columns: list[str], which: sa.Select[Any]) -> pd.DataFrame:
    query = sa.select(*[events.c[name] for name in columns]).where(events.c.seq.in_(which)).order_by(events.c.seq)
    return pd.DataFrame([tuple(row) for row in connection.execute(query)], columns=columns)


def _all(workbench: int) -> sa.Select[Any]:
    return sa.select(*[events.c[name] for name in FIELDS]).where(events.c.workbench == workbench)


def _row(workbench: int, event: LabelEvent) -> dict[str, Any]:
    return {"workbench": workbench, **{name: getattr(event, name) for name in FIELDS}}


def _event(row: Any) -> LabelEvent:
    return LabelEvent(**{name: row[name] for name in FIELDS})
