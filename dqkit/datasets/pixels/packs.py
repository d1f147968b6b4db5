"""A pack: the decoded pictures of one list of files in a folder on disk, written once and then only mapped.

    about.json   recipe, side, number of files, the window of the deep pictures
    index.npy    one row a file: its key, its original size, where its values are and their checksum
    pixels.npy   uint8 (n, side, side, 3), mapped by readers
    deep.bin     of pictures beyond 8 bits: float32 values before the window, and a sketch of their distribution

A row whose stamp is 0 was not decoded. Nothing is ever written to a mapped file, and no folder that holds one is
renamed: Windows refuses both.
"""

from __future__ import annotations

import io
import json
import os
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.datasets.pixels.window import SKETCH, Window, shown, window_of

RECIPE = 5
INDEX = np.dtype(
    [
        ("path", "<u8"),
        ("stamp", "<u8"),
        ("width", "<i4"),
        ("height", "<i4"),
        ("frames", "<i4"),
        ("planes", "<i4"),
        ("start", "<i8"),
        ("crc", "<u4"),
        ("deep_crc", "<u4"),
    ]
)
CHECKED_ROWS = 2048
MOST_SKETCHES = 16_384
BLOCK = 1 << 20
NOT_SUPPORTED = {95, 45, 22, 38, 78, 102}  # EOPNOTSUPP, EINVAL and ENOSYS of Linux and macOS


@dataclass(frozen=True, eq=False)
class Pack:
    """A pack on disk as it was found. `side` and `window` are those of about.json."""

    folder: Path
    index: NDArray[Any]
    side: int
    window: Window | None

    @property
    def is_decoded(self) -> NDArray[np.bool_]:
        """(n,) False where a file could not be read when the pack was written."""
        return np.asarray(self.index["stamp"] != 0)


def open_pack(folder: Path) -> Pack | None:
    """The pack in `folder`, or None where its two small files cannot be read or belong to another recipe."""
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        index = np.load(folder / "index.npy", allow_pickle=False)
        if about["recipe"] != RECIPE or index.dtype != INDEX or index.shape != (about["n"],):
            return None
        window = about["window"]
        return Pack(folder, index, int(about["side"]), None if window is None else (float(window[0]), float(window[1])))
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def map_pixels(pack: Pack) -> NDArray[np.uint8] | None:
    """The pixels as a read-only memory map; None where the file is missing, cut short or damaged.

    Up to 2,048 rows, evenly spread, are compared with their checksums: all of them in a small pack, and in a large one
    enough to notice a file that was cut, overwritten or left with holes by a crash.
    """
    n, side = len(pack.index), pack.side
    try:
        pixels = np.load(pack.folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if pixels.shape != (n, side, side, 3) or pixels.dtype != np.uint8 or not isinstance(pixels, np.memmap):
        return None
    decoded = np.flatnonzero(pack.is_decoded)
    some = decoded[np.unique(np.linspace(0, len(decoded) - 1, min(len(decoded), CHECKED_ROWS)).astype(np.int64))]
    if any(zlib.crc32(pixels[i]) != int(pack.index["crc"][i]) for i in some):
        return None
    return pixels


def header(n: int, side: int) -> bytes:
    """The header of pixels.npy."""
    held = io.BytesIO()
    np.lib.format.write_array_header_1_0(held, {"descr": "|u1", "fortran_order": False, "shape": (n, side, side, 3)})
    return held.getvalue()


class Rows:
    """Reads rows of an earlier pack by plain reads: a network drive that fails is then an error and no signal."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._pixels = open(pack.folder / "pixels.npy", "rb")  # noqa: SIM115
        self._deep: Any = None
        self._offset = len(header(len(pack.index), pack.side))

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *_: object) -> None:
        self._pixels.close()
        if self._deep is not None:
            self._deep.close()

    def row(self, i: int) -> bytes | None:
        """The 8-bit pixels of file i, or None where the checksum does not fit."""
        size = self._pack.side**2 * 3
        self._pixels.seek(self._offset + i * size)
        found = self._pixels.read(size)
        return found if len(found) == size and zlib.crc32(found) == int(self._pack.index["crc"][i]) else None

    def block(self, i: int, length: int) -> bytes | None:
        """The same of `length` files from i on, or None where one of the checksums does not fit."""
        size = self._pack.side**2 * 3
        self._pixels.seek(self._offset + i * size)
        found = memoryview(self._pixels.read(length * size))
        sums = self._pack.index["crc"][i : i + length].tolist()
        if len(found) != length * size:
            return None
        whole = all(zlib.crc32(found[k * size : (k + 1) * size]) == known for k, known in enumerate(sums))
        return bytes(found) if whole else None

    def deep(self, i: int) -> bytes | None:
        """The values and the sketch of deep picture i, or None where the checksum does not fit."""
        if self._deep is None:
            self._deep = open(self._pack.folder / "deep.bin", "rb")  # noqa: SIM115
        entry = self._pack.index[i]
        self._deep.seek(int(entry["start"]))
        found = self._deep.read(deep_size(self._pack.side, int(entry["planes"])))
        return found if zlib.crc32(found) == int(entry["deep_crc"]) else None


def deep_size(side: int, planes: int) -> int:
    """Bytes of one picture in deep.bin."""
    return 4 * (planes * side * side + SKETCH)


class Writer:
    """Fills a pack in a folder of its own; rows may be put from several threads, each row once.

    The space is reserved before the first row, and rows are written, not mapped: a full disk is an `OSError`.
    """

    def __init__(self, folder: Path, keys: NDArray[Any], side: int) -> None:
        self.folder, self.side, self.keys = folder, side, keys
        self.index = np.zeros(len(keys), dtype=INDEX)
        self.index["path"] = keys["path"]
        self.window: Window | None = None
        self._lock = threading.Lock()
        self._deep_end = 0
        head = header(len(keys), side)
        self._offset, self._size = len(head), side * side * 3
        self._pixels = open(folder / "pixels.npy", "w+b", buffering=0)  # noqa: SIM115
        self._deep: Any = None
        try:
            reserve(self._pixels, self._offset + len(keys) * self._size)
            self._write(self._pixels, 0, head)
        except BaseException:
            self._pixels.close()
            raise

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pixels.close()
        if self._deep is not None:
            self._deep.close()

    def put(self, i: int, row: bytes, size: tuple[int, int], frames: int) -> None:
        """The 8-bit pixels of file i."""
        self._write(self._pixels, self._offset + i * self._size, row)
        self._enter(i, size, frames, crc=zlib.crc32(row))

    def put_block(self, i: int, rows: bytes, entries: NDArray[Any]) -> None:
        """The 8-bit pixels of several files from i on, with their rows in the index of an earlier pack."""
        self._write(self._pixels, self._offset + i * self._size, rows)
        self.index[i : i + len(entries)] = entries

    def put_deep(self, i: int, record: bytes, planes: int, size: tuple[int, int], frames: int) -> None:
        """The values and the sketch of deep picture i; its pixels follow in `finish`, when the window is known."""
        with self._lock:
            if self._deep is None:
                self._deep = open(self.folder / "deep.bin", "w+b", buffering=0)  # noqa: SIM115
            start = self._deep_end
            self._deep_end += len(record)
        self._write(self._deep, start, record)
        self._enter(i, size, frames, planes=planes, start=start, deep_crc=zlib.crc32(record))

    def checkpoint(self) -> None:
        """Write the index as it is now, so that a killed run leaves what it has decoded to the next one."""
        about = {"recipe": RECIPE, "side": self.side, "n": len(self.index), "window": self.window}
        for name, write in (
            ("index.npy", lambda file: np.save(file, self.index.copy(), allow_pickle=False)),
            ("about.json", lambda file: file.write(json.dumps(about).encode())),
        ):
            part = self.folder / f"{name}.part"
            with open(part, "wb") as file:
                write(file)
            os.replace(part, self.folder / name)

    def finish(self) -> None:
        """Compute the window, write the deep pictures' pixels and the index, and bring all to the disk."""
        deep = np.flatnonzero(self.index["planes"] > 0)
        if len(deep):
            some = deep[np.unique(np.linspace(0, len(deep) - 1, min(len(deep), MOST_SKETCHES)).astype(np.int64))]
            self.window = window_of([self._record(i)[1] for i in some.tolist()])
            for i in deep.tolist():
                row = shown(self._record(i)[0], self.window).tobytes()
                self._write(self._pixels, self._offset + i * self._size, row)
                self.index["crc"][i] = zlib.crc32(row)
        os.fsync(self._pixels.fileno())
        self.checkpoint()

    def _record(self, i: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        entry, side = self.index[i], self.side
        assert self._deep is not None
        planes = int(entry["planes"])
        raw = _read_at(self._deep, int(entry["start"]), deep_size(side, planes), self._lock)
        values = np.frombuffer(raw, dtype="<f4").astype(np.float32)
        return values[:-SKETCH].reshape(planes, side, side), values[-SKETCH:]

    def _enter(self, i: int, size: tuple[int, int], frames: int, **values: int) -> None:
        entry = self.index[i]
        entry["width"], entry["height"] = size
        entry["frames"] = frames
        for name, value in values.items():
            entry[name] = value
        entry["stamp"] = self.keys["stamp"][i]  # last: a row counts once everything else of it is there

    def _write(self, file: Any, at: int, data: bytes) -> None:
        if hasattr(os, "pwrite"):
            view = memoryview(data)
            while view:
                done = os.pwrite(file.fileno(), view, at)
                view, at = view[done:], at + done
            return
        with self._lock:
            file.seek(at)
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]


def _read_at(file: Any, at: int, size: int, lock: threading.Lock) -> bytes:
    with lock:
        file.seek(at)
        return bytes(file.read(size))


def reserve(file: Any, size: int) -> None:
    """Give the file `size` bytes on disk; raises `OSError` where they are not there."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in NOT_SUPPORTED:
                raise
        else:
            return
    zeros = bytes(BLOCK)
    file.seek(0)
    left = size
    while left > 0:
        left -= file.write(zeros[: min(BLOCK, left)])
