"""Where a journal is: a SQLite file or a PostgreSQL database. A password is used and not stored."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

import sqlalchemy as sa

from dqkit.records import StoreError

PASSWORD_VARIABLE = "DQKIT_STORE_PASSWORD"
KEYRING_SERVICE = "dqkit"
EXAMPLES = "sqlite:////path/labels.sqlite or postgresql://name@host/database"
SECRETS = ("password", "sslpassword")
DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
SERVERS = ("postgresql+psycopg", "postgresql+psycopg2")
_SQLITE = re.compile(r"sqlite(\+pysqlite)?://(?P<rest>.*)", re.DOTALL)
_IN_MEMORY = re.compile(r"(file:)?(:memory:.*)?|file:.*[?&]mode=memory.*", re.DOTALL)


def sqlite_file(file: str | os.PathLike[str]) -> sa.URL:
    """The address of a SQLite file, whatever signs its path holds."""
    return sa.URL.create("sqlite", database=os.path.abspath(file))


def parse(url: str | sa.URL, *, stored: bool = False) -> sa.URL:
    """The address that `url` names: an absolute path, or a server with the driver that dqkit uses.

    Parameters
    ----------
    url
        A URL such as ``sqlite:////path/labels.sqlite`` or ``postgresql://name@host/database``, or a `sqlalchemy.URL`.
    stored
        Whether it comes from `shown`, where ``%``, ``?`` and ``#`` in a path are escaped. What a person writes is
        first taken as it stands.

    Raises
    ------
    StoreError
        Where it is no such URL, or names a database in memory, which would lose its labels when it is closed.
    """
    if isinstance(url, str) and (found := _SQLITE.fullmatch(url.strip())):
        rest = found["rest"]
        if rest and not rest.startswith("/"):
            got = "" if _may_hold_password(url) else f"; got {url!r}"
            raise StoreError(f"store_url names a host, but SQLite is a file: write sqlite:////path{got}.")
        return _sqlite(rest[1:], stored=stored)
    try:
        address = sa.make_url(url)
    except Exception:  # its text may hold the password
        raise StoreError(_unreadable(url)) from None
    name = DRIVERS.get(address.drivername, address.drivername)
    if name in ("sqlite", "sqlite+pysqlite"):
        if address.query:
            raise StoreError(f"store_url must name a plain file for SQLite, without options; got {shown(address)!r}.")
        return _sqlite(address.database or "", stored=None)
    if name not in SERVERS:
        raise StoreError(f"store_url must name a SQLite file or a PostgreSQL server ({EXAMPLES}); got {name!r}.")
    if "@" in (address.host or ""):
        raise StoreError(
            "store_url has more than one @. Write @ in a password as %40, / as %2F and : as %3A, or leave the password "
            f"out and set {PASSWORD_VARIABLE}."
        )
    return address.set(drivername=name)


def file_of(address: sa.URL) -> Path | None:
    """The file of a SQLite address; None for a server."""
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None


def shown(address: sa.URL) -> str:
    """The address without its password, as project.json and messages hold it; `parse` reads it again."""
    if address.get_backend_name() == "sqlite":
        path = (address.database or "").replace("%", "%25").replace("?", "%3F").replace("#", "%23")
        return f"sqlite:///{path}"
    plain = address.drivername == DRIVERS["postgresql"]
    open_part = sa.URL.create(
        "postgresql" if plain else address.drivername,
        username=address.username,
        host=address.host,
        port=address.port,
        database=address.database,
        query={name: value for name, value in address.query.items() if name not in SECRETS},
    )
    return open_part.render_as_string(hide_password=False)


def has_password(address: sa.URL) -> bool:
    """Whether a password stands in the address itself."""
    return address.password is not None or any(name in address.query for name in SECRETS)


def with_password(address: sa.URL) -> sa.URL:
    """The address with the password that this person keeps for it; as it is where there is none to be found.

    Notes
    -----
    In this order: the address itself, the environment variable ``DQKIT_STORE_PASSWORD``, the `keyring` package where
    it is installed (service "dqkit", user name: the address as project.json holds it). After that the PostgreSQL client
    library looks at ``PGPASSWORD`` and ``~/.pgpass`` by itself.
    """
    if address.get_backend_name() == "sqlite" or has_password(address):
        return address
    password = os.environ.get(PASSWORD_VARIABLE) or _from_keyring(shown(address))
    return address if password is None else address.set(password=password)


def _from_keyring(name: str) -> str | None:
    try:
        keyring = importlib.import_module("keyring")
        found = keyring.get_password(KEYRING_SERVICE, name)
    except Exception:  # not installed, locked, or no desktop that keeps one: the client library looks further
        return None
    return None if found is None else str(found)


def _sqlite(path: str, *, stored: bool | None) -> sa.URL:
    """stored: whether signs in the path are escaped; None where they cannot be."""
    if _IN_MEMORY.fullmatch(path):
        raise StoreError(
            "store_url names a database in memory, whose labels are gone when it is closed. Name a file: "
            "sqlite:////path/labels.sqlite, or leave store_url out."
        )
    if "\0" in path:
        raise StoreError(f"store_url must name a file; got {path!r}.")
    if path.startswith("/~") and not os.path.lexists(path[: (path + "/").index("/", 1)]):
        path = path[1:]  # sqlite:////~/labels.sqlite: four slashes, as of an absolute path
    readings = [path] if stored is None else [path, unquote(path)]
    if stored:
        readings.reverse()
    return sqlite_file(_likeliest(os.path.abspath(os.path.expanduser(reading)) for reading in readings))


def _likeliest(paths: Iterable[str]) -> str:
    """The first that is there, else the first whose folder is there, else the first."""
    known = list(dict.fromkeys(paths))
    there = [path for path in known if os.path.exists(path)]
    near = [path for path in known if os.path.isdir(os.path.dirname(path))]
    return [*there, *near, *known][0]


def _may_hold_password(url: str) -> bool:
    return "@" in url or "password" in url


def _unreadable(url: object) -> str:
    if not isinstance(url, str):
        return f"store_url must be a text such as {EXAMPLES}; got {type(url).__name__}."
    what = "one that cannot be read" if _may_hold_password(url) else f"{url!r}"
    return (
        f"store_url must be a URL such as {EXAMPLES}; got {what}. Several servers are written as "
        "postgresql://name@/database?host=one,two&port=5432,5432."
    )
