"""What a database refuses, as dqkit's own errors: what happened, and what to do."""

from __future__ import annotations

import errno
import sqlite3
from typing import Any

import sqlalchemy as sa

from dqkit.records import DqkitError, InputError, StoreError
from dqkit.store.address import KEYRING_SERVICE, PASSWORD_VARIABLE, shown

FAILURES = (sa.exc.SQLAlchemyError, sqlite3.Error, OSError, UnicodeError, OverflowError)
NOTHING = "Nothing was changed."
# A part of SQLite's message -> what to do about it.
SQLITE = (
    ("is locked", "Another program has kept it locked for 30 seconds. Close that program, then try again."),
    ("is full", "The disk is full, or a quota is used up. Free some space, then try again."),
    ("readonly", "It may only be read. Allow writing to the file and its folder, then try again."),
    ("read-only", "It may only be read. Allow writing to the file and its folder, then try again."),
    ("disk i/o error", "The disk or the network drive failed. Check it and copy the file, then try again."),
    ("locking protocol", "The drive cannot lock files. Move the workbench to a local disk, or use PostgreSQL."),
    ("unable to open", "Check that its folder is there and that you may write it."),
    ("not a database", "The file is no dqkit database. Bring it back from a copy."),
    ("malformed", "The file is damaged. Bring it back from a copy; `sqlite3 FILE .recover` saves what is readable."),
    ("no such table", "The file is no dqkit database of this version. Open the workbench again."),
)
# The first characters of PostgreSQL's error code -> what to do about it.
SERVER = (
    ("28", "The server refused the name or the password. {password}"),
    ("3D", "The server has no database of this name. Create it first (createdb), or correct the name."),
    ("42501", "This user may not do that. Let the database's owner grant it the right to create and write tables."),
    ("42P01", "The tables of the journal are gone. Bring the database back from a copy."),
    ("25006", "The server only lets you read: it is a standby, or set to read only. Connect to the primary server."),
    ("53", "The server has no room left: disk, memory or connections. Tell the person who runs it, then try again."),
    ("55P03", "Another program has kept the rows locked for 30 seconds. Try again when it has ended."),
    ("40", "Others kept changing the same rows. Try again."),
    ("58", "The server's disk failed. Tell the person who runs it."),
    ("XX", "The server found damage in its files. Tell the person who runs it."),
)
AGAIN = ("40001", "40P01", "57P01", "57P02", "57P03", "53300")


def password_ways(address: sa.URL) -> str:
    """How a password is given, in one sentence."""
    return (
        f"A password is not stored in project.json: set {PASSWORD_VARIABLE} or PGPASSWORD, write a line into "
        f"~/.pgpass, run `keyring set {KEYRING_SERVICE} {shown(address)}`, or pass "
        "Workbench.open(path, store_url=...) with it."
    )


def translated(error: BaseException, address: sa.URL, *, doing: str) -> DqkitError:
    """The error for people. doing: "written", "read" or "opened", after "cannot be"."""
    if isinstance(error, DqkitError):
        return error
    cause: Any = getattr(error, "orig", None) or error
    said = " ".join(str(cause).split())
    where = shown(address)
    if isinstance(error, UnicodeError | OverflowError | sa.exc.DataError | sa.exc.IntegrityError) or (
        isinstance(error, sa.exc.StatementError) and isinstance(cause, ValueError | TypeError | OverflowError)
    ):
        return InputError(f"The journal {where} cannot hold these values: {said}. {NOTHING}")
    advice = _advice(error, cause, said, address)
    return StoreError(f"The journal {where} cannot be {doing}: {said}. {advice} {NOTHING}")


def may_pass(error: BaseException) -> bool:
    """Whether the same transaction may succeed a moment later: a restarted server, a lost line, two at the same row."""
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    code = state(error)
    if error.connection_invalidated or code in AGAIN or code[:2] == "08":
        return True
    # A server that is not there has no code to send; a refused password has neither, but says so.
    said = str(error.orig).lower()
    return isinstance(error, sa.exc.OperationalError) and not code and _is_server(error) and not _is_refusal(said)


def state(error: BaseException) -> str:
    """PostgreSQL's five-character code of an error, else an empty text."""
    orig = getattr(error, "orig", None)
    return str(getattr(orig, "sqlstate", None) or getattr(orig, "pgcode", None) or "")


def _is_server(error: sa.exc.DBAPIError) -> bool:
    return not isinstance(error.orig, sqlite3.Error)


def _is_refusal(said: str) -> bool:
    words = ("password", "authentication", "no pg_hba.conf", "does not exist", "translate host name", "ssl", "role")
    return any(word in said for word in words)


def _advice(error: BaseException, cause: Any, said: str, address: sa.URL) -> str:
    low = said.lower()
    if isinstance(error, sa.exc.TimeoutError):
        return "Too many threads of this process use it at once. Let some of them end, then try again."
    if isinstance(cause, sqlite3.Error):
        return next((text for part, text in SQLITE if part in low), "Check the file and its folder, then try again.")
    if isinstance(cause, OSError):
        full = cause.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
        return "The disk is full. Free some space, then try again." if full else "Check the drive, then try again."
    code = state(error)
    for start, text in SERVER:
        if code.startswith(start):
            return text.format(password=password_ways(address))
    if "password" in low or "authentication" in low:
        return f"The server refused the name or the password. {password_ways(address)}"
    if "does not exist" in low:
        return "The server has no such database or user. Create it first, or correct the address."
    return "Check that the server runs and can be reached from here, then try again."
