"""FiftyOne's `mongod` where nobody else on the machine can reach it: on a socket in a folder of its user's alone.

FiftyOne itself starts it on a port of 127.0.0.1 without a password, beside a process that loads pickles from whoever
connects. Here neither exists. Where there are no such sockets (Windows), FiftyOne's own way remains.
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import FileLock

from dqkit.fiftyone_bridge.database_keeper import DOOR, SOCKET, is_kept, register, unregister
from dqkit.records import MissingExtra

URI_VARIABLE = "FIFTYONE_DATABASE_URI"
LONGEST_SOCKET = 100  # bytes; Linux takes 107, macOS 103
START_SECONDS = 90.0


def use_private_database() -> None:
    """Let FiftyOne start its database privately from now on, unless an open one of this user's runs already."""
    from fiftyone.core import service

    known = service.DatabaseService
    if not hasattr(socket, "AF_UNIX") or getattr(known, "private", False):
        return
    service.DatabaseService = _private_service(known)


def uri_of(folder: Path) -> str:
    """The address of the database whose socket lies in this folder."""
    return f"mongodb://{quote(str(folder / SOCKET), safe='')}"


def private_folder(database_dir: Path) -> Path:
    """The folder of the socket, that only its user may enter: below the database's, or where that is too long a path.

    Raises `MissingExtra` where somebody else made it.
    """
    folder = database_dir.absolute() / "dqkit"
    if len(os.fsencode(folder / SOCKET)) > LONGEST_SOCKET:
        user = os.getuid() if hasattr(os, "getuid") else 0
        name = hashlib.blake2b(os.fsencode(folder), digest_size=8).hexdigest()
        folder = Path(tempfile.gettempdir()) / f"dqkit-{user}-{name}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    ours = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    if not ours or not stat.S_ISDIR(found.st_mode):
        raise MissingExtra(f"{folder} was made by somebody else. Remove it, or set FIFTYONE_DATABASE_DIR.")
    if found.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def _private_service(known: Any) -> Any:
    from fiftyone.core import config
    from fiftyone.core.odm import database
    from fiftyone.service import util
    from psutil import Popen

    class PrivateDatabase(known):  # type: ignore[misc]
        """Takes the place of FiftyOne's own service; its port is none, its address a socket."""

        private = True
        folder: Path | None = None
        registered: Path | None = None

        def start(self) -> None:
            if any(util.find_processes_by_args(self._service_args)):
                super().start()  # one of FiftyOne's own has the database open: a second cannot
                return
            folder = Path(config.load_config().database_dir)
            (folder / "log").mkdir(parents=True, exist_ok=True)
            self.folder = private_folder(folder)
            with FileLock(self.folder / DOOR):
                self.registered = register(self.folder)
                self.attached = is_kept(self.folder)
                if not self.attached:
                    command = [sys.executable, "-P", "-m", "dqkit.fiftyone_bridge.database_keeper"]
                    here = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]
                    self.child = Popen(
                        [*command, str(self.folder), str(folder), known.find_mongod()],
                        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in here if path)},
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        start_new_session=True,  # Ctrl-C in a terminal ends no database
                    )
                self._wait(self.folder / SOCKET)

        @property
        def port(self) -> int:
            if self.folder is None:
                return int(super().port)
            uri = uri_of(self.folder)
            database._connection_kwargs["host"] = uri
            os.environ[URI_VARIABLE] = uri  # for processes that this one starts
            return 27017  # not used with a socket

        def stop(self) -> None:
            if self.folder is None:
                super().stop()
                return
            if self.registered is not None:
                unregister(self.registered)
                self.registered = None
            if os.environ.get(URI_VARIABLE) == uri_of(self.folder):
                del os.environ[URI_VARIABLE]
            self.attached = False
            self.child = None

        def _wait(self, file: Path) -> None:
            until = time.monotonic() + START_SECONDS
            while not _listens(file):
                if time.monotonic() > until or (self.child is not None and self.child.poll() is not None):
                    self.stop()
                    raise OSError("mongod does not start")
                time.sleep(0.05)

    return PrivateDatabase


def _listens(file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(file)) == 0
