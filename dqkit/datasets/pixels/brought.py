"""Pictures that came as bytes (in a table, from memory), kept as files: so that their originals can be read again."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.datasets.pixels.keys import Source
from dqkit.datasets.pixels.places import cache_folder
from dqkit.files import content_name, replace, sync, sync_folder

STARTS = {b"\xff\xd8": ".jpg", b"\x89PNG": ".png", b"GIF8": ".gif", b"BM": ".bmp", b"II*\0": ".tif", b"MM\0*": ".tif"}
# So much of the disk stays free for others.
SPARE = 1 << 30


def folder() -> Path:
    """Where they are kept."""
    return cache_folder() / "originals"


def keep(
    sources: Sequence[Source], sizes: NDArray[np.integer[Any]], failures: Mapping[int, str], side: int
) -> tuple[list[str | None], str]:
    """The files of the pictures that came as bytes, and a sentence on it. None where no picture exceeds its copy.

    Parameters
    ----------
    sources : sequence of Path, str or bytes
        The pictures.
    sizes : ndarray of int, shape (n, 2)
        Width and height of each in pixels.
    failures : mapping
        Positions of the pictures that cannot be read.
    side : int
        Pixels a side of the decoded copies.

    Returns
    -------
    paths : list of str or None
        None for what is a file already, cannot be read or could not be kept.
    note : str
        What a person should know; empty where there was nothing to keep.
    """
    inside = {i: source for i, source in enumerate(sources) if isinstance(source, bytes) and i not in failures}
    paths: list[str | None] = [None] * len(sources)
    if not any(int(sizes[i].max()) > side for i in inside):
        return paths, ""
    total = sum(map(len, inside.values()))
    try:
        folder().mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder()).free
        if free < total + SPARE:
            raise OSError(f"{free / 1e9:.1f} GB are free and {total / 1e9:.1f} GB are needed")
        for i, raw in inside.items():
            paths[i] = str(_kept(raw))
    except OSError as error:
        return [None] * len(sources), (
            f"The originals of {len(inside):,} pictures could not be kept in {str(folder())!r} "
            f"({error.strerror or error}), so they are judged and shown by copies of {side} x {side} pixels. Set the "
            "environment variable DQKIT_CACHE to a folder on another disk, or pass a larger side=."
        )
    return paths, f"The originals of {len(inside):,} pictures ({_spoken(total)}) are kept in {str(folder())!r}."


def sync_kept(paths: Iterable[str | None] | None) -> None:
    """Wait until the disk has those of these originals that are kept here: a power cut must not take them."""
    own = str(folder())
    kept = [Path(str(path)) for path in (() if paths is None else paths) if path and str(path).startswith(own)]
    there = [file for file in kept if file.is_file()]
    for file in there:
        sync(file)
    for place in {file.parent for file in there} | ({folder(), folder().parent} if there else set()):
        sync_folder(place)


def _kept(raw: bytes) -> Path:
    file = folder() / content_name(raw, _ending(raw))
    try:
        there = file.stat().st_size == len(raw)
    except OSError:
        there = False
    if not there:
        file.parent.mkdir(exist_ok=True)
        replace(file, lambda partial: partial.write_bytes(raw), durable=False)
    return file


def _ending(raw: bytes) -> str:
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return ".webp"
    return next((ending for start, ending in STARTS.items() if raw.startswith(start)), ".picture")


def _spoken(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6)):,} MB"
