"""Where packs lie: the cache folder, a temporary one where that cannot be written, and what is swept out of it."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import tempfile
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

from dqkit.datasets.pixels.packs import Pack, open_pack

KEPT_DAYS = 90
SUFFIX = ".partial"
DAY = 86_400

_LOCK = threading.Lock()
_active: set[str] = set()
_warned: set[str] = set()
_temporary: dict[int, Path] = {}


def cache_folder() -> Path:
    """Where decoded pixels are kept: $DQKIT_CACHE, or dqkit under the user's cache folder."""
    root = os.environ.get("DQKIT_CACHE")
    if root:
        return Path(os.path.expanduser(root))
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "dqkit"


def roots() -> list[Path]:
    """The folders that may hold packs, the cache folder first."""
    own = _temporary.get(os.getpid())
    return [cache_folder() / "pixels", *([own] if own is not None else [])]


def temporary_root(reason: OSError) -> Path:
    """A folder for this process alone, removed at its end; warns once what to set. May raise `OSError` itself."""
    with _LOCK:
        if os.getpid() not in _temporary:
            folder = Path(tempfile.mkdtemp(prefix="dqkit-pixels-"))
            _temporary[os.getpid()] = folder
            atexit.register(_remove_own, folder, os.getpid())
        place = str(cache_folder())
        new = place not in _warned
        _warned.add(place)
    if new:
        warnings.warn(
            f"The pixel cache {place!r} cannot be used ({reason.strerror or reason}). Decoded pictures are kept in "
            "a temporary folder until this process ends. Set the environment variable DQKIT_CACHE to a folder that "
            "can be written to keep them.",
            UserWarning,
            stacklevel=4,
        )
    return _temporary[os.getpid()]


def _remove_own(folder: Path, pid: int) -> None:
    if os.getpid() == pid:
        remove(folder)


def remove(folder: Path) -> None:
    """Remove the folder and what is in it, as far as the system lets us (Windows keeps files that are mapped)."""
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def workplace(root: Path, name: str) -> Iterator[Path]:
    """A new folder beside the packs, to be renamed into a pack; it is left where its maker was interrupted."""
    root.mkdir(parents=True, exist_ok=True)
    folder = root / f"{name}.{_host()}.{os.getpid()}.{uuid.uuid4().hex[:8]}{SUFFIX}"
    folder.mkdir()
    _active.add(str(folder))
    try:
        yield folder
    except Exception:
        remove(folder)
        raise
    finally:
        _active.discard(str(folder))


def candidates(root: Path) -> list[Path]:
    """Every pack in `root`, and what killed runs left, newest first."""
    try:
        found = [(entry.stat().st_mtime, Path(entry.path)) for entry in os.scandir(root) if entry.is_dir()]
    except OSError:
        return []
    return [path for _, path in sorted(found, reverse=True) if not path.name.endswith(SUFFIX) or is_left(path)]


def is_left(folder: Path) -> bool:
    """Whether the maker of an unfinished pack is gone: it ended on this machine, or wrote nothing for a day."""
    if str(folder) in _active:
        return False
    try:
        if time.time() - max(entry.stat().st_mtime for entry in (folder, *folder.iterdir())) > DAY:
            return True
    except (OSError, ValueError):
        return False
    parts = folder.name.split(".")
    host, pid = (parts[1], parts[2]) if len(parts) == 5 else (_host(), parts[1] if len(parts) == 3 else "")
    if host != _host() or not pid.isdigit():
        return False
    return int(pid) == os.getpid() or not _runs(int(pid))


def _runs(pid: int) -> bool:
    if os.name == "nt":
        return True  # there, signal 0 would end the process; what it left is swept after a day
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _host() -> str:
    return "".join(c if c.isalnum() or c == "-" else "-" for c in socket.gethostname()) or "host"


def sweep(root: Path, kept: Pack) -> None:
    """Remove what the new pack makes superfluous: packs of the same files and no others, leftovers, old packs.

    A pack is removed too where nobody opened it for 90 days.
    """
    paths = set(kept.index["path"].tolist())
    for folder in candidates(root):
        if folder == kept.folder:
            continue
        pack = open_pack(folder)
        left = folder.name.endswith(SUFFIX)
        if pack is None:
            superfluous = left or _age(folder) > KEPT_DAYS * DAY
        else:
            own = pack.side == kept.side and paths.issuperset(pack.index["path"][pack.is_decoded].tolist())
            superfluous = own or _age(folder) > (DAY if left else KEPT_DAYS * DAY)
        if superfluous:
            remove(folder)


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return 0.0


def touch(folder: Path) -> None:
    """Note that a pack was used."""
    with contextlib.suppress(OSError):
        os.utime(folder)
