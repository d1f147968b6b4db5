"""Images as files in folders: copied or linked where they are files, drawn as PNG where they are arrays."""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.bars import over
from dqkit.export.file_names import FreeNames
from dqkit.export.selection import Chosen
from dqkit.files import is_content_name
from dqkit.records import InputError

WAYS = ("copy", "hardlink", "symlink")
WORKERS = 8
_BATCH = 64


def with_pictures(chosen: Chosen) -> Chosen:
    """The rows whose image can be written; those whose file is gone or unreadable are left out, and counted."""
    dataset = chosen.dataset
    if dataset.paths is None:
        return chosen.without(~dataset.is_usable[chosen.at], "unreadable")
    there = np.array([bool(dataset.paths[i]) and os.path.isfile(dataset.paths[i]) for i in chosen.at], dtype=bool)
    if len(there) and not there.any():
        raise InputError(
            f"the images must be where they were; none of {len(there):,} files is there, such as "
            f"{str(dataset.paths[chosen.at[0]])!r}. Bring them back, or export a table (csv, parquet)."
        )
    chosen = chosen.without(~there, "file missing")
    return chosen.without(~dataset.is_usable[chosen.at], "unreadable")


def place(root: Path, chosen: Chosen, folders: Sequence[str], *, way: str = "copy", progress: bool = True) -> list[str]:
    """Write every image into its folder below `root`; returns their relative paths, with "/".

    folders: one a row. way: of `WAYS`; images that are no files are always written, as PNG.
    """
    dataset, free = chosen.dataset, FreeNames()
    names: list[str] = []
    for i, sample_id, inside in zip(chosen.at, chosen.table["sample_id"], folders, strict=True):
        # An id with "/" is a path of its own; the file keeps its name.
        path = None if dataset.paths is None else dataset.paths[i]
        wanted = os.path.basename(str(path)) if path else f"{sample_id}.png"
        if path and is_content_name(path):
            wanted = f"{sample_id}{os.path.splitext(wanted)[1]}"
        names.append(f"{inside}/{free.take(inside, wanted)}" if inside else free.take(inside, wanted))
    for inside in sorted(set(folders)):
        (root / inside).mkdir(parents=True, exist_ok=True)
    write = _writer(root, chosen, names, way)
    pool = ThreadPoolExecutor(max_workers=WORKERS)
    try:
        # Handing one file at a time to a thread costs more than copying it.
        done = pool.map(write, (range(s, min(s + _BATCH, len(names))) for s in range(0, len(names), _BATCH)))
        for _ in over(
            (row for rows in done for row in rows),
            total=len(names),
            title="images",
            show=progress and len(names) >= 500,
        ):
            pass
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return names


def _writer(root: Path, chosen: Chosen, names: Sequence[str], way: str) -> Callable[[range], range]:
    dataset, top = chosen.dataset, str(root)

    def write(row: int) -> None:
        out, i = os.path.join(top, names[row]), int(chosen.at[row])
        if dataset.paths is None:
            with open(out, "wb") as file:
                file.write(png(np.asarray(dataset.content[i])))
            return
        source = str(dataset.paths[i])
        if way == "symlink":
            os.symlink(os.path.abspath(source), out)
        elif way == "hardlink":
            _hard_link(source, out)
        else:
            shutil.copyfile(source, out)

    def write_all(rows: range) -> range:
        for row in rows:
            write(row)
        return rows

    return write_all


def _hard_link(source: str, out: str) -> None:
    try:
        os.link(os.path.realpath(source), out)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise InputError(
                f"files='hardlink' works within one drive that knows hard links; {str(source)!r} cannot be linked "
                f"({error.strerror}). Use files='copy' or files='symlink'. Nothing was written."
            ) from error
        raise


def png(pixels: NDArray[Any]) -> bytes:
    """uint8 (h, w) or (h, w, 1 to 4) as PNG, without loss."""
    from PIL import Image

    flat = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    mode = {2: "LA", 3: "RGB", 4: "RGBA"}[flat.shape[2]] if flat.ndim == 3 else "L"
    held = io.BytesIO()
    Image.frombytes(mode, (flat.shape[1], flat.shape[0]), np.ascontiguousarray(flat, dtype=np.uint8).tobytes()).save(
        held, "PNG", compress_level=1
    )
    return held.getvalue()
