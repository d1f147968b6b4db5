"""A model of the disk: what a power cut leaves of a folder.

Nothing counts but what was synced: of a file what it held when it was last synced, of a folder the names it held then.
A real disk often keeps more; `images` with a generator of random numbers adds some of it: all names of the moment, and
of each file what it holds, a part of it, or nothing. Names come together or not at all, since a rename that moves a
file from one folder to another is one step of every file system with a journal.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dqkit import files
from dqkit.store.transactions import Transactions

Names = dict[str, tuple[int, bool]]  # name -> inode, and whether it is a folder


@dataclass(frozen=True)
class Moment:
    """What the disk held, and what the process saw, when something was synced. said: what was acknowledged by then."""

    names: dict[int, Names]
    contents: dict[int, bytes]
    live_names: dict[int, Names]
    live_contents: dict[int, bytes]
    said: int


@dataclass
class Disk:
    """The disk below `root`, as far as dqkit and SQLite sync it.

    pins: a folder elsewhere on the same drive; a file that was synced is linked there, so that its inode stays its own.
    keeps_live: whether each moment also holds what the process saw.
    """

    root: Path
    pins: Path
    keeps_live: bool = False
    said: int = 0
    moments: list[Moment] = field(default_factory=list)
    names: dict[int, Names] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    _one_by_one: threading.Lock = field(default_factory=threading.Lock)
    _held: dict[int, int] = field(default_factory=dict)

    def attach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Watch every sync of this process."""
        self.pins.mkdir()
        self._folder(os.open(self.root, os.O_RDONLY))
        written = Transactions.write

        def write(store: Transactions, work: Callable[..., Any], **options: Any) -> Any:
            found = written(store, work, **options)
            if store.engine.url.database:
                self._committed(Path(store.engine.url.database))
            return found

        monkeypatch.setattr(files, "_flush", self.flushed)
        monkeypatch.setattr(Transactions, "write", write)

    def flushed(self, handle: int) -> None:
        """Stands for fsync."""
        with self._one_by_one:
            self._note()
            if os.path.isdir(f"/dev/fd/{handle}"):
                self._folder(os.dup(handle))
            else:
                self._file(handle)
            self._note()

    def _committed(self, database: Path) -> None:
        """SQLite has synced its files, and the name of a new journal file."""
        for file in (database, database.with_name(f"{database.name}-wal")):
            if file.exists():
                with file.open("rb") as opened:
                    self._file(opened.fileno())
                here = self.names.setdefault(database.parent.stat().st_ino, {})
                here[file.name] = (file.stat().st_ino, False)
        self._note()

    def _file(self, handle: int) -> None:
        inode = os.fstat(handle).st_ino
        pin = self.pins / str(inode)
        if not pin.exists():
            os.link(os.readlink(f"/proc/self/fd/{handle}"), pin)
        self.contents[inode] = pin.read_bytes()

    def _folder(self, handle: int) -> None:
        inode = os.fstat(handle).st_ino
        if self._held.setdefault(inode, handle) != handle:
            os.close(handle)
        self.names[inode] = _names(self._held[inode])

    def _note(self) -> None:
        live_names: dict[int, Names] = {}
        live_contents: dict[int, bytes] = {}
        if self.keeps_live:
            for place, _, inside in os.walk(self.root):
                live_names[os.stat(place).st_ino] = _names(place)
                for name in inside:
                    file = Path(place, name)
                    live_contents[file.stat().st_ino] = file.read_bytes()
        names = {inode: dict(found) for inode, found in self.names.items()}
        self.moments.append(Moment(names, dict(self.contents), live_names, live_contents, self.said))

    def close(self) -> None:
        """Let go of the folders."""
        for handle in self._held.values():
            os.close(handle)


def image(moment: Moment, root: Path, target: Path, random: Random | None = None) -> None:
    """Make `target` what a power cut at a moment leaves of `root`."""
    names = moment.live_names if random is not None and random.random() < 0.5 else moment.names

    def content(inode: int) -> bytes:
        synced, live = moment.contents.get(inode), moment.live_contents.get(inode, b"")
        if random is None or random.random() < 0.5:
            return synced or b""
        if synced is not None and synced == live[: len(synced)]:
            return live[: random.randint(len(synced), len(live))]
        return live if random.random() < 0.5 else synced or b""

    def fill(inode: int, folder: Path) -> None:
        folder.mkdir(parents=True)
        for name, (inside, is_folder) in names.get(inode, {}).items():
            if is_folder:
                fill(inside, folder / name)
            else:
                (folder / name).write_bytes(content(inside))

    fill(root.stat().st_ino, target)


def _names(folder: int | str) -> Names:
    return {entry.name: (entry.inode(), entry.is_dir(follow_symlinks=False)) for entry in os.scandir(folder)}
