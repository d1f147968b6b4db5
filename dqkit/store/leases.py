"""The queue of a round, and handing it out: never to more people than are wanted."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from dqkit.store.assignments import assignment, holders, newest_round
from dqkit.store.schema import assignments, queue

AT_ONCE = 500  # SQLite bounds the number of parameters of one statement
COLUMNS = ("sample_id", "action", "control", "state", "wanted")


def fill(connection: sa.Connection, workbench: int, number: int, rows: Iterable[tuple[str, str, bool]]) -> None:
    """Make (sample_id, action, control) rows, in this order, the queue of a round; its old queue is replaced."""
    for table in (queue, assignments):
        connection.execute(table.delete().where(table.c.workbench == workbench, table.c.round == number))
    _insert(connection, workbench, number, list(rows), start=0, wanted={})


def refill(connection: sa.Connection, workbench: int, number: int, rows: Iterable[tuple[str, str, bool]]) -> None:
    """Put (sample_id, action, control) rows, in this order, in the place of a round's open rows.

    Answered rows keep their state and come first; a row that was answered while the new order was made stays answered.
    Leases on rows that are still in the queue are kept, and how many people they want.
    """
    mine = (queue.c.workbench == workbench, queue.c.round == number)
    before = connection.execute(
        sa.select(queue.c.sample_id, queue.c.wanted, queue.c.state, queue.c.position).where(*mine).with_for_update()
    ).all()
    kept = {row.sample_id: row.position for row in before if row.state != "open"}
    wanted = {row.sample_id: row.wanted for row in before if row.state == "open"}
    connection.execute(queue.delete().where(*mine, queue.c.state == "open"))
    fresh = [row for row in rows if row[0] not in kept]
    _insert(connection, workbench, number, fresh, start=max(kept.values(), default=-1) + 1, wanted=wanted)


def states(connection: sa.Connection, workbench: int, number: int | None) -> pd.DataFrame:
    """The queue of a round (default the newest), in order, and who holds what."""
    at = newest_round(connection, workbench) if number is None else number
    query = sa.select(*[queue.c[name] for name in COLUMNS]).where(queue.c.workbench == workbench, queue.c.round == at)
    rows = [tuple(row) for row in connection.execute(query.order_by(queue.c.position))]
    held = {name: ", ".join(people) for name, people in holders(connection, workbench, at).items()}
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["leased_by"] = pd.Series([held.get(s) for s in table["sample_id"]], dtype=object)
    return table


def hand_out(
    connection: sa.Connection,
    workbench: int,
    n: int,
    annotator: str,
    *,
    exclude: Collection[str],
    seconds: float,
    only: Sequence[str] | None,
) -> list[str]:
    """Up to n open sample ids of the newest queue that this person may have, in queue order, now theirs."""
    if n <= 0:
        return []
    now, number = time.time(), newest_round(connection, workbench)
    free, left_out = _free(workbench, number, annotator, now), set(exclude)
    if connection.dialect.name == "sqlite":  # one writer at a time
        taken = _picked(connection, free, n, left_out, only)
    else:
        taken = _locked(connection, free, n, left_out, only)
    if taken:
        connection.execute(
            assignments.delete().where(
                assignments.c.workbench == workbench,
                assignments.c.round == number,
                assignments.c.annotator == annotator,
                assignments.c.sample_id == sa.bindparam("sample"),
            ),
            [{"sample": sample_id} for sample_id in taken],
        )
        rows = [assignment(workbench, number, sample_id, annotator, now + seconds) for sample_id in taken]
        connection.execute(assignments.insert(), rows)
    return taken


def _free(workbench: int, number: int, annotator: str, now: float) -> sa.Select[Any]:
    """The open rows with room for this person, in queue order."""
    here = (
        assignments.c.workbench == queue.c.workbench,
        assignments.c.round == queue.c.round,
        assignments.c.sample_id == queue.c.sample_id,
    )
    others = sa.select(sa.func.count()).where(
        *here, assignments.c.annotator != annotator, sa.or_(assignments.c.answered, assignments.c.held_until > now)
    )
    answered = sa.exists().where(*here, assignments.c.annotator == annotator, assignments.c.answered)
    return (
        sa.select(queue.c.sample_id)
        .where(queue.c.workbench == workbench, queue.c.round == number, queue.c.state == "open")
        .where(others.scalar_subquery() < queue.c.wanted, ~answered)
        .order_by(queue.c.position)
    )


def _picked(
    connection: sa.Connection, free: sa.Select[Any], n: int, left_out: set[str], only: Sequence[str] | None
) -> list[str]:
    if only is None:
        found: Iterable[str] = connection.execute(free.limit(n + len(left_out))).scalars()
    else:
        found = [
            sample_id
            for part in _parts(only)
            for sample_id in connection.execute(free.where(queue.c.sample_id.in_(part))).scalars()
        ]
    return [sample_id for sample_id in found if sample_id not in left_out][:n]


def _locked(
    connection: sa.Connection, free: sa.Select[Any], n: int, left_out: set[str], only: Sequence[str] | None
) -> list[str]:
    """The same on a server: rows that somebody takes at this moment are passed over, and every row is looked at twice.

    A statement sees assignments as they were when it began. Another person's may have been committed between that and
    the lock on the row, so the rows that are locked now are asked for again, by a statement that begins now.
    """
    taken: list[str] = []
    seen, wait = set(left_out), False
    while len(taken) < n:
        names = queue.c.sample_id
        rows = free.where(names.not_in(seen) if only is None else names.in_([s for s in only if s not in seen]))
        rows = rows.limit(n - len(taken)).with_for_update(skip_locked=not wait, of=queue)
        found = list(connection.execute(rows).scalars())
        if not found and (wait or taken):
            break
        wait = not found  # rather than say that the queue is empty while others take from it
        seen.update(found)
        for part in _parts(found):
            still = set(connection.execute(free.where(names.in_(part))).scalars())
            taken += [sample_id for sample_id in part if sample_id in still]
    return taken


def _insert(
    connection: sa.Connection,
    workbench: int,
    number: int,
    rows: Sequence[tuple[str, str, bool]],
    *,
    start: int,
    wanted: Mapping[str, int],
) -> None:
    values = [
        {
            "workbench": workbench,
            "round": number,
            "sample_id": sample_id,
            "position": start + i,
            "action": action,
            "control": bool(control),
            "state": "open",
            "wanted": wanted.get(sample_id, 1),
        }
        for i, (sample_id, action, control) in enumerate(rows)
    ]
    if values:
        connection.execute(queue.insert(), values)


def _parts(names: Sequence[str]) -> list[list[str]]:
    return [list(names[start : start + AT_ONCE]) for start in range(0, len(names), AT_ONCE)]
