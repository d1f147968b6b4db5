"""Decode once: picture files to one uint8 array on disk, each file read a single time, in parallel."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.bars import over
from dqkit.checks import kinds, takes, whole_number
from dqkit.datasets.pixels import packs, places
from dqkit.datasets.pixels.formats import Picture, Unreadable, read
from dqkit.datasets.pixels.keys import FILES, Source, keys_of, name_of
from dqkit.datasets.pixels.packs import Pack, Writer
from dqkit.datasets.pixels.window import Window, as_colour, fit, fit_deep, sketch_of
from dqkit.files import read_file
from dqkit.records import InputError, MissingExtra, StoreError

SIDE = 64
MOST_SIDE = 16_384
CHECKPOINT_SECONDS = 10.0
COPIED_ROWS = 256
FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}

# One fill at a time in a process: a second thread that wants the same files finds them when the first is done.
_FILLING = threading.Lock()


@dataclass(frozen=True, eq=False)
class Decoded:
    """Picture files as arrays.

    Attributes
    ----------
    pixels : ndarray
        uint8 (n, side, side, 3), a read-only memory map; black where a file cannot be read.
    sizes : ndarray
        int32 (n, 2), width and height of the original as it stands upright; 0 where it cannot be read.
    failures : dict
        Position to what was wrong with that file.
    frames : ndarray
        int32 (n,), how many frames or pages a file holds; the first one is decoded.
    window : tuple of float or None
        The values that pictures of more than 8 bits show as black and white; None where there is no such picture.
    """

    pixels: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    failures: dict[int, str]
    frames: NDArray[np.int32]
    window: Window | None = None

    @takes(ids=kinds.each(kinds.anything, "ids"))
    def problems(self, ids: Sequence[str] | NDArray[Any]) -> list[tuple[str, str, str, bool]]:
        """Rows (sample_id, kind, message, fatal) for a `Dataset`: unreadable files, and files of several frames."""
        if len(ids) != len(self.frames):
            raise InputError(f"ids must name each of the {len(self.frames):,} pictures; got {len(ids):,}.")
        broken = [(str(ids[i]), "unreadable", text, True) for i, text in sorted(self.failures.items())]
        several = [
            (str(ids[i]), "several_frames", f"holds {int(self.frames[i]):,} frames or pages; the first is used", False)
            for i in np.flatnonzero(self.frames > 1).tolist()
        ]
        return broken + several


@takes(files=FILES, side=partial(whole_number, least=1, most=MOST_SIDE), progress=kinds.flag)
def decode(files: Sequence[Source], *, side: int = SIDE, progress: bool = True) -> Decoded:
    """Every picture decoded once, in parallel, to a square of `side` pixels.

    Parameters
    ----------
    files : sequence of path or bytes
        Picture files, or the bytes of such files.
    side : int
        Edge of the square in pixels. Aspect ratio is kept: the shorter edge is padded with black.
    progress : bool
        Whether to show a bar for 500 pictures and more.

    Returns
    -------
    Decoded
        A file that cannot be read leaves a black picture and a message, never an exception.

    Raises
    ------
    InputError
        For an entry of `files` that is no path, or a `side` below 1 or above 16,384.
    StoreError
        Where the disk of the cache is full.

    Notes
    -----
    Decoded pictures are kept in `cache_folder()`, each under its file's path, size and modification time: a new file
    costs one decoding, whatever lies beside it. What could not be read is tried again each time. Pictures of more than
    8 bits share one window (`window_of`), as they are compared with each other.
    """
    if not len(files):
        return Decoded(np.zeros((0, side, side, 3), np.uint8), np.zeros((0, 2), np.int32), {}, np.zeros(0, np.int32))
    keys = keys_of(files)
    found = _find(keys, files, side)
    if found is None:
        with _FILLING:
            found = _find(keys, files, side) or _filled(keys, files, side, progress)
    pack, pixels, failures = found
    sizes = np.stack([pack.index["width"], pack.index["height"]], axis=1).astype(np.int32)
    return Decoded(pixels, sizes, failures, pack.index["frames"].astype(np.int32), pack.window)


Found = tuple[Pack, NDArray[np.uint8], dict[int, str]]


def _find(keys: NDArray[Any], files: Sequence[Source], side: int) -> Found | None:
    """The pack of these files where it is there and whole; None too where a file of it can be read by now."""
    name = name_of(keys, side, packs.RECIPE)
    for root in places.roots():
        for folder in _named(root, name):
            pack = packs.open_pack(folder)
            if pack is None or pack.side != side or not np.array_equal(pack.index["path"], keys["path"]):
                continue
            pixels = packs.map_pixels(pack)
            if pixels is None:
                continue
            failures: dict[int, str] = {}
            for i in np.flatnonzero(~pack.is_decoded).tolist():
                message = _tried(files[i], side)[1]
                if message is None:
                    return None
                failures[i] = message
            places.touch(folder)
            return pack, pixels, failures
    return None


def _named(root: Path, name: str) -> list[Path]:
    try:
        names = [entry for entry in os.listdir(root) if entry.startswith(name) and not entry.endswith(places.SUFFIX)]
    except OSError:
        return []
    return [root / entry for entry in sorted(names, reverse=True)]


def _tried(file: Source, side: int) -> tuple[Picture | None, str | None]:
    try:
        return read(file if isinstance(file, bytes) else read_file(file), side), None
    except (Unreadable, MissingExtra) as error:
        return None, str(error)
    except Exception as error:  # any decoder may raise anything on a broken file; it is reported by its sample
        return None, f"{type(error).__name__}: {error}"


def _filled(keys: NDArray[Any], files: Sequence[Source], side: int, progress: bool) -> Found:
    """A new pack in the cache, or in a temporary folder where the cache cannot be written."""
    root = places.cache_folder() / "pixels"
    try:
        return _fill(root, keys, files, side, progress)
    except OSError as error:
        if error.errno in FULL:
            raise _full(root, len(keys), side, error) from error
        try:
            root = places.temporary_root(error)
            return _fill(root, keys, files, side, progress)
        except OSError as second:
            if second.errno in FULL:
                raise _full(root, len(keys), side, second) from second
            raise StoreError(
                f"The pixel cache {str(places.cache_folder())!r} cannot be written ({error}), and no temporary folder "
                f"either ({second}). Set the environment variable DQKIT_CACHE to a folder that can be written."
            ) from second


def _full(root: Path, n: int, side: int, error: OSError) -> StoreError:
    needed = len(packs.header(n, side)) + n * side * side * 3
    return StoreError(
        f"The disk of the pixel cache {str(root)!r} is full ({error.strerror}): {n:,} pictures need {needed:,} bytes. "
        "Free some space, or set the environment variable DQKIT_CACHE to a folder on another disk. Nothing was changed."
    )


def _fill(root: Path, keys: NDArray[Any], files: Sequence[Source], side: int, progress: bool) -> Found:
    name = name_of(keys, side, packs.RECIPE)
    with places.workplace(root, name) as partial:
        with Writer(partial, keys, side) as writer:
            copy_known(writer, [folder for place in {root, *places.roots()} for folder in places.candidates(place)])
            failures = _decode(writer, files, side, progress)
            writer.finish()
        pack = _publish(partial, root / name)
    pixels = packs.map_pixels(pack)
    if pixels is None:
        raise OSError(errno.EIO, "what was written cannot be read back", str(pack.folder))
    places.sweep(root, pack)
    return pack, pixels, {i: text for i, text in failures.items() if not pack.is_decoded[i]}


def copy_known(writer: Writer, folders: Sequence[Path]) -> None:
    """Take over from earlier packs every row whose file is the same; a row with a wrong checksum is left out."""
    for folder in folders:
        wanted = np.flatnonzero(writer.index["stamp"] == 0)
        pack = packs.open_pack(folder)
        if pack is None or pack.side != writer.side or not len(wanted) or not pack.is_decoded.any():
            continue
        order = np.argsort(pack.index["stamp"], kind="stable")
        stamps = pack.index["stamp"][order]
        at = np.minimum(np.searchsorted(stamps, writer.keys["stamp"][wanted]), len(stamps) - 1)
        rows = order[at]
        same = pack.index[["path", "stamp"]][rows] == writer.keys[wanted]
        try:
            with packs.Rows(pack) as source:
                order = np.argsort(rows[same], kind="stable")
                for run in _runs(wanted[same][order], rows[same][order], pack.index["planes"] > 0):
                    _copy(writer, source, pack, *run)
        except OSError as error:
            if error.errno in FULL:
                raise


def _runs(to: NDArray[np.int64], at: NDArray[np.int64], deep: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """(to, at, length) of rows that follow each other in both packs; a deep picture is a run of its own."""
    if not len(to):
        return
    steps = (np.diff(to) != 1) | (np.diff(at) != 1) | deep[at[1:]] | deep[at[:-1]]
    starts = np.concatenate([[0], np.flatnonzero(steps) + 1])
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(to)], strict=True):
        for first in range(start, end, COPIED_ROWS):
            yield int(to[first]), int(at[first]), min(COPIED_ROWS, end - first)


def _copy(writer: Writer, source: packs.Rows, pack: Pack, i: int, j: int, length: int) -> None:
    entry = pack.index[j]
    size, frames, planes = (int(entry["width"]), int(entry["height"])), int(entry["frames"]), int(entry["planes"])
    if length > 1:
        block = source.block(j, length)
        if block is not None:
            writer.put_block(i, block, pack.index[j : j + length])
            return
        for k in range(length):
            _copy(writer, source, pack, i + k, j + k, 1)
        return
    data = source.deep(j) if planes else source.row(j)
    if data is None:
        return
    if planes:
        writer.put_deep(i, data, planes, size, frames)
    else:
        writer.put(i, data, size, frames)


def _decode(writer: Writer, files: Sequence[Source], side: int, progress: bool) -> dict[int, str]:
    """Decode what the writer does not have yet; what failed, by position. Interrupted, it leaves the rest behind."""
    todo = np.flatnonzero(writer.index["stamp"] == 0).tolist()
    failures: dict[int, str] = {}
    pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
    work: Callable[[int], str | None] = lambda i: _put(writer, i, files[i], side)  # noqa: E731
    saved = time.monotonic()
    try:
        bar = over(pool.map(work, todo), total=len(todo), title="decode", show=progress and len(todo) >= 500)
        for i, message in zip(todo, bar, strict=True):
            if message is not None:
                failures[i] = message
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                writer.checkpoint()
                saved = time.monotonic()
    except BaseException as error:
        pool.shutdown(wait=True, cancel_futures=True)
        if not isinstance(error, Exception):
            writer.checkpoint()
        raise
    pool.shutdown()
    return failures


def _put(writer: Writer, i: int, file: Source, side: int) -> str | None:
    picture, message = _tried(file, side)
    if picture is None:
        return message or "cannot be read"
    if picture.is_deep:
        planes = fit_deep(picture.values, side)
        record = planes.astype("<f4").tobytes() + sketch_of(picture.values).astype("<f4").tobytes()
        writer.put_deep(i, record, len(planes), picture.size, picture.frames)
    else:
        writer.put(i, fit(as_colour(picture.values), side).tobytes(), picture.size, picture.frames)
    return None


def _publish(partial: Path, target: Path) -> Pack:
    """The finished folder under its name, or the same pack of another process that was first.

    Where a damaged or poorer pack has the name and cannot be removed (Windows keeps mapped files), the next one is
    taken.
    """
    own = packs.open_pack(partial)
    if own is None:
        raise OSError(errno.EIO, "what was written cannot be read back", str(partial))
    for k in range(1000):
        place = target if k == 0 else target.with_name(f"{target.name}-{k}")
        if place.exists():
            earlier = packs.open_pack(place)
            if earlier is None or packs.map_pixels(earlier) is None:
                places.remove(place)
            elif not np.any(own.is_decoded & ~earlier.is_decoded):
                places.remove(partial)
                return earlier
        if place.exists():
            continue
        for attempt in range(5):
            try:
                partial.rename(place)
            except PermissionError:
                # A virus scanner on Windows holds new files for a moment.
                if attempt == 4:
                    raise
                time.sleep(0.1)
            except OSError:
                if not place.exists():
                    raise
                break  # another process took the name in between
            else:
                return replace(own, folder=place)
    raise OSError(errno.EEXIST, "no free name", str(target))
