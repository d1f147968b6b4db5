"""What people bring besides labels: new class names, and answers to questions whose answer is known."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import sqlalchemy as sa

from dqkit.records import InputError
from dqkit.store.schema import checks, classes
from dqkit.store.store import Store


@dataclass(frozen=True)
class Check:
    """A person's answer to a known question. kind: "label", "skip" or "flag"; answer: a class name with "label"."""

    event_id: str
    sample_id: str
    annotator: str
    expected: str
    kind: str
    answer: str | None
    at: str


def added_classes(store: Store) -> list[tuple[str, str]]:
    """(name, key) of every class that was added, in the order of their positions; a key is what look-alikes share."""
    with store._reader.connect() as connection:
        rows = connection.execute(sa.select(classes.c.name, classes.c.key).order_by(classes.c.position))
        return [(row.name, row.key) for row in rows]


def add_class(store: Store, name: str, *, key: str, annotator: str, at: str) -> str:
    """Append a class; returns the name under which it stands, an earlier one if that has the same key."""
    with store._engine.begin() as connection:
        before = connection.execute(sa.select(classes.c.name).where(classes.c.key == key)).scalar()
        if before is not None:
            return str(before)
        connection.execute(classes.insert().values(name=name, key=key, annotator=annotator, at=at))
    return name


def record_check(store: Store, check: Check) -> bool:
    """Write down an answer to a known question; False where its event_id is there already."""
    with store._engine.begin() as connection:
        if _found(connection, check.event_id) is not None:
            return False
        values = {name: getattr(check, name) for name in Check.__dataclass_fields__}
        connection.execute(checks.insert().values(withdrawn=False, **values))
    return True


def find_check(store: Store, event_id: str) -> Check | None:
    """The answer to a known question with this event id, or None."""
    with store._reader.connect() as connection:
        row = _found(connection, event_id)
    return None if row is None else Check(**{name: row[name] for name in Check.__dataclass_fields__})


def withdraw_check(store: Store, event_id: str) -> None:
    """The person took this answer back and may be asked again; it still counts as their first answer."""
    with store._engine.begin() as connection:
        done = connection.execute(checks.update().where(checks.c.event_id == event_id).values(withdrawn=True))
        if not done.rowcount:
            raise InputError(f"undo must name a recorded decision; got event {event_id!r}. Nothing was changed.")


def check_rows(store: Store, *, annotator: str | None = None) -> pd.DataFrame:
    """Every answer to a known question, oldest first: the fields of `Check` and `withdrawn`."""
    columns = [*Check.__dataclass_fields__, "withdrawn"]
    query = sa.select(*[checks.c[name] for name in columns]).order_by(checks.c.seq)
    if annotator is not None:
        query = query.where(checks.c.annotator == annotator)
    with store._reader.connect() as connection:
        return pd.DataFrame([tuple(row) for row in connection.execute(query)], columns=columns)


def _found(connection: sa.Connection, event_id: str) -> sa.RowMapping | None:
    return connection.execute(sa.select(checks).where(checks.c.event_id == event_id)).mappings().first()
