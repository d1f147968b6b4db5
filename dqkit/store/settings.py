"""What a workbench shares beside its labels, by name, as JSON."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from dqkit.store.schema import settings
from dqkit.store.store import Store


def keep(store: Store, name: str, value: Any) -> None:
    """Write a value down, in the place of an earlier one."""
    mine = (settings.c.workbench == store.number, settings.c.name == name)
    text = json.dumps(value, ensure_ascii=False)

    def work(connection: sa.Connection) -> None:
        if not connection.execute(settings.update().where(*mine).values(value=text)).rowcount:
            connection.execute(settings.insert().values(workbench=store.number, name=name, value=text))

    store.write(work)


def find(store: Store, name: str) -> Any:
    """The value of this name, or None."""
    mine = (settings.c.workbench == store.number, settings.c.name == name)
    text = store.read(lambda connection: connection.execute(sa.select(settings.c.value).where(*mine)).scalar())
    return None if text is None else json.loads(text)
