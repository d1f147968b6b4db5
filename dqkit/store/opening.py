"""Opening a journal: its tables are made only where a new one is wanted, and an older one is brought up to date."""

from __future__ import annotations

import os
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from dqkit.files import sync, sync_folder
from dqkit.records import StoreError
from dqkit.store.address import file_of, shown
from dqkit.store.schema import VERSION, about, added_classes, assignments, events, gold_answers, metadata, queue, rounds
from dqkit.store.schema import workbenches as known
from dqkit.store.transactions import Transactions

UNCLAIMED = ""  # the id of rows that were written before rows had a workbench
OPENING_LOCK = 0x64716B6974  # "dqkit": one process at a time makes or changes tables on a server
OPENING_PATIENCE = 5.0


def opened(transactions: Transactions, workbench: str, *, may_create: bool) -> int:
    """The number of a workbench in this database.

    Parameters
    ----------
    transactions
        On a database that may be empty, older, or shared with other workbenches.
    workbench
        The id of the workbench.
    may_create
        Whether tables and the workbench's row are made where they are missing.

    Raises
    ------
    StoreError
        Where the database is none of dqkit's, was written by a newer one, or does not know the workbench.
    """
    return transactions.write(
        lambda connection: _ready(connection, workbench, may_create), doing="opened", patience=OPENING_PATIENCE
    )


def _ready(connection: sa.Connection, workbench: str, may_create: bool) -> int:
    where = shown(connection.engine.url)
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(OPENING_LOCK)))
    tables = set(sa.inspect(connection).get_table_names())
    if about.name not in tables:
        foreign = sorted(tables & set(metadata.tables))
        if foreign:
            raise StoreError(
                f"The database {where} holds a table {foreign[0]!r} that dqkit did not make. Name an empty database or "
                "another one. Nothing was changed."
            )
        if not may_create:
            raise StoreError(_lost(where, "is empty"))
        metadata.create_all(connection)
        connection.execute(about.insert().values(key="schema", value=str(VERSION)))
    else:
        _bring_up_to_date(connection)
    return _number(connection, workbench, may_create, where)


def _number(connection: sa.Connection, workbench: str, may_create: bool, where: str) -> int:
    number = connection.execute(sa.select(known.c.number).where(known.c.id == workbench)).scalar()
    if number is not None:
        return int(number)
    if may_create:
        return _add(connection, workbench)
    # Rows of an older dqkit belong to whoever opens them first: a database held one workbench then.
    claimed = connection.execute(known.update().where(known.c.id == UNCLAIMED).values(id=workbench))
    if not claimed.rowcount:
        raise StoreError(_lost(where, f"holds no rows of this workbench (id {workbench})"))
    return int(connection.execute(sa.select(known.c.number).where(known.c.id == workbench)).scalar_one())


def _add(connection: sa.Connection, workbench: str) -> int:
    connection.execute(known.insert().values(id=workbench))
    return int(connection.execute(sa.select(known.c.number).where(known.c.id == workbench)).scalar_one())


def _lost(where: str, what: str) -> str:
    return (
        f"The journal {where} {what}: the labels of this workbench are not in it. Bring the database back from a copy, "
        "or open the workbench with Workbench.open(path, store_url=...) where its journal is now. Nothing was changed."
    )


def _bring_up_to_date(connection: sa.Connection) -> None:
    written = connection.execute(sa.select(about.c.value).where(about.c.key == "schema")).scalar()
    if not str(written).isdigit() or not int(written or 0):
        raise StoreError(f"This database does not say which dqkit wrote it (schema {written!r}). Nothing was changed.")
    found = int(written or 0)
    if found > VERSION:
        raise StoreError(
            f"This workbench was written by a newer dqkit (schema {found}); this one reads up to schema {VERSION}. "
            "Upgrade dqkit (pip install --upgrade dqkit) to open it. Nothing was changed."
        )
    if found < VERSION:
        file = file_of(connection.engine.url)
        if file is not None:
            _back_up(file, found)
        _give_rows_a_workbench(connection)
        connection.execute(about.update().where(about.c.key == "schema").values(value=str(VERSION)))


def _back_up(file: Path, version: int) -> None:
    """A copy of the database beside it, as it was, before its tables are changed."""
    copy = file.with_name(f"{file.name}.schema-{version}.backup")
    if copy.exists():
        return
    partial = copy.with_name(f".{copy.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.partial")
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(partial)) as target:
            source.backup(target)
        sync(partial)
        os.replace(partial, copy)
        sync_folder(copy.parent)
    finally:
        partial.unlink(missing_ok=True)


def _give_rows_a_workbench(connection: sa.Connection) -> None:
    """Schemas 1 to 3 held one workbench; leases stood in the queue until 2, in `seats` in 3."""
    inspector = sa.inspect(connection)
    tables = set(inspector.get_table_names())
    columns = {name: {column["name"] for column in inspector.get_columns(name)} for name in tables}
    for name in ("events", "queue", "rounds"):
        # Keys cannot be changed in place, and names of keys are taken while the old table is there.
        connection.exec_driver_sql(f"CREATE TABLE old_{name} AS SELECT * FROM {name}")
        connection.exec_driver_sql(f"DROP TABLE {name}")
    metadata.create_all(connection)
    number = _add(connection, UNCLAIMED)
    no = "(1 = 0)"
    missing = {"control": no, "wanted": "1"}
    _copy(connection, number, events, "old_events")
    _copy(connection, number, rounds, "old_rounds")
    absent = {name: value for name, value in missing.items() if name not in columns["queue"]}
    _copy(connection, number, queue, "old_queue", absent)
    if "seats" in tables:
        _copy(connection, number, assignments, "seats")
    elif "leased_by" in columns["queue"]:
        held = {"annotator": "leased_by", "held_until": "leased_until", "answered": no}
        _copy(connection, number, assignments, "old_queue WHERE state = 'open' AND leased_by IS NOT NULL", held)
    if "classes" in tables:
        _copy(connection, number, added_classes, "classes")
    if "checks" in tables:
        _copy(connection, number, gold_answers, "checks")
    for name in ("old_events", "old_queue", "old_rounds", *({"seats", "classes", "checks"} & tables)):
        connection.exec_driver_sql(f"DROP TABLE {name}")
    if connection.dialect.name == "postgresql":
        for table, column in ((events, "seq"), (gold_answers, "seq"), (added_classes, "position")):
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column}'), coalesce(max({column}), 1), "
                f"max({column}) IS NOT NULL) FROM {table.name}"
            )


def _copy(
    connection: sa.Connection, number: int, table: sa.Table, source: str, instead: dict[str, str] | None = None
) -> None:
    """Fill a table from an older one; instead: what stands in the place of a column of the same name."""
    values = {c.name: c.name for c in table.columns} | {"workbench": str(number)} | (instead or {})
    quoted = ", ".join(f'"{name}"' for name in values)
    connection.exec_driver_sql(f"INSERT INTO {table.name} ({quoted}) SELECT {', '.join(values.values())} FROM {source}")
