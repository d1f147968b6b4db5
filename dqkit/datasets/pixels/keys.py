"""What a file is known by in the pixel cache: its path, size and time of change, by one file-system call a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.checks import kinds, takes

KEY = np.dtype([("path", "<u8"), ("stamp", "<u8")])
Source = Path | str | bytes
FILES = kinds.each(kinds.a((str, bytes, os.PathLike), "a path, or the bytes of a picture"), "paths")


def keys_of(files: Sequence[Source]) -> NDArray[Any]:
    """(n,) of `KEY`: 64 bits of the absolute path, and 64 of path, size and modification time in nanoseconds.

    The bytes of a picture are keyed by themselves. A file that is not there has a key too, which no pack holds.
    """
    names: list[int] = []
    sizes: list[int] = []
    times: list[int] = []
    for file, path in zip(files, resolved(files), strict=True):
        size, changed = -1, 0
        if isinstance(file, bytes):
            names.append(_hash(file))
        else:
            names.append(_hash(os.fsencode(path)))
            try:
                status = os.stat(file)
                size, changed = status.st_size, status.st_mtime_ns
            except (OSError, ValueError):
                pass
        sizes.append(size)
        times.append(changed)
    keys = np.zeros(len(files), dtype=KEY)
    keys["path"] = np.array(names, dtype=np.uint64)
    stamps = _mixed(keys["path"] ^ _mixed(np.array(sizes, np.int64).view(np.uint64) ^ _mixed(_unsigned(times))))
    keys["stamp"] = np.maximum(stamps, 1)
    return keys


def _unsigned(values: list[int]) -> NDArray[np.uint64]:
    return np.array([value & 0xFFFF_FFFF_FFFF_FFFF for value in values], dtype=np.uint64)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Every bit spread over all 64 (the finalizer of splitmix64, Steele et al. 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)


@takes(files=FILES)
def resolved(files: Sequence[Source]) -> list[str]:
    """The absolute paths, links in their folders followed; each folder is resolved once. Bytes have an empty path."""
    folders: dict[str, str] = {}
    found = []
    for file in files:
        if isinstance(file, bytes):
            found.append("")
            continue
        folder, name = os.path.split(file)
        known = folders.get(folder)
        if known is None:
            try:
                known = os.path.realpath(folder or ".")
            except (OSError, ValueError):
                known = os.path.abspath(folder)
            folders[folder] = known = os.path.join(known, "")
        found.append(known + name)
    return found


def name_of(keys: NDArray[Any], side: int, recipe: int) -> str:
    """The name of the pack that holds exactly these files in this order."""
    digest = hashlib.sha256(f"dqkit pixels {recipe} {side}\n".encode())
    digest.update(np.ascontiguousarray(keys).tobytes())
    return digest.hexdigest()[:32]


def _hash(text: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") or 1
