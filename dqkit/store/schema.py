"""The tables of a workbench, how a database is opened safely, and how an older one is brought up to date."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from dqkit.records import MissingExtra, StoreError

VERSION = 3

metadata = sa.MetaData()

about = sa.Table("about", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text))

# Rows are only ever added. `seq` is the order of the decisions; `event_id` makes a resent decision one decision.
events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.Text, nullable=False, unique=True),
    sa.Column("sample_id", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("label", sa.Text),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("annotator", sa.Text, nullable=False, index=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("undoes", sa.Text, unique=True),
    sqlite_autoincrement=True,
)

queue = sa.Table(
    "queue",
    metadata,
    sa.Column("round", sa.Integer, primary_key=True),
    sa.Column("sample_id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("control", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("wanted", sa.Integer, nullable=False, server_default="1"),
)
# Only what is still open is searched, so the next samples cost the same at the start and the end of a queue.
sa.Index("queue_open", queue.c.round, queue.c.position, sqlite_where=queue.c.state == "open")

# One person at one sample of one queue: held for a while, or answered (see seats.py).
seats = sa.Table(
    "seats",
    metadata,
    sa.Column("round", sa.Integer, primary_key=True),
    sa.Column("sample_id", sa.Text, primary_key=True),
    sa.Column("annotator", sa.Text, primary_key=True),
    sa.Column("answered", sa.Boolean, nullable=False),
    sa.Column("held_until", sa.Float),
)

# Class names added after the dataset came in, in the order of their positions. `key` makes look-alikes one class.
classes = sa.Table(
    "classes",
    metadata,
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("annotator", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)

# Answers to questions whose answer is known. They say how good a person is and never become a label.
checks = sa.Table(
    "checks",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.Text, nullable=False, unique=True),
    sa.Column("sample_id", sa.Text, nullable=False),
    sa.Column("annotator", sa.Text, nullable=False, index=True),
    sa.Column("expected", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("withdrawn", sa.Boolean, nullable=False),
    sqlite_autoincrement=True,
)

rounds = sa.Table(
    "rounds",
    metadata,
    sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("budget", sa.Integer, nullable=False),
    sa.Column("seed", sa.Integer, nullable=False),
    sa.Column("started", sa.Text, nullable=False),
    sa.Column("finished", sa.Text),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("metrics", sa.Text, nullable=False),
)


def connect(url: str) -> sa.Engine:
    """An engine for the database at `url`, its tables made or migrated to `VERSION`.

    SQLite runs in WAL mode with synchronous=FULL, so that a commit survives power loss, and a writing transaction
    takes the write lock when it begins, so that two processes wait for each other instead of failing half-way.
    Raises `StoreError` when the file is no database, was written by a newer dqkit, or cannot be written; so does a
    writing transaction when the file is no longer there.
    """
    try:
        engine = sa.create_engine(url)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
        raise StoreError(
            f"store_url must be an SQLAlchemy URL such as sqlite:////path/labels.sqlite; {error}."
        ) from error
    except ImportError as error:
        raise MissingExtra(f"The database driver {error.name!r} is missing. Run `pip install {error.name}`.") from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            _bring_up_to_date(connection)
    except sa.exc.DatabaseError as error:
        engine.dispose()
        raise StoreError(
            f"The workbench database {engine.url.render_as_string()} cannot be opened: {error.orig}. "
            "Check that the file is a dqkit database and that you may write it and its folder."
        ) from error
    except StoreError:
        engine.dispose()
        raise
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    # Transactions are begun by the listener above, not by the driver's own guesses.
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    record.info["file"] = connection.execute("PRAGMA database_list").fetchone()[2]


def _begin(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("reads_only", False):
        connection.exec_driver_sql("BEGIN")
        return
    file = connection.info["file"]
    if file and not os.path.exists(file):
        # An open file that was deleted takes everything and keeps nothing.
        raise StoreError(
            f"The workbench database {file!r} was deleted or moved while it was open; nothing was written."
        )
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _bring_up_to_date(connection: sa.Connection) -> None:
    if not sa.inspect(connection).has_table("about"):
        metadata.create_all(connection)
        connection.execute(about.insert().values(key="schema", value=str(VERSION)))
        return
    written = connection.execute(sa.select(about.c.value).where(about.c.key == "schema")).scalar()
    if not str(written).isdigit() or not int(written or 0):
        raise StoreError(f"This database does not say which dqkit wrote it (schema {written!r}). Nothing was changed.")
    found = int(written or 0)
    if found > VERSION:
        raise StoreError(
            f"This workbench was written by a newer dqkit (schema {found}); this one reads up to schema {VERSION}. "
            "Upgrade dqkit (pip install --upgrade dqkit) to open it. Nothing was changed."
        )
    for version in range(found, VERSION):
        MIGRATIONS[version](connection)
    if found < VERSION:
        connection.execute(about.update().where(about.c.key == "schema").values(value=str(VERSION)))


def live() -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """Conditions that leave out undos and what they withdrew."""
    withdrawn = sa.select(events.c.undoes).where(events.c.undoes.is_not(None))
    return events.c.kind != "undo", events.c.event_id.not_in(withdrawn)


def newest_round(connection: sa.Connection) -> int:
    """The number of the newest queue, 0 before the first."""
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(queue.c.round), 0))).scalar_one())


def _add_leases_and_control(connection: sa.Connection) -> None:
    """Schema 1 had neither leases nor a control slice."""
    connection.exec_driver_sql("ALTER TABLE queue ADD COLUMN control BOOLEAN NOT NULL DEFAULT 0")
    connection.exec_driver_sql("ALTER TABLE queue ADD COLUMN leased_by TEXT")
    connection.exec_driver_sql("ALTER TABLE queue ADD COLUMN leased_until FLOAT")
    next(index for index in queue.indexes if index.name == "queue_open").create(connection, checkfirst=True)


def _add_seats_classes_and_checks(connection: sa.Connection) -> None:
    """Schema 2 knew one holder a sample, the dataset's own classes and no known answers."""
    for table in (seats, classes, checks):
        table.create(connection, checkfirst=True)
    connection.exec_driver_sql("ALTER TABLE queue ADD COLUMN wanted INTEGER NOT NULL DEFAULT 1")
    connection.exec_driver_sql(
        "INSERT INTO seats (round, sample_id, annotator, answered, held_until) "
        "SELECT round, sample_id, leased_by, 1 = 0, leased_until FROM queue "
        "WHERE state = 'open' AND leased_by IS NOT NULL"
    )
    connection.exec_driver_sql("ALTER TABLE queue DROP COLUMN leased_by")
    connection.exec_driver_sql("ALTER TABLE queue DROP COLUMN leased_until")


MIGRATIONS: dict[int, Callable[[sa.Connection], None]] = {1: _add_leases_and_control, 2: _add_seats_classes_and_checks}
