"""Who works at which sample: a seat is held for a while, or taken for good by an answer.

A queue row wants a number of different people (one unless told otherwise); it is handed out while it has a free seat,
and closed once that many have answered.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from dqkit.store.schema import events, live, newest_round, queue, seats

# What each kind of decision does to its sample's place in the queue.
STATE_AFTER = {"label": "done", "skip": "skipped", "flag": "flagged"}
AT_ONCE = 500  # SQLite bounds the number of parameters of one statement


def hand_out(
    connection: sa.Connection,
    n: int,
    annotator: str,
    *,
    exclude: Collection[str],
    seconds: float,
    only: Sequence[str] | None,
) -> list[str]:
    """Up to n open sample ids of the newest queue with a seat for this person, in queue order, now theirs."""
    now, number = time.time(), newest_round(connection)
    here = (seats.c.round == queue.c.round, seats.c.sample_id == queue.c.sample_id)
    others = sa.select(sa.func.count()).where(
        *here, seats.c.annotator != annotator, sa.or_(seats.c.answered, seats.c.held_until > now)
    )
    answered = sa.exists().where(*here, seats.c.annotator == annotator, seats.c.answered)
    query = (
        sa.select(queue.c.sample_id)
        .where(queue.c.round == number, queue.c.state == "open")
        .where(others.scalar_subquery() < queue.c.wanted, ~answered)
        .order_by(queue.c.position)
    )
    left_out = set(exclude)
    if only is None:
        found: Iterable[str] = connection.execute(query.limit(n + len(left_out))).scalars()
    else:
        found = [
            sample_id
            for start in range(0, len(only), AT_ONCE)
            for sample_id in connection.execute(
                query.where(queue.c.sample_id.in_(only[start : start + AT_ONCE]))
            ).scalars()
        ]
    taken = [sample_id for sample_id in found if sample_id not in left_out][:n]
    if taken:
        connection.execute(
            seats.delete().where(
                seats.c.round == number, seats.c.annotator == annotator, seats.c.sample_id == sa.bindparam("sample")
            ),
            [{"sample": sample_id} for sample_id in taken],
        )
        connection.execute(seats.insert(), [_seat(number, s, annotator, now + seconds) for s in taken])
    return taken


def after_answer(connection: sa.Connection, sample_id: str, kind: str) -> None:
    """Close the sample in the newest queue, or take this answer's seat where more people are wanted."""
    number = newest_round(connection)
    mine = (queue.c.round == number, queue.c.sample_id == sample_id)
    wanted = connection.execute(sa.select(queue.c.wanted).where(*mine)).scalar()
    if wanted is None:
        return
    if wanted > 1:
        settle(connection, sample_id)
        return
    connection.execute(queue.update().where(*mine).values(state=STATE_AFTER[kind]))
    connection.execute(seats.delete().where(seats.c.round == number, seats.c.sample_id == sample_id))


def settle(connection: sa.Connection, sample_id: str) -> None:
    """Bring the sample's seats and its state in the newest queue in line with the live decisions of that round."""
    number = newest_round(connection)
    mine = (queue.c.round == number, queue.c.sample_id == sample_id)
    wanted = connection.execute(sa.select(queue.c.wanted).where(*mine)).scalar()
    if wanted is None:
        return
    decisions = connection.execute(
        sa.select(events.c.annotator, events.c.kind)
        .where(events.c.sample_id == sample_id, events.c.round == number, events.c.source != "weak", *live())
        .where(events.c.kind.in_(list(STATE_AFTER)))
        .order_by(events.c.seq)
    ).all()
    people = list(dict.fromkeys(row.annotator for row in decisions))
    full = len(people) >= wanted
    at = (seats.c.round == number, seats.c.sample_id == sample_id)
    gone = seats.delete().where(*at)
    # A seat that somebody only holds stays theirs while the sample is open.
    connection.execute(gone if full else gone.where(sa.or_(seats.c.answered, seats.c.annotator.in_(people))))
    if people and wanted > 1:
        connection.execute(seats.insert(), [_seat(number, sample_id, name, None) for name in people])
    state = STATE_AFTER[decisions[-1].kind] if full else "open"
    connection.execute(queue.update().where(*mine).values(state=state))


def want(connection: sa.Connection, people: int, *, share: float) -> None:
    """Let `share` of the newest queue's rows, evenly spread, want `people` different persons, the rest one."""
    number = newest_round(connection)
    rows = connection.execute(
        sa.select(queue.c.sample_id, queue.c.wanted, queue.c.state)
        .where(queue.c.round == number)
        .order_by(queue.c.position)
    ).all()
    target = [people if int((i + 1) * share + 1e-9) > int(i * share + 1e-9) else 1 for i in range(len(rows))]
    changed = [(row, wanted) for row, wanted in zip(rows, target, strict=True) if row.wanted != wanted]
    if not changed:
        return
    connection.execute(
        queue.update()
        .where(queue.c.round == number, queue.c.sample_id == sa.bindparam("sample"))
        .values(wanted=sa.bindparam("people")),
        [{"sample": row.sample_id, "people": wanted} for row, wanted in changed],
    )
    taken = set(
        connection.execute(sa.select(seats.c.sample_id).where(seats.c.round == number, seats.c.answered)).scalars()
    )
    for row, _ in changed:
        if row.state != "open" or row.sample_id in taken:
            settle(connection, row.sample_id)


def counted(connection: sa.Connection) -> tuple[int, int]:
    """How many answers the newest queue has, and how many it wants."""
    number = newest_round(connection)
    mine = queue.c.round == number
    is_open = queue.c.state == "open"
    wanted, closed = connection.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(queue.c.wanted), 0),
            sa.func.coalesce(sa.func.sum(sa.case((is_open, 0), else_=queue.c.wanted)), 0),
        ).where(mine)
    ).one()
    partly = connection.execute(
        sa.select(sa.func.count())
        .select_from(seats.join(queue, sa.and_(seats.c.round == queue.c.round, seats.c.sample_id == queue.c.sample_id)))
        .where(mine, is_open, seats.c.answered)
    ).scalar_one()
    return int(closed) + int(partly), int(wanted)


def holders(connection: sa.Connection, round_number: int) -> dict[str, list[str]]:
    """Sample id -> who holds a seat now without having answered, by name."""
    query = sa.select(seats.c.sample_id, seats.c.annotator).where(
        seats.c.round == round_number, ~seats.c.answered, seats.c.held_until > time.time()
    )
    found: dict[str, list[str]] = {}
    for row in connection.execute(query.order_by(seats.c.annotator)):
        found.setdefault(row.sample_id, []).append(row.annotator)
    return found


def _seat(number: int, sample_id: str, annotator: str, until: float | None) -> dict[str, Any]:
    return {
        "round": number,
        "sample_id": sample_id,
        "annotator": annotator,
        "answered": until is None,
        "held_until": until,
    }
