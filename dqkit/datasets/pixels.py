"""Decode once: image files to one uint8 array on disk, each file read a single time, in parallel."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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


def decode(
    files: Sequence[Path], *, side: int = SIDE, progress: bool = True
) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """Pixels uint8 (n, side, side, 3), a read-only memory map, and what was wrong: position -> message.

    Aspect ratio is kept: the shorter edge is padded with black. A file that cannot be read leaves a black image and a
    message, never an exception. The array is kept in `cache_folder()` under a key made of every file's path, size
    and modification time, so an unchanged folder is not decoded again.
    """
    if side < 1:
        raise InputError(f"side must be at least 1 pixel; got {side!r}.")
    target = cache_folder() / "pixels" / f"{_key(files, side)}.npy"
    failures_file = target.with_suffix(".json")
    if target.exists() and failures_file.exists():
        import json

        failures = {int(k): v for k, v in json.loads(failures_file.read_text()).items()}
        return np.load(target, mmap_mode="r"), failures
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(len(files), side, side, 3))
    failures = {}

    def work(i: int) -> tuple[int, str | None]:
        try:
            array[i] = _read(files[i], side)
        except Exception as error:  # any decoder may raise anything on a broken file; it is reported by its sample
            return i, f"{type(error).__name__}: {error}"
        return i, None

    try:
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            done = pool.map(work, range(len(files)), chunksize=16)
            for i, message in tqdm(done, total=len(files), desc="decode", disable=not progress or len(files) < 500):
                if message is not None:
                    failures[i] = message
        array.flush()
        import json

        failures_file.write_text(json.dumps(failures))
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return np.load(target, mmap_mode="r"), failures


def _read(file: Path, side: int) -> NDArray[np.uint8]:
    raw = file.read_bytes()
    if not raw:
        raise ValueError("the file is empty")
    if raw[:3] == b"\xff\xd8\xff":
        picture = _read_jpeg(raw, side)
        if picture is not None:
            return _fit(picture, side)
    return _fit(_read_any(raw), side)


def _read_jpeg(raw: bytes, side: int) -> NDArray[np.uint8] | None:
    """Scaled JPEG decoding, several times faster than decoding whole; None where simplejpeg cannot (CMYK, say)."""
    import simplejpeg

    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(raw)
        if height * width > MAX_PIXELS:
            raise ValueError(f"the image claims {width}x{height} pixels")
        # min_* ask for the smallest scale at which both edges still reach `side`.
        return np.asarray(
            simplejpeg.decode_jpeg(raw, colorspace="RGB", min_height=side, min_width=side, min_factor=1.5)
        )
    except ValueError as error:
        if "claims" in str(error):
            raise
        return None


def _read_any(raw: bytes) -> NDArray[np.uint8]:
    import io

    from PIL import Image

    with Image.open(io.BytesIO(raw)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"the image claims {image.width}x{image.height} pixels")
        return np.asarray(image.convert("RGB"))


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
    digest = hashlib.sha256(f"dqkit pixels 1 {side}\n".encode())
    for file in files:
        status = file.stat() if file.exists() else None
        stamp = f"{status.st_size} {status.st_mtime_ns}" if status else "missing"
        digest.update(f"{file.resolve()} {stamp}\n".encode())
    return digest.hexdigest()[:32]
