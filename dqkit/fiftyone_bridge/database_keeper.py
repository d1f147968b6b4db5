"""Runs a `mongod` for as long as a process that registered for it lives; `private_database` starts this program.

Those processes meet in a folder of their user's alone. Each leaves a file there that names it. Nothing listens on a
port, and what stands in the files is never more than a number.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

SOCKET = "mongod.sock"
DOOR = "door.lock"  # held while somebody enters, or while the last one leaves
KEPT = "keeper.lock"  # held by the keeper as long as it lives
CLIENTS = "clients"
LOOK_SECONDS = 0.3
CLOCK_SECONDS = 60.0  # by so much two processes may differ on when a third began, where the clock was set meanwhile


def register(folder: Path) -> Path:
    """Say that this process needs the database, until it ends or takes the returned file away. Holds the door."""
    import psutil

    made = folder / CLIENTS / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    made.parent.mkdir(mode=0o700, exist_ok=True)
    made.write_text(f"{psutil.Process().create_time()}", encoding="ascii")
    return made


def unregister(file: Path) -> None:
    """This process needs the database no more."""
    file.unlink(missing_ok=True)


def is_kept(folder: Path) -> bool:
    """Whether a keeper lives in this folder."""
    lock = FileLock(folder / KEPT)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def is_needed(folder: Path, known: dict[str, Any]) -> bool:
    """Whether a process that registered is alive; what others left is taken away.

    known: the processes seen so far, kept from call to call: once seen, one is known whatever the clock does.
    """
    needed = False
    for file in list((folder / CLIENTS).iterdir()):
        process = known.get(file.name) or _registered(file)
        if process is not None and _lives(process):
            known[file.name] = process
            needed = True
        else:
            known.pop(file.name, None)
            file.unlink(missing_ok=True)
    return needed


def _registered(file: Path) -> Any:
    """The process that left this file; None where its number is another one's by now."""
    import psutil

    try:
        process = psutil.Process(int(file.name.partition("-")[0]))
        same = abs(process.create_time() - float(file.read_text(encoding="ascii"))) < CLOCK_SECONDS
    except (OSError, ValueError, psutil.Error):
        return None
    return process if same else None


def _lives(process: Any) -> bool:
    import psutil

    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def main() -> int:
    """Keep a mongod: arguments are the folder to meet in, the folder of the database, and the program."""
    folder, database, program = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    with FileLock(folder / KEPT):
        (folder / SOCKET).unlink(missing_ok=True)  # of a mongod that was killed
        log = os.path.join(database, "log", "mongo.log")
        command = [program, "--dbpath", database, "--logpath", log, "--logappend"]
        # Only on the socket, and that only for its user: nothing listens on a port.
        mongod = subprocess.Popen(
            [*command, "--bind_ip", str(folder / SOCKET), "--filePermissions", "0700"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        signal.signal(signal.SIGTERM, lambda *_: mongod.terminate())
        door = FileLock(folder / DOOR)
        known: dict[str, Any] = {}
        while mongod.poll() is None:
            time.sleep(LOOK_SECONDS)
            try:
                door.acquire(timeout=0)
            except Timeout:
                continue
            if is_needed(folder, known):
                door.release()
                continue
            # The door stays shut until this program is gone: who comes now starts a new one.
            mongod.terminate()
            mongod.wait()
        return mongod.returncode


if __name__ == "__main__":
    sys.exit(main())
