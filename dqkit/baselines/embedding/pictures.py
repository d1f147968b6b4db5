"""The pictures of a dataset one by one, as people see them: from the originals where they are still there."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.datasets.pixels.formats import read
from dqkit.datasets.pixels.originals import pixels_of, without_border
from dqkit.files import read_file
from dqkit.records import Dataset, size_columns


def picture(dataset: Dataset, i: int, side: int) -> tuple[NDArray[np.uint8], bool]:
    """Picture i, uint8 (h, w, 3), at least `side` pixels on the shorter edge where it has them; and whether it is less
    than it should be: False where it is the original or the dataset has no other pixels."""
    path = None if dataset.paths is None else dataset.paths[i]
    if path and dataset.is_usable[i]:
        try:
            return pixels_of(read(read_file(str(path)), side), dataset.window), False
        except Exception:  # gone or changed since it was read, in any way; its decoded pixels are still there
            return on_white(without_border(dataset, i)), True
    return on_white(np.asarray(dataset.content[i])), False


def on_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 (h, w), or (h, w, 1 to 4), as (h, w, 3); the last of 2 or 4 channels is how opaque a pixel is."""
    x = pixels[..., None] if pixels.ndim == 2 else pixels
    if x.shape[2] in (2, 4):
        alpha = x[..., -1:].astype(np.uint16)
        x = ((x[..., :-1] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(x, 3, axis=2) if x.shape[2] == 1 else x[..., :3])


def shorter_edges(dataset: Dataset) -> NDArray[np.int64]:
    """(n,) pixels on the shorter edge of each original; of the decoded pixels where nothing else is known."""
    edges = np.full(len(dataset), min(dataset.content.shape[1:3]), dtype=np.int64)
    names = size_columns(dataset.metadata.columns)
    if names is None:
        return edges
    sizes = dataset.metadata[list(names)].apply(pd.to_numeric, errors="coerce").min(axis=1)
    known = np.nan_to_num(sizes.to_numpy(dtype=np.float64), nan=0.0)
    return np.where(known > 0, np.minimum(known, 2**31), edges).astype(np.int64)


def content_hash(dataset: Dataset, start: int, stop: int) -> str:
    """A hash of what some pictures show: their decoded pixels and the sizes of their files."""
    content = np.ascontiguousarray(dataset.content[start:stop])
    h = hashlib.blake2b(f"{content.shape} {dataset.window}".encode() + content.tobytes(), digest_size=16)
    paths = [None] * (stop - start) if dataset.paths is None else dataset.paths[start:stop]
    for path in paths:
        try:
            size = os.stat(path).st_size if path else -1
        except (OSError, ValueError):
            size = -1
        h.update(size.to_bytes(8, "little", signed=True))
    return h.hexdigest()
