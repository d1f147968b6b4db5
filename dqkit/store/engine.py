"""How a database is opened: SQLite so that a commit survives power loss, PostgreSQL so that a restart is survived."""

from __future__ import annotations

import os
import sqlite3
import warnings
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from dqkit.records import MissingExtra, StoreError
from dqkit.store.address import file_of, with_password
from dqkit.store.drives import network_file_system

BUSY_MILLISECONDS = 30_000


def make(address: sa.URL, *, may_create: bool) -> sa.Engine:
    """An engine that has not connected yet.

    Raises `StoreError` where a SQLite file is missing and must not be made, `MissingExtra` where the driver is.
    """
    file = file_of(address)
    return _for_server(address) if file is None else _for_file(address, file, may_create=may_create)


def _for_server(address: sa.URL) -> sa.Engine:
    asked = {
        "connect_timeout": 10,
        "application_name": "dqkit",
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    try:
        engine = sa.create_engine(
            with_password(address),
            # A connection that died while nobody used it (a restart, a laptop that slept) is replaced unseen.
            pool_pre_ping=True,
            pool_timeout=30,
            connect_args={name: value for name, value in asked.items() if name not in address.query},
        )
    except ImportError as error:
        raise MissingExtra(
            f"The PostgreSQL driver {error.name!r} is missing; install it with: pip install 'dqkit[postgres]'"
        ) from error

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit TO on")
            cursor.execute(f"SET lock_timeout TO {BUSY_MILLISECONDS}")
        connection.autocommit = False

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("reads_only", False):
            # Several queries of one reading see the same moment.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    return engine


def _for_file(address: sa.URL, file: Path, *, may_create: bool) -> sa.Engine:
    if not may_create and not file.is_file():
        raise StoreError(missing(file))
    engine = sa.create_engine(address)
    drive = network_file_system(file)
    created, said = [may_create], list[str]()

    @sa.event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, _args: Any, _parameters: Any) -> None:
        # SQLite would make an empty file in the place of one that is gone.
        if not created[0] and not file.is_file():
            raise StoreError(missing(file))

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: Any) -> None:
        # Transactions are begun by the listener below, not by the driver's own guesses.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        reason = _set_journal(connection, file, drive)
        if reason is not None and not said:
            said.append(reason)
            _warn(file, reason)
        created[0] = False
        record.info["file"] = str(file)
        record.info["inode"] = os.stat(file).st_ino

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("reads_only", False):
            connection.exec_driver_sql("BEGIN")
            return
        _still_there(connection.info)
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def missing(file: Path) -> str:
    """What is said where a SQLite file is expected and not there."""
    return (
        f"{str(file)!r} is missing: the labels of this workbench were in it. Bring it back from a copy, or, where it "
        "was moved, open the workbench with Workbench.open(path, store_url=...). dqkit does not make an empty one in "
        "its place."
    )


def _still_there(info: dict[Any, Any]) -> None:
    # An open file that was deleted or replaced takes everything and keeps nothing.
    try:
        inode = os.stat(info["file"]).st_ino
    except OSError:
        inode = None
    if inode is None or inode != info["inode"]:
        raise StoreError(
            f"The workbench database {info['file']!r} was deleted or moved while it was open; nothing was written. "
            "Bring the file back, then open the workbench again."
        )


def _set_journal(connection: sqlite3.Connection, file: Path, drive: str | None) -> str | None:
    """WAL where the file system can, else a rollback journal; FULL in both, so that a commit survives power loss.

    Returns why it is no WAL, or None.
    """
    reason = f"it is on a network drive ({drive})" if drive else None
    if reason is None:
        try:
            mode = str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
            # The shared memory of WAL is first used by a transaction.
            connection.execute("PRAGMA user_version").fetchone()
            reason = None if mode == "wal" else f"its drive has no shared memory (SQLite answered {mode!r})"
        except sqlite3.OperationalError as error:
            if not any(word in str(error) for word in ("locking protocol", "I/O", "unable to open")):
                raise
            reason = f"its drive has no shared memory (SQLite said: {error})"
    if reason is not None and str(connection.execute("PRAGMA journal_mode").fetchone()[0]) != "delete":
        # A file that says WAL can be opened without shared memory by one connection alone; that one turns WAL off.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA locking_mode = NORMAL")
        connection.execute("PRAGMA user_version").fetchone()  # the lock is given back by the next use
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # on a Mac, fsync alone leaves the bytes in the cache of the drive
    return reason


def _warn(file: Path, reason: str) -> None:
    warnings.warn(
        f"The journal {str(file)!r} is kept without SQLite's WAL, because {reason}. Labels are as safe; several people "
        "wait longer for each other. For a team, PostgreSQL is the better store (docs/journal.md).",
        stacklevel=2,
    )
