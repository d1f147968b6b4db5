"""Decode once: image files to one uint8 array on disk, each file read a single time, in parallel."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from dqkit.records import InputError

SIDE = 64
# A larger image is decompressed only in part or not at all: a small file can claim gigapixels.
MAX_PIXELS = 200_000_000


def cache_folder() -> Path:
    """Where decoded pixels are kept: $DQKIT_CACHE, or dqkit under the user's cache folder."""
    root = os.environ.get("DQKIT_CACHE")
    return Path(root) if root else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "dqkit"


@dataclass(frozen=True, eq=False)
class Decoded:
    """Image files as arrays.

    pixels: uint8 (n, side, side, 3), a read-only memory map. sizes: int32 (n, 2), width and height of the original,
    0 where it cannot be read. failures: position -> what was wrong with that file.
    """

    pixels: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    failures: dict[int, str]


def decode(files: Sequence[Path], *, side: int = SIDE, progress: bool = True) -> Decoded:
    """Every file decoded once, in parallel, to a square of `side` pixels.

    Pictures stand upright as their EXIF orientation says. Aspect ratio is kept: the shorter edge is padded with black.
    A file that cannot be read leaves a black image and a message, never an exception. The arrays are kept in
    `cache_folder()` under a key made of every file's path, size and modification time, so an unchanged folder is not
    decoded again.
    """
    if side < 1:
        raise InputError(f"side must be at least 1 pixel; got {side!r}.")
    folder = cache_folder() / "pixels" / _key(files, side)
    if not folder.exists():
        _fill(folder, files, side, progress)
    failures = json.loads((folder / "failures.json").read_text())
    return Decoded(
        pixels=np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False),
        sizes=np.load(folder / "sizes.npy", allow_pickle=False),
        failures={int(i): message for i, message in failures.items()},
    )


def _fill(folder: Path, files: Sequence[Path], side: int, progress: bool) -> None:
    """Decode into a folder of another name and move it into place whole, so that a killed run leaves no half cache."""
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    shape = (len(files), side, side, 3)
    pixels = np.lib.format.open_memmap(partial / "pixels.npy", mode="w+", dtype=np.uint8, shape=shape)
    sizes = np.zeros((len(files), 2), dtype=np.int32)
    failures: dict[int, str] = {}

    def work(i: int) -> str | None:
        try:
            pixels[i], sizes[i] = _read(files[i], side)
        except Exception as error:  # any decoder may raise anything on a broken file; it is reported by its sample
            return f"{type(error).__name__}: {error}"
        return None

    try:
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            done = pool.map(work, range(len(files)), chunksize=16)
            bar = tqdm(done, total=len(files), desc="decode", disable=not progress or len(files) < 500)
            failures = {i: message for i, message in enumerate(bar) if message is not None}
        pixels.flush()
        np.save(partial / "sizes.npy", sizes, allow_pickle=False)
        (partial / "failures.json").write_text(json.dumps(failures))
        if not folder.exists():
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _read(file: Path, side: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The fitted picture and the width and height of the original."""
    raw = file.read_bytes()
    if not raw:
        raise ValueError("the file is empty")
    found = _read_jpeg(raw, side) if raw[:3] == b"\xff\xd8\xff" else None
    picture, size = found or _read_any(raw)
    turned = _TURNS.get(_orientation(raw))
    if turned is not None:
        picture = np.ascontiguousarray(turned(picture))
        size = size[::-1] if turned(np.empty((1, 2, 3))).shape[0] == 2 else size
    return _fit(picture, side), size


# What a camera held sideways writes into EXIF, and how the rows that it stores are brought upright.
_TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: p[::-1].swapaxes(0, 1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: p[:, ::-1].swapaxes(0, 1),
}


def _orientation(raw: bytes) -> int:
    """The EXIF orientation, 1 to 8; 1 where none is written, or none that can be read."""
    from PIL import Image

    if b"Exif" not in raw[:65_536] and b"eXIf" not in raw and b"EXIF" not in raw:
        return 1
    try:
        with Image.open(io.BytesIO(raw)) as image:
            return int(image.getexif().get(0x0112, 1))
    except Exception:  # metadata are written by any program in any state; the pixels were read already
        return 1


def _read_jpeg(raw: bytes, side: int) -> tuple[NDArray[np.uint8], tuple[int, int]] | None:
    """Scaled JPEG decoding, several times faster than decoding whole; None where simplejpeg cannot (CMYK, say)."""
    import simplejpeg

    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(raw)
    except ValueError:
        return None
    _check_claim(width, height)
    try:
        # min_* ask for the smallest scale at which both edges still reach `side`.
        picture = simplejpeg.decode_jpeg(raw, colorspace="RGB", min_height=side, min_width=side, min_factor=1.5)
    except ValueError:
        return None
    return np.asarray(picture), (width, height)


def _read_any(raw: bytes) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(raw))
    except UnidentifiedImageError:
        raise ValueError("not an image of a kind that can be read here") from None
    with image:
        _check_claim(image.width, image.height)
        if image.mode.startswith(("I", "F")):
            return _eight_bits(np.asarray(image)), image.size
        return np.asarray(image.convert("RGB")), image.size


def _eight_bits(deep: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey of 16 or 32 bits as RGB; Pillow would cut everything above 255 off to white.

    Whole numbers are taken as 16 bits where any of them needs it, everything else over its own range.
    """
    values = np.nan_to_num(deep.astype(np.float64))
    low, high = float(values.min()), float(values.max())
    if deep.dtype.kind in "ui" and low >= 0 and high < 2**16:
        low, high = 0.0, 255.0 if high < 256 else 65535.0
    grey = np.round(255 * (values - low) / ((high - low) or 1.0)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _check_claim(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ValueError(f"the image claims {width}x{height} pixels, more than {MAX_PIXELS:,} in all")


def _fit(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The picture scaled to fit a square of `side`, centred on black."""
    from PIL import Image

    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
    canvas = np.zeros((side, side, 3), dtype=np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    canvas[top : top + size[1], left : left + size[0]] = small
    return canvas


def _key(files: Sequence[Path], side: int) -> str:
    digest = hashlib.sha256(f"dqkit pixels 3 {side}\n".encode())
    for file in files:
        status = file.stat() if file.exists() else None
        stamp = f"{status.st_size} {status.st_mtime_ns}" if status else "missing"
        digest.update(os.fsencode(os.path.realpath(file)) + f" {stamp}\n".encode())
    return digest.hexdigest()[:32]
