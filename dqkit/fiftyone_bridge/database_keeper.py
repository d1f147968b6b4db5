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

from filelock import FileLock, Timeout

SOCKET = "mongod.sock"
DOOR = "door.lock"  # held while somebody enters, or while the last one leaves
KEPT = "keeper.lock"  # held by the keeper as long as it lives
CLIENTS = "clients"
LOOK_SECONDS = 0.3


def register(folder: Path) -> Path:
    """Say that this process needs the database, until it ends or takes the returned file away. Holds the door."""
    made = folder / CLIENTS / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    made.parent.mkdir(mode=0o700, exist_ok=True)
    made.write_text(f"{_born(os.getpid())}", encoding="ascii")
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


def is_needed(folder: Path) -> bool:
    """Whether a process that registered is alive; what others left is taken away."""
    needed = False
    for file in list((folder / CLIENTS).iterdir()):
        try:
            alive = file.read_text(encoding="ascii") == f"{_born(int(file.name.partition('-')[0]))}"
        except (OSError, ValueError):
            alive = False
        if alive:
            needed = True
        else:
            file.unlink(missing_ok=True)
    return needed


def _born(process: int) -> float:
    """When the process began, which tells it from a later one of its number; -1 where there is none."""
    import psutil

    try:
        return float(psutil.Process(process).create_time())
    except psutil.Error:
        return -1.0


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
        while mongod.poll() is None:
            time.sleep(LOOK_SECONDS)
            try:
                door.acquire(timeout=0)
            except Timeout:
                continue
            if is_needed(folder):
                door.release()
                continue
            # The door stays shut until this program is gone: who comes now starts a new one.
            mongod.terminate()
            mongod.wait()
        return mongod.returncode


if __name__ == "__main__":
    sys.exit(main())
