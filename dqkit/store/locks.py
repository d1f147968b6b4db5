"""A lock that one process holds, on a drive of any kind; the system frees it when the process ends."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dqkit.records import StoreError

if TYPE_CHECKING:
    from filelock import BaseFileLock


@contextmanager
def only_one(file: Path, *, doing: str) -> Iterator[None]:
    """Hold the lock `file`, or raise `StoreError` at once where somebody else does.

    Parameters
    ----------
    file
        The lock; its folder must be there. A drive that knows no locks gets a marker file beside it instead.
    doing
        What only one may do, for the message: "running a round".

    Notes
    -----
    A marker of a process of this machine that has ended is taken over. One of another machine is not: nothing here can
    tell whether that process still runs, so the message says which file to delete.
    """
    from filelock import SoftFileLock, Timeout

    marker = file.with_name(f"{file.name}.marker")
    with ExitStack() as held:
        try:
            lock = _lock(file)
            try:
                held.enter_context((lock or SoftFileLock(marker)).acquire(timeout=0))
            except (OSError, NotImplementedError) as error:  # filelock's own word for a drive without locks
                if lock is None or (isinstance(error, Timeout) and _has_locks(file.parent)):
                    raise
                held.enter_context(SoftFileLock(marker).acquire(timeout=0))
        except Timeout as error:
            raise StoreError(
                f"Another process is {doing} in {str(file.parent.parent)!r}; wait for it to end.{_who(marker)}"
            ) from error
        except OSError as error:
            raise StoreError(f"The lock {str(file)!r} cannot be made: {error}. Check that you may write it.") from error
        yield


def _lock(file: Path) -> BaseFileLock | None:
    """The lock of the system; None where the system has no locks."""
    from filelock import FileLock, SoftFileLock

    if FileLock is SoftFileLock:
        return None
    try:
        # Its own marker would be the lock file itself, which may lie there from a drive that had locks.
        return FileLock(file, fallback_to_soft=False)
    except TypeError:  # an older filelock has no such fallback
        return FileLock(file)


def _has_locks(folder: Path) -> bool:
    """Whether a lock that nobody can hold yet is given; some versions of filelock say "held" where no lock is known."""
    probe = folder / f".lock-{os.getpid()}-{uuid.uuid4().hex}"
    lock = _lock(probe)
    if lock is None:
        return False
    try:
        with lock.acquire(timeout=0):
            return True
    except (OSError, NotImplementedError):
        return False
    finally:
        probe.unlink(missing_ok=True)


def _who(marker: Path) -> str:
    try:
        said = marker.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return ""
    owner = f" process {said[0]} on {said[1]}" if len(said) > 1 else ""
    return f" The marker {str(marker)!r} says{owner or ' so'}; where that has ended, delete the marker."
