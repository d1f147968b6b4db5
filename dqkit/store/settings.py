"""What a workbench shares beside its labels, by name, as JSON."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from dqkit.store.connected import Connected
from dqkit.store.schema import settings


def keep(store: Connected, name: str, value: Any) -> None:
    """Write a value down, in the place of an earlier one."""
    store.write(lambda connection: put(connection, store.number, name, value))


def put(connection: sa.Connection, workbench: int, name: str, value: Any) -> None:
    """The same as a part of a transaction."""
    mine = (settings.c.workbench == workbench, settings.c.name == name)
    text = json.dumps(value, ensure_ascii=False)
    if not connection.execute(settings.update().where(*mine).values(value=text)).rowcount:
        connection.execute(settings.insert().values(workbench=workbench, name=name, value=text))


def find(store: Connected, name: str) -> Any:
    """The value of this name, or None."""
    mine = (settings.c.workbench == store.number, settings.c.name == name)
    text = store.read(lambda connection: connection.execute(sa.select(settings.c.value).where(*mine)).scalar())
    return None if text is None else json.loads(text)
