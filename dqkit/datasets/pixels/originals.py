"""The original of a sample as a browser shows it: upright, without metadata, at most 1,600 pixels on the long side."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.datasets.pixels.clean import cleaned
from dqkit.datasets.pixels.formats import MAX_PIXELS, Picture, jpeg_orientation, orientation_of, read
from dqkit.datasets.pixels.window import Window, apply_window, as_colour, fitted_size
from dqkit.files import read_file
from dqkit.records import Dataset, size_columns

LONGEST = 1600
LARGEST_FILE = 2_000_000
LARGEST_PNG = 512 * 512
MIMES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}


@dataclass(frozen=True)
class Shown:
    """A picture for a page.

    Attributes
    ----------
    media : bytes
        The encoded picture; empty where nothing can be shown.
    mime : str
        image/jpeg, image/png, image/webp or image/gif.
    note : str
        What a person should know of it: that it is no original. "" where it is one.
    """

    media: bytes
    mime: str
    note: str = ""


def show(dataset: Dataset, i: int, *, longest: int = LONGEST) -> Shown:
    """Picture i of the dataset: its original, or the decoded pixels where there is no file or no longer one.

    Parameters
    ----------
    dataset : Dataset
        Of modality "image".
    i : int
        Position of the sample.
    longest : int
        Larger pictures are scaled down to so many pixels on the long side.

    Returns
    -------
    Shown
        Without media for a sample that could not be read when the dataset was loaded.
    """
    if not dataset.is_usable[i]:
        return Shown(b"", "image/png")
    path = None if dataset.paths is None else dataset.paths[i]
    if not path:
        return Shown(encoded(_plain(np.asarray(dataset.content[i])), longest=None)[0], "image/png")
    try:
        return Shown(*original(read_file(str(path)), window=dataset.window, longest=longest))
    except Exception as error:  # the file changed since it was read, in any way; its decoded pixels are still there
        pixels = np.asarray(dataset.content[i])
        why = "is gone" if isinstance(error, FileNotFoundError) else f"cannot be read now ({error})"
        note = f"The original file {why}. This is the copy of {pixels.shape[1]} × {pixels.shape[0]} pixels."
        return Shown(encoded(_plain(without_border(dataset, i)), longest=None)[0], "image/png", note)


def thumbnail(dataset: Dataset, i: int, *, longest: int) -> bytes:
    """Picture i as PNG of at most `longest` pixels a side, cut from its original where that is still there."""
    path = None if dataset.paths is None else dataset.paths[i]
    if path:
        try:
            return small_png(str(path), os.stat(path).st_mtime_ns, dataset.window, longest)
        except Exception:  # the file changed since it was read, in any way; its decoded pixels are still there
            pass
    return encoded(_plain(without_border(dataset, i)), longest=None)[0]


def small_pixels(dataset: Dataset, i: int, *, longest: int) -> NDArray[np.uint8]:
    """The same as an array, uint8 (h, w) or (h, w, 3 or 4)."""
    path = None if dataset.paths is None else dataset.paths[i]
    if path:
        try:
            return reduced(pixels_of(read(read_file(str(path)), longest), dataset.window), longest)
        except Exception:  # see thumbnail
            pass
    return _plain(without_border(dataset, i))


@lru_cache(maxsize=512)  # of 30 kB at most, as a rule
def small_png(file: str, changed: int, window: Window | None, longest: int) -> bytes:
    """The picture in a file as PNG of at most `longest` pixels a side. changed: the time of the file's last change."""
    picture = read(read_file(file), longest)
    return encoded(reduced(pixels_of(picture, window), longest), longest=None)[0]


def without_border(dataset: Dataset, i: int) -> NDArray[Any]:
    """The decoded pixels of sample i without the black border that makes them square."""
    pixels = np.asarray(dataset.content[i])
    names = size_columns(dataset.metadata.columns)
    if dataset.paths is None or names is None or pixels.ndim != 3 or pixels.shape[0] != pixels.shape[1]:
        return pixels
    try:
        width, height = (int(dataset.metadata[name].iloc[i]) for name in names)
    except (TypeError, ValueError):
        return pixels
    if width <= 0 or height <= 0:
        return pixels
    wide, high = fitted_size(width, height, pixels.shape[0])
    top, left = (pixels.shape[0] - high) // 2, (pixels.shape[0] - wide) // 2
    return pixels[top : top + high, left : left + wide]


def reduced(pixels: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """The pixels scaled down to at most `longest` on the long side; smaller ones as they are."""
    from PIL import Image

    height, width = pixels.shape[:2]
    if max(width, height) <= longest:
        return pixels
    size = fitted_size(width, height, longest)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))


def original(raw: bytes, *, window: Window | None = None, longest: int = LONGEST) -> tuple[bytes, str]:
    """An image file as bytes for a browser, and their type.

    A small JPEG, PNG, WebP or GIF that is upright, opaque and of 8 bits is passed on as it is, but for its metadata.
    Everything else is decoded, turned, put on white, scaled and encoded anew. Raises whatever a decoder raises on a
    broken file.
    """
    if len(raw) <= LARGEST_FILE:
        found = _as_it_is(raw, longest)
        if found is not None:
            return found
    picture = read(raw, longest)
    return encoded(pixels_of(picture, window), longest=longest, photo=picture.kind in ("JPEG", "HEIF", "AVIF", "MPO"))


def pixels_of(picture: Picture, window: Window | None) -> NDArray[np.uint8]:
    """uint8 (h, w, 3) of a picture of any depth."""
    values = apply_window(picture.values, window) if picture.is_deep else picture.values
    return np.ascontiguousarray(as_colour(values))


def encoded(pixels: NDArray[np.uint8], *, longest: int | None, photo: bool = False) -> tuple[bytes, str]:
    """The pixels scaled to at most `longest` on the long side (None: as they are, without loss), and their type."""
    from PIL import Image

    image = Image.fromarray(pixels if longest is None else reduced(pixels, longest))
    held = io.BytesIO()
    if longest is None or (not photo and image.width * image.height <= LARGEST_PNG):
        image.save(held, "PNG")
        return held.getvalue(), "image/png"
    image.save(held, "JPEG", quality=90)
    return held.getvalue(), "image/jpeg"


def _as_it_is(raw: bytes, longest: int) -> tuple[bytes, str] | None:
    from PIL import Image

    kept = cleaned(raw)
    if kept is None:
        return None
    with Image.open(io.BytesIO(raw)) as image:
        mime = MIMES.get(str(image.format)) or ("image/jpeg" if image.format == "MPO" else None)
        plain = image.mode in ("1", "L", "P", "RGB") and "transparency" not in image.info
        if mime == "image/gif":
            plain = True
        if mime == "image/png" and raw[24] == 16:
            plain = False
        turned = jpeg_orientation(raw) if mime == "image/jpeg" else orientation_of(image)
        if mime is None or not plain or turned != 1 or max(image.size) > longest:
            return None
        if image.width * image.height > MAX_PIXELS:
            return None
    return kept, mime


def _plain(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Pixels in a shape that PNG knows: (h, w), or (h, w, 3 or 4)."""
    if pixels.ndim == 3 and pixels.shape[2] not in (3, 4):
        pixels = pixels[..., :3] if pixels.shape[2] > 4 else pixels[..., 0]
    return np.ascontiguousarray(pixels, dtype=np.uint8)
