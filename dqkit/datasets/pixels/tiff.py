"""TIFF files beyond what Pillow reads (64-bit numbers, channels in planes of their own), through tifffile."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.records import MissingExtra

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
INSTALL = "a TIFF file of this kind needs the package tifffile: pip install 'dqkit[tiff]'"
BITS, PHOTOMETRIC, PLANES = 258, 262, 284


def is_tiff(raw: bytes) -> bool:
    """Whether the bytes start as a TIFF or BigTIFF file does."""
    return raw[:4] in MAGIC


def is_planar(image: Any) -> bool:
    """Whether an image that Pillow opened has planes of more than 8 bits, of which it would keep the upper 8 alone."""
    if image.format != "TIFF" or image.tag_v2.get(PLANES) != 2:
        return False
    return max(int(bits) for bits in image.tag_v2.get(BITS, (1,))) > 8


def turned_bright(image: Any, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The grey values with 0 as black, where the TIFF says that 0 is white."""
    bits = image.tag_v2.get(BITS, (0,)) if image.format == "TIFF" else (0,)
    if image.format != "TIFF" or image.tag_v2.get(PHOTOMETRIC) != 0 or image.mode == "F":
        return values
    return np.float32(2 ** int(bits[0]) - 1) - values


def read(raw: bytes, check_size: Callable[[int, int], None]) -> tuple[NDArray[Any], int]:
    """uint8 (h, w, 3), or float32 (h, w) or (h, w, 3), of the first page; and the number of pages.

    `check_size` is called with width and height before anything is decoded. Raises `MissingExtra` where tifffile is
    missing, `ValueError` where it cannot read the file either.
    """
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtra(INSTALL) from error
    try:
        with tifffile.TiffFile(io.BytesIO(raw)) as file:
            page: Any = file.pages[0]
            check_size(int(page.imagewidth), int(page.imagelength))
            values, pages = np.asarray(page.asarray()), len(file.pages)
            bright = page.photometric != tifffile.PHOTOMETRIC.MINISWHITE
            if int(page.planarconfig) == 2 and values.ndim == 3:
                values = np.moveaxis(values, 0, 2)
    except (tifffile.TiffFileError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"the TIFF file cannot be read: {error}") from error
    if values.ndim == 3:
        values = values[..., :3] if values.shape[2] >= 3 else values[..., 0]
    if values.ndim != 2 and values.ndim != 3:
        raise ValueError(f"a TIFF page of shape {values.shape} is no picture")
    if not bright and values.dtype.kind == "u":
        values = np.iinfo(values.dtype).max - values
    if values.dtype == np.uint8:
        return np.repeat(values[..., None], 3, axis=2) if values.ndim == 2 else np.ascontiguousarray(values), pages
    return np.ascontiguousarray(values.astype(np.float32)), pages
