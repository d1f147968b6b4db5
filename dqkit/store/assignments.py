"""Who works at which sample: an assignment is held for a while, or answered for good.

A queue row wants a number of different people (one unless told otherwise); it is handed out while fewer than that hold
it or have answered it, and closed once that many have answered.
"""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from dqkit.store.events import live
from dqkit.store.schema import assignments, events, queue

# What each kind of decision does to its sample's place in the queue.
STATE_AFTER = {"label": "done", "skip": "skipped", "flag": "flagged"}

# Built once: an answer waits for them.
_newest = queue.alias("newest")
_NEWEST = sa.select(sa.func.coalesce(sa.func.max(_newest.c.round), 0)).where(
    _newest.c.workbench == sa.bindparam("workbench_")
)
_WANTED = (
    sa.select(queue.c.round, queue.c.wanted)
    .where(queue.c.workbench == sa.bindparam("workbench_"), queue.c.sample_id == sa.bindparam("sample_"))
    .where(queue.c.round == _NEWEST.scalar_subquery())
    .with_for_update(of=queue)
)


def newest_round(connection: sa.Connection, workbench: int) -> int:
    """The number of the newest queue, 0 before the first."""
    return int(connection.execute(_NEWEST, {"workbench_": workbench}).scalar_one())


def after_answer(connection: sa.Connection, workbench: int, sample_id: str, kind: str) -> None:
    """Close the sample in the newest queue, or write down one answer of several where more people are wanted."""
    found = _wanted(connection, workbench, sample_id)
    if found is None:
        return
    number, wanted = found
    if wanted > 1:
        _settle(connection, workbench, number, sample_id, wanted)
        return
    mine = _row(queue, workbench, number, sample_id)
    connection.execute(queue.update().where(*mine).values(state=STATE_AFTER[kind]))
    connection.execute(assignments.delete().where(*_row(assignments, workbench, number, sample_id)))


def settle(connection: sa.Connection, workbench: int, sample_id: str) -> None:
    """Bring the sample's assignments and its state in the newest queue in line with that round's live decisions."""
    found = _wanted(connection, workbench, sample_id)
    if found is not None:
        number, wanted = found
        _settle(connection, workbench, number, sample_id, wanted)


def want(connection: sa.Connection, workbench: int, people: int, *, share: float) -> None:
    """Let `share` of the newest queue's rows, evenly spread, want `people` different persons, the rest one."""
    number = newest_round(connection, workbench)
    rows = connection.execute(
        sa.select(queue.c.sample_id, queue.c.wanted, queue.c.state)
        .where(queue.c.workbench == workbench, queue.c.round == number)
        .order_by(queue.c.position)
        .with_for_update()
    ).all()
    target = [people if int((i + 1) * share + 1e-9) > int(i * share + 1e-9) else 1 for i in range(len(rows))]
    changed = [(row, wanted) for row, wanted in zip(rows, target, strict=True) if row.wanted != wanted]
    if not changed:
        return
    connection.execute(
        queue.update()
        .where(queue.c.workbench == workbench, queue.c.round == number, queue.c.sample_id == sa.bindparam("sample"))
        .values(wanted=sa.bindparam("people")),
        [{"sample": row.sample_id, "people": wanted} for row, wanted in changed],
    )
    taken = set(
        connection.execute(
            sa.select(assignments.c.sample_id).where(
                assignments.c.workbench == workbench, assignments.c.round == number, assignments.c.answered
            )
        ).scalars()
    )
    for row, wanted in changed:
        if row.state != "open" or row.sample_id in taken:
            _settle(connection, workbench, number, row.sample_id, wanted)


def counted(connection: sa.Connection, workbench: int) -> tuple[int, int]:
    """How many answers the newest queue has, and how many it wants."""
    mine = (queue.c.workbench == workbench, queue.c.round == newest_round(connection, workbench))
    is_open = queue.c.state == "open"
    wanted, closed = connection.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(queue.c.wanted), 0),
            sa.func.coalesce(sa.func.sum(sa.case((is_open, 0), else_=queue.c.wanted)), 0),
        ).where(*mine)
    ).one()
    partly = connection.execute(
        sa.select(sa.func.count())
        .select_from(assignments.join(queue, _same_row()))
        .where(*mine, is_open, assignments.c.answered)
    ).scalar_one()
    return int(closed) + int(partly), int(wanted)


def holders(connection: sa.Connection, workbench: int, round_number: int) -> dict[str, list[str]]:
    """Sample id -> who is assigned to it now without having answered, by name."""
    query = sa.select(assignments.c.sample_id, assignments.c.annotator).where(
        assignments.c.workbench == workbench,
        assignments.c.round == round_number,
        ~assignments.c.answered,
        assignments.c.held_until > time.time(),
    )
    found: dict[str, list[str]] = {}
    for row in connection.execute(query.order_by(assignments.c.annotator)):
        found.setdefault(row.sample_id, []).append(row.annotator)
    return found


def answered_by_others(connection: sa.Connection, workbench: int, sample_ids: list[str], annotator: str) -> list[str]:
    """Those of at most 500 samples of the newest queue that somebody else has answered while more are wanted."""
    query = sa.select(assignments.c.sample_id).where(
        assignments.c.workbench == workbench,
        assignments.c.round == newest_round(connection, workbench),
        assignments.c.sample_id.in_(sample_ids),
        assignments.c.annotator != annotator,
        assignments.c.answered,
    )
    return list(connection.execute(query.distinct()).scalars())


def release(connection: sa.Connection, workbench: int, annotator: str) -> None:
    """Give back what this person holds and has not answered."""
    mine = (assignments.c.workbench == workbench, assignments.c.annotator == annotator)
    connection.execute(assignments.delete().where(*mine, ~assignments.c.answered))


def assignment(workbench: int, number: int, sample_id: str, annotator: str, until: float | None) -> dict[str, Any]:
    """A row of the table; until: when a held one runs out, None for an answered one."""
    return {
        "workbench": workbench,
        "round": number,
        "sample_id": sample_id,
        "annotator": annotator,
        "answered": until is None,
        "held_until": until,
    }


def _settle(connection: sa.Connection, workbench: int, number: int, sample_id: str, wanted: int) -> None:
    decisions = connection.execute(
        sa.select(events.c.annotator, events.c.kind)
        .where(events.c.workbench == workbench, events.c.sample_id == sample_id, events.c.round == number)
        .where(events.c.source != "weak", events.c.kind.in_(list(STATE_AFTER)), *live(workbench))
        .order_by(events.c.seq)
    ).all()
    people = list(dict.fromkeys(row.annotator for row in decisions))
    full = len(people) >= wanted
    gone = assignments.delete().where(*_row(assignments, workbench, number, sample_id))
    # What somebody only holds stays theirs while the sample is open.
    theirs = sa.or_(assignments.c.answered, assignments.c.annotator.in_(people))
    connection.execute(gone if full else gone.where(theirs))
    if people and wanted > 1:
        connection.execute(
            assignments.insert(), [assignment(workbench, number, sample_id, name, None) for name in people]
        )
    state = STATE_AFTER[decisions[-1].kind] if full else "open"
    connection.execute(queue.update().where(*_row(queue, workbench, number, sample_id)).values(state=state))


def _wanted(connection: sa.Connection, workbench: int, sample_id: str) -> tuple[int, int] | None:
    """The newest queue and how many people its row wants, the row locked; None where the sample is not in that queue.

    Two people who answer the same sample on a server at once wait here for each other, so that the second counts both.
    """
    found = connection.execute(_WANTED, {"workbench_": workbench, "sample_": sample_id}).first()
    return None if found is None else (int(found[0]), int(found[1]))


def _row(table: sa.Table, workbench: int, number: int, sample_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.workbench == workbench, table.c.round == number, table.c.sample_id == sample_id)


def _same_row() -> sa.ColumnElement[bool]:
    return sa.and_(
        assignments.c.workbench == queue.c.workbench,
        assignments.c.round == queue.c.round,
        assignments.c.sample_id == queue.c.sample_id,
    )
