"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

WRITERS = 8
MOST_BYTES = 2 << 30  # of a file that a table names: it is read into memory whole


def replace(file: Path, write: Callable[[Path], Any], *, durable: bool = True) -> None:
    """Let `write` fill a new file beside `file`, then put it in its place in one step.

    A reader sees the old file or the new one, never a part; a failure leaves the old one.

    Parameters
    ----------
    file : Path
        The file to write. Its folder must exist.
    write : callable
        Fills the path that it is given.
    durable : bool
        Wait until the disk has the bytes and the name, so that a power cut cannot take them back. Left out for what
        can be made again, such as caches.
    """
    partial = file.with_name(f".{file.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.partial")
    try:
        write(partial)
        if durable:
            sync(partial)
        os.replace(partial, file)
        if durable:
            sync_folder(file.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_text(file: Path, text: str, *, durable: bool = True) -> None:
    """Write UTF-8 text with "\\n" at the line ends; see `replace`."""
    replace(file, lambda partial: partial.write_text(text, encoding="utf-8", newline="\n"), durable=durable)


def write_json(file: Path, value: Any, *, durable: bool = True) -> None:
    """Write JSON; NaN and infinity are refused with `ValueError`; see `replace`."""
    write_text(file, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n", durable=durable)


def write_array(file: Path, values: Any, *, durable: bool = True) -> None:
    """Write an array as .npy, without pickle; see `replace`."""
    import numpy as np

    def write(partial: Path) -> None:
        with partial.open("wb") as opened:  # np.save would add .npy to the name
            np.save(opened, np.asarray(values), allow_pickle=False)

    replace(file, write, durable=durable)


def read_file(file: str | os.PathLike[str], *, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file that somebody else named.

    Parameters
    ----------
    file : path
        A regular file: a device has no end, and a pipe is waited for.
    most : int
        A larger one is not read.

    Raises
    ------
    OSError
        Where it cannot be opened, is no regular file or too large.
    """
    _check_regular(os.stat(file), file, most)  # before it is opened, which alone makes some devices move
    handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as opened:
        _check_regular(os.fstat(handle), file, most)  # it may be another one by now
        raw = opened.read(most + 1)
    if len(raw) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(file))
    return raw


def _check_regular(status: os.stat_result, file: str | os.PathLike[str], most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device, a pipe or a socket"
        raise OSError(errno.EINVAL, f"it is {kind}, no regular file", str(file))
    if status.st_size > most:
        raise OSError(errno.EFBIG, f"it has {status.st_size:,} bytes, more than {most:,}", str(file))


def content_name(raw: bytes, ending: str) -> str:
    """A relative path, with "/", that is the same for the same bytes, such as "0a/488b...b78964.png"."""
    name = hashlib.blake2b(raw, digest_size=16).hexdigest()
    return f"{name[:2]}/{name[2:]}{ending}"


def is_content_name(path: str | Path) -> bool:
    """Whether a file is named by `content_name`, which says nothing to a person."""
    return re.search(r"(^|/)[0-9a-f]{2}/[0-9a-f]{30}\.\w+$", Path(path).as_posix()) is not None


def sync(file: str | Path) -> None:
    """Wait until the disk has what was written to the file."""
    # Windows syncs only what is open for writing; elsewhere a file that may only be read is synced too.
    with open(file, "rb+" if os.name == "nt" else "rb", buffering=0) as opened:
        _flush(opened.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in the folder; does nothing where folders cannot be opened (Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        _flush(handle)
    except OSError:  # some network drives cannot sync a folder; the file itself is synced
        return
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Wait until the disk has every file and every name below the folder; links are names, what they lead to stays."""
    places = [(Path(place), names) for place, _, names in os.walk(folder, topdown=False)]
    files = [place / name for place, names in places for name in names if not (place / name).is_symlink()]
    with ThreadPoolExecutor(WRITERS) as pool:  # the disk takes several at once
        for _ in pool.map(sync, files):
            pass
    for place, _ in places:
        sync_folder(place)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they are missing; a power cut cannot take their names back."""
    missing = []
    at = folder
    while not at.is_dir():
        missing.append(at)
        if at.parent == at:
            break
        at = at.parent
    for made in reversed(missing):
        made.mkdir(exist_ok=True)
        sync_folder(made.parent)


def move_folder(partial: Path, folder: Path) -> None:
    """Give a finished folder its name: what is in it reaches the disk before the name does."""
    sync_tree(partial)
    partial.rename(folder)
    sync_folder(folder.parent)


def _flush(handle: int) -> None:
    if sys.platform == "darwin":
        # There, fsync leaves the bytes in the cache of the drive.
        import fcntl

        try:
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
        except OSError:  # a drive that knows no such thing
            pass
    os.fsync(handle)


def text_of(name: str) -> str:
    r"""A file's name as text that UTF-8 can hold: a byte that is no UTF-8 is written as `\xNN`.

    >>> text_of("caf\udce9.png")
    'caf\\xe9.png'
    """
    if name.isascii():
        return name
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a surrogate pair, which Windows allows in a name
        return name.encode("utf-8", "backslashreplace").decode("utf-8")
