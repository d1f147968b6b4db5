"""The rounds, and on a server the files they wrote, so that those who did not run them can read them."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from dqkit.files import write_text
from dqkit.records import StoreError
from dqkit.store.schema import round_files, rounds, settings
from dqkit.store.settings import put

PIECE = 4 * 2**20  # bytes in one row
COLUMNS = [column for column in rounds.columns if column.name != "workbench"]
VERSION_FILE = ".version"  # beside the files: which keeping of them these are
VERSION_NAME = "files of round "  # with a round's number, the setting that names the files that count


@dataclass(frozen=True)
class Kept:
    """The files of a round, on disk by now.

    Parameters
    ----------
    folder : Path
        The folder of the round.
    version : str
        Names them; files of another content have another one.
    files : mapping of str to Path
        Name in the round's folder, with "/" -> where it lies.
    """

    folder: Path
    version: str
    files: Mapping[str, Path]


def start(connection: sa.Connection, workbench: int, number: int, values: dict[str, Any]) -> None:
    """Write down that a round has begun; raises `StoreError` when another one has that number."""
    row = {**values, "settings": json.dumps(values["settings"], sort_keys=True)}
    before = connection.execute(sa.select(rounds).where(*_of(rounds, workbench, number))).mappings().first()
    if before is None:
        connection.execute(
            rounds.insert().values(workbench=workbench, round=number, status="running", metrics="{}", **row)
        )
    elif before["status"] != "running" or any(before[name] != value for name, value in row.items()):
        raise StoreError(f"Round {number} exists already; another process may be running it.")


def finish(connection: sa.Connection, workbench: int, number: int, *, finished: str, metrics: dict[str, Any]) -> None:
    """Write down that a round is complete, with its figures; raises `StoreError` where it was dropped meanwhile."""
    done = connection.execute(
        rounds.update()
        .where(*_of(rounds, workbench, number))
        .values(status="done", finished=finished, metrics=json.dumps(metrics, allow_nan=False))
    )
    if not done.rowcount:
        raise StoreError(f"Round {number} was dropped while it ran; another process began a round. Run it again.")


def drop(connection: sa.Connection, workbench: int, number: int) -> None:
    """Forget an unfinished round; a finished one stays. No label event is touched."""
    unfinished = (*_of(rounds, workbench, number), rounds.c.status == "running")
    if connection.execute(rounds.delete().where(*unfinished)).rowcount:
        connection.execute(round_files.delete().where(*_of(round_files, workbench, number)))


def table(connection: sa.Connection, workbench: int) -> list[dict[str, Any]]:
    """Every round, oldest first: round, status, budget, seed, started, finished, settings, metrics, version."""
    query = sa.select(*COLUMNS).where(rounds.c.workbench == workbench).order_by(rounds.c.round)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    names = sa.select(settings.c.name, settings.c.value).where(
        settings.c.workbench == workbench, settings.c.name.startswith(VERSION_NAME, autoescape=True)
    )
    versions = {str(name): json.loads(value) for name, value in connection.execute(names)}
    return [
        {
            **row,
            "settings": json.loads(row["settings"]),
            "metrics": json.loads(row["metrics"]),
            "version": versions.get(f"{VERSION_NAME}{row['round']}"),
        }
        for row in rows
    ]


def newest(connection: sa.Connection, workbench: int) -> int:
    """The number of the newest finished round, 0 before the first."""
    done = (rounds.c.workbench == workbench) & (rounds.c.status == "done")
    return int(connection.execute(sa.select(sa.func.max(rounds.c.round)).where(done)).scalar() or 0)


def keep(connection: sa.Connection, workbench: int, number: int, kept: Kept, *, content: bool) -> None:
    """Name the files of a round that count: whoever read others reads anew. content: put what they hold here too."""
    put(connection, workbench, f"{VERSION_NAME}{number}", kept.version)
    if not content:
        return
    connection.execute(round_files.delete().where(*_of(round_files, workbench, number)))
    for name, file in kept.files.items():
        with file.open("rb") as source:
            piece = 0
            # An empty file has one empty piece.
            while (data := source.read(PIECE)) or not piece:
                connection.execute(
                    round_files.insert().values(
                        workbench=workbench, round=number, name=name, piece=piece, version=kept.version, data=data
                    )
                )
                piece += 1


def kept_version(connection: sa.Connection, workbench: int, number: int) -> str | None:
    """Which keeping of a round's files the database holds; None where it holds none."""
    query = sa.select(round_files.c.version).where(*_of(round_files, workbench, number)).limit(1)
    found = connection.execute(query).scalar()
    return None if found is None else str(found)


def fetch_files(connection: sa.Connection, workbench: int, number: int, folder: Path, version: str) -> None:
    """Make `folder` hold the files of a round as the database has them, each whole or not at all."""
    mine = _of(round_files, workbench, number)
    names = list(connection.execute(sa.select(round_files.c.name).where(*mine).distinct()).scalars())
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{uuid.uuid4().hex}.partial"
    partial.mkdir()
    try:
        for name in names:
            part = partial / _inside(name)
            part.parent.mkdir(exist_ok=True)
            with part.open("wb") as target:
                pieces = sa.select(round_files.c.piece).where(*mine, round_files.c.name == name)
                for piece in connection.execute(pieces.order_by(round_files.c.piece)).scalars().all():
                    one = sa.select(round_files.c.data).where(
                        *mine, round_files.c.name == name, round_files.c.piece == piece
                    )
                    target.write(connection.execute(one).scalar_one())
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            os.replace(partial / name, folder / name)
        note_version(folder, version)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def local_version(folder: Path) -> str | None:
    """Which keeping the files in `folder` are."""
    try:
        return (folder / VERSION_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return None


def note_version(folder: Path, version: str) -> None:
    """Write down which keeping the files in `folder` are."""
    write_text(folder / VERSION_FILE, version, durable=False)


def _of(which: sa.Table, workbench: int, number: int) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return (which.c.workbench == workbench, which.c.round == number)


def _inside(name: str) -> str:
    # The database is not trusted to name files outside the folder: a plain name, in a folder of a plain name at most.
    parts = name.split("/")
    if len(parts) > 2 or any(not part or part.startswith(".") or set(part) & set("\\:\0") for part in parts):
        raise StoreError(f"The journal holds a round file with the name {name!r}, which is no plain file name.")
    return name
