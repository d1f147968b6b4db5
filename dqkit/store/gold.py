"""Answers to gold questions, whose answer is known: they say how good a person is and never become a label."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import sqlalchemy as sa

from dqkit.records import InputError
from dqkit.store.schema import gold_answers
from dqkit.store.store import Store


@dataclass(frozen=True)
class GoldAnswer:
    """A person's answer to a gold question. kind: "label", "skip" or "flag"; answer: a class name with "label"."""

    event_id: str
    sample_id: str
    annotator: str
    expected: str
    kind: str
    answer: str | None
    at: str


FIELDS = tuple(GoldAnswer.__dataclass_fields__)


def record(store: Store, given: GoldAnswer) -> bool:
    """Write down an answer to a gold question; False where its event_id is there already."""

    def work(connection: sa.Connection) -> bool:
        if _found(connection, store.number, given.event_id) is not None:
            return False
        values = {name: getattr(given, name) for name in FIELDS}
        connection.execute(gold_answers.insert().values(workbench=store.number, withdrawn=False, **values))
        return True

    return store.write(work)


def find(store: Store, event_id: str) -> GoldAnswer | None:
    """The answer to a gold question with this event id, or None."""
    row = store.read(lambda connection: _found(connection, store.number, event_id))
    return None if row is None else GoldAnswer(**{name: row[name] for name in FIELDS})


def withdraw(store: Store, event_id: str) -> None:
    """The person took this answer back and may be asked again; it still counts as their first answer."""
    mine = (gold_answers.c.workbench == store.number, gold_answers.c.event_id == event_id)

    def work(connection: sa.Connection) -> None:
        if not connection.execute(gold_answers.update().where(*mine).values(withdrawn=True)).rowcount:
            raise InputError(f"undo must name a recorded decision; got event {event_id!r}. Nothing was changed.")

    store.write(work)


def rows(store: Store, *, annotator: str | None = None) -> pd.DataFrame:
    """Every answer to a gold question, oldest first: the fields of `GoldAnswer` and `withdrawn`."""
    columns = [*FIELDS, "withdrawn"]
    query = sa.select(*[gold_answers.c[name] for name in columns]).where(gold_answers.c.workbench == store.number)
    if annotator is not None:
        query = query.where(gold_answers.c.annotator == annotator)
    query = query.order_by(gold_answers.c.seq)
    found = store.read(lambda connection: [tuple(row) for row in connection.execute(query)])
    return pd.DataFrame(found, columns=columns)


def _found(connection: sa.Connection, workbench: int, event_id: str) -> sa.RowMapping | None:
    mine = (gold_answers.c.workbench == workbench, gold_answers.c.event_id == event_id)
    return connection.execute(sa.select(gold_answers).where(*mine)).mappings().first()
