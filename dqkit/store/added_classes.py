"""Classes added after the dataset came in: the list only grows, and look-alikes are one class."""

from __future__ import annotations

import sqlalchemy as sa

from dqkit.store.schema import added_classes, workbenches
from dqkit.store.store import Store


def names_and_keys(store: Store) -> list[tuple[str, str]]:
    """(name, key) of every class that was added, in the order of their positions; a key is what look-alikes share."""
    mine = added_classes.c.workbench == store.number
    query = sa.select(added_classes.c.name, added_classes.c.key).where(mine).order_by(added_classes.c.position)
    return store.read(lambda connection: [(row.name, row.key) for row in connection.execute(query)])


def add(store: Store, name: str, *, key: str, annotator: str, at: str) -> str:
    """Append a class; returns the name under which it stands, an earlier one if that has the same key."""
    same = (added_classes.c.workbench == store.number, added_classes.c.key == key)

    def work(connection: sa.Connection) -> str:
        # One at a time, so that no class comes to stand before one that somebody has seen already.
        connection.execute(sa.select(workbenches).where(workbenches.c.number == store.number).with_for_update())
        before = connection.execute(sa.select(added_classes.c.name).where(*same)).scalar()
        if before is None:
            row = {"workbench": store.number, "name": name, "key": key, "annotator": annotator, "at": at}
            connection.execute(added_classes.insert().values(row))
        return name if before is None else str(before)

    return store.write(work)
