"""Many rows at once, all or nothing: a batch of decisions withdrawn, a queue put in a new order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from dqkit.records import HUMAN_SOURCES, InputError, LabelEvent
from dqkit.store.schema import events, live, queue
from dqkit.store.seats import settle
from dqkit.store.store import Store, _event, _known_ids, _row


def live_decisions(
    store: Store, annotator: str, *, since: str | None = None, until: str | None = None, round_number: int | None = None
) -> list[LabelEvent]:
    """A person's decisions that are not undone, oldest first.

    since, until: bounds on `at`, both included, in its own form (UTC, ISO 8601, milliseconds).
    """
    query = sa.select(events).where(events.c.annotator == annotator, events.c.source.in_(HUMAN_SOURCES), *live())
    if since is not None:
        query = query.where(events.c.at >= since)
    if until is not None:
        query = query.where(events.c.at <= until)
    if round_number is not None:
        query = query.where(events.c.round == round_number)
    with store._reader.connect() as connection:
        return [_event(row) for row in connection.execute(query.order_by(events.c.seq)).mappings()]


def undo_all(store: Store, undos: Sequence[LabelEvent]) -> list[LabelEvent]:
    """Append undo events in one transaction and reopen their samples; returns those that were new.

    What somebody else withdrew in the meantime is passed over. Raises `InputError` where an undo names no recorded
    decision; then nothing was written.
    """
    with store._engine.begin() as connection:
        wanted = [str(event.undoes) for event in undos]
        missing = set(wanted) - _known_ids(connection, wanted)
        if missing:
            raise InputError(f"undo must name recorded decisions; got event {min(missing)!r}. Nothing was changed.")
        fresh = []
        for event in undos:
            done = connection.execute(sa.select(events.c.seq).where(events.c.undoes == event.undoes)).first()
            if done is None:
                connection.execute(events.insert(), [_row(event)])
                fresh.append(event)
        for sample_id in dict.fromkeys(event.sample_id for event in fresh):
            settle(connection, sample_id)
        return fresh


def requeue(store: Store, round_number: int, rows: Iterable[tuple[str, str, bool]]) -> None:
    """Put (sample_id, action, control) rows, in this order, in the place of a round's open rows.

    Answered rows keep their state and come first; a row that was answered while the new order was made stays answered.
    Leases on rows that are still in the queue are kept, and how many people they want.
    """
    with store._engine.begin() as connection:
        mine = queue.c.round == round_number
        kept = set(connection.execute(sa.select(queue.c.sample_id).where(mine, queue.c.state != "open")).scalars())
        before = sa.select(queue.c.sample_id, queue.c.wanted).where(mine, queue.c.state == "open")
        wanted = {row.sample_id: row.wanted for row in connection.execute(before)}
        connection.execute(queue.delete().where(mine, queue.c.state == "open"))
        start = int(
            connection.execute(sa.select(sa.func.coalesce(sa.func.max(queue.c.position), -1)).where(mine)).scalar_one()
        )
        values = [
            {
                "round": round_number,
                "sample_id": s,
                "position": start + 1 + i,
                "action": a,
                "control": bool(c),
                "state": "open",
                "wanted": wanted.get(s, 1),
            }
            for i, (s, a, c) in enumerate(row for row in rows if row[0] not in kept)
        ]
        if values:
            connection.execute(queue.insert(), values)
