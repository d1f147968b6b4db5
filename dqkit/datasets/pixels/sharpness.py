"""How sharp the originals of pictures are: the pixel cache is too small to show it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from dqkit.bars import over
from dqkit.datasets.pixels.formats import read
from dqkit.datasets.pixels.keys import keys_of
from dqkit.datasets.pixels.window import as_colour
from dqkit.files import read_file
from dqkit.records import Dataset

SIDE = 512  # as large as a person looks at a picture
SMALLEST = 12
# Of more files, those with the weakest edges in the cache are measured: 5 ms each are half a minute.
MOST_FILES = 5_000
GRAIN = 2.0  # what the rounding of grey values may add
_MANY = 500
_known: dict[tuple[int, int], float] = {}


def sharpness(dataset: Dataset, *, most: int = MOST_FILES, progress: bool = False) -> NDArray[np.float64] | None:
    """Measure the originals of a dataset of pictures.

    Parameters
    ----------
    dataset : Dataset
        Pictures that are files; of others nothing is measured.
    most : int
        How many files are read at most, those with the weakest edges in the pixel cache first.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    ndarray, shape (n,), or None
        See `sharpness_of`; NaN where a file was not read. None where the pictures are no files.
    """
    if dataset.modality != "image" or dataset.paths is None:
        return None
    out = np.full(len(dataset), np.nan)
    there = [i for i, path in enumerate(dataset.paths) if path and dataset.is_usable[i]]
    if len(there) > most:
        weakest = np.argsort(_edges(dataset.content, there), kind="stable")[:most]
        there = sorted(there[k] for k in weakest)
    files = [str(dataset.paths[i]) for i in there]
    keys = [(int(key["path"]), int(key["stamp"])) for key in keys_of(files)]
    todo = [k for k, key in enumerate(keys) if key not in _known]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        measured = pool.map(_of_file, [files[k] for k in todo])
        show = progress and len(todo) >= _MANY
        for k, value in zip(todo, over(measured, total=len(todo), title="sharpness", show=show), strict=True):
            _known[keys[k]] = value
    out[there] = [_known[key] for key in keys]
    return out


def sharpness_of(grey: NDArray[np.uint8]) -> float:
    """Return the strength of the finest edges over that of the strongest at any scale, in (0, 1], higher = sharper.

    The strength of edges is the absolute Laplacian that as many pixels reach as a quarter of width and height, since
    edges are lines. Each scale halves the picture. A sharp edge is as strong at the finest scale as at others; a
    blurred one grows with the scale. A picture without edges is 1: nothing shows that it is blurred.

    >>> step = np.zeros((64, 64), np.uint8)
    >>> step[:, 31:] = 200
    >>> sharpness_of(step) > 0.5, sharpness_of(np.full((64, 64), 7, np.uint8))
    (True, 1.0)
    """
    plane = grey.astype(np.int32)
    strength: list[float] = []
    while min(plane.shape) >= SMALLEST or not strength:
        if min(plane.shape) < 3:
            return 1.0
        middle = plane[1:-1, 1:-1]
        around = plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:]
        edges = np.abs(4 * middle - around).ravel()
        at = len(edges) - max(sum(plane.shape) // 4, 1)
        strength.append(float(np.partition(edges, at)[at]) + GRAIN)
        height, width = plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2
        even = plane[:height, :width]
        plane = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2] + 2) // 4
    return strength[0] / max(strength)


def _of_file(file: str) -> float:
    from PIL import Image

    try:
        picture = read(read_file(file), SIDE * 3 // 4)
        image = Image.fromarray(as_colour(picture.values)).convert("L")
    except Exception:  # what cannot be read was reported when it was decoded
        return float("nan")
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return sharpness_of(np.asarray(image))


def _edges(content: NDArray[np.uint8], rows: list[int]) -> NDArray[np.float64]:
    """Mean absolute difference of neighbouring pixels in the cache."""
    out = np.zeros(len(rows))
    for k, i in enumerate(rows):
        plane = np.asarray(content[i])
        plane = (plane[..., 1] if plane.ndim == 3 and plane.shape[2] > 2 else plane.squeeze()).astype(np.int16)
        out[k] = np.abs(np.diff(plane, axis=0)).mean() + np.abs(np.diff(plane, axis=1)).mean()
    return out
