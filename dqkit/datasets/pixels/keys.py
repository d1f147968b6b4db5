"""What a file is known by in the pixel cache: its path, size and time of change, by one file-system call a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEY = np.dtype([("path", "<u8"), ("stamp", "<u8")])
Source = Path | bytes


def keys_of(files: Sequence[Source]) -> NDArray[Any]:
    """(n,) of `KEY`: 64 bits of the absolute path, and 64 of path, size and modification time in nanoseconds.

    The bytes of a picture are keyed by themselves. A file that is not there has a key too, which no pack holds.
    """
    keys = np.zeros(len(files), dtype=KEY)
    paths, stamps = [], []
    for file, path in zip(files, resolved(files), strict=True):
        if isinstance(file, bytes):
            stamps.append(_hash(file))
            paths.append(stamps[-1])
            continue
        name = os.fsencode(path)
        try:
            status = os.stat(file)
            stamp = b"%d %d" % (status.st_size, status.st_mtime_ns)
        except (OSError, ValueError):
            stamp = b"missing"
        paths.append(_hash(name))
        stamps.append(_hash(name + b"\0" + stamp))
    keys["path"], keys["stamp"] = np.array(paths, dtype=np.uint64), np.array(stamps, dtype=np.uint64)
    return keys


def resolved(files: Sequence[Source]) -> list[str]:
    """The absolute paths, links in their folders followed; each folder is resolved once. Bytes have an empty path."""
    folders: dict[str, str] = {}
    found = []
    for file in files:
        if isinstance(file, bytes):
            found.append("")
            continue
        folder, name = os.path.split(os.fspath(file))
        if folder not in folders:
            try:
                folders[folder] = os.path.realpath(folder or ".")
            except (OSError, ValueError):
                folders[folder] = os.path.abspath(folder)
        found.append(os.path.join(folders[folder], name))
    return found


def name_of(keys: NDArray[Any], side: int, recipe: int) -> str:
    """The name of the pack that holds exactly these files in this order."""
    digest = hashlib.sha256(f"dqkit pixels {recipe} {side}\n".encode())
    digest.update(np.ascontiguousarray(keys).tobytes())
    return digest.hexdigest()[:32]


def _hash(text: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") or 1
