"""Arrays of images of one size, of any kind of number and order of axes, as uint8 with the channels last."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.datasets.memory import Content
from dqkit.datasets.pixels.window import apply_window, sketch_of, window_of
from dqkit.records import InputError

_CHANNELS = (1, 3, 4)


def images_of(array: NDArray[Any], channels: str | None) -> Content:
    """Images (n, h, w) or four axes as uint8 images, and what was decided.

    Raises `InputError` where the order of the axes or the range of the numbers may be read in two ways.
    """
    if 0 in array.shape[1:]:
        raise InputError(f"x must hold images of at least one pixel; got shape {array.shape}.")
    notes: list[str] = []
    if array.ndim == 4:
        order = channels or _order(array.shape)
        if order == "first":
            array = array.transpose(0, 2, 3, 1)
            notes.append("The channels stand first and were moved last.")
        if array.shape[3] > 4:
            raise InputError(
                "x must hold images of 1 to 4 channels, the channels last (n, h, w, channels); got "
                f"shape {array.shape}. Choose up to four (x[..., :3]). Channels that stand first are moved by "
                "x.transpose(0, 2, 3, 1)."
            )
    values, said = eight_bits(array)
    return Content("image", values, notes=(*notes, *said))


def _order(shape: tuple[int, ...]) -> str:
    """Where the channels stand: "first" or "last"."""
    _, a, b, c = shape
    first, last = a in _CHANNELS and (b, c) != (1, 1), c <= 4
    if first and last:
        # Most images are square: the order that makes these so is meant.
        if (a == b) != (b == c):
            return "last" if a == b else "first"
        raise InputError(
            f"x must say where the channels are; shape {shape} may be either. Pass channels='first' for {a} channels "
            f"of {b} x {c} pixels: from_arrays(x, labels, channels='first'). Pass channels='last' for {c} channels of "
            f"{a} x {b} pixels: from_arrays(x, labels, channels='last')."
        )
    return "first" if first and not last else "last"


def of_several_sizes(
    arrays: list[NDArray[Any]], channels: str | None, *, name: str = "x"
) -> tuple[list[NDArray[np.uint8]], list[str]]:
    """Images (h, w) or of three axes as uint8 with the channels last, and what was decided.

    Raises `InputError` for what is no image, and where the order of the axes may be read in two ways.
    """
    odd = next(
        (i for i, a in enumerate(arrays) if a.ndim not in (2, 3) or a.dtype.kind not in "fiub" or not a.size), None
    )
    if odd is not None:
        raise InputError(
            f"{name} must hold images (h, w) or (h, w, channels); got {arrays[odd].dtype} of shape "
            f"{arrays[odd].shape} at position {odd}."
        )
    notes: list[str] = []
    planes: list[Any] = [array.shape for array in arrays if array.ndim == 3]
    first = channels == "first" or (channels is None and bool(planes) and all(s[0] in (1, 3, 4) for s in planes))
    last = channels == "last" or (channels is None and all(s[2] in (1, 2, 3, 4) for s in planes))
    if first and last and planes and len({shape[0] == shape[1] for shape in planes}) == 1:
        # As for images of one size: most are square.
        square = planes[0][0] == planes[0][1]
        if square != all(shape[1] == shape[2] for shape in planes):
            first, last = not square, square
    if first and last and planes:
        raise InputError(
            f"{name} must say where the channels are; shapes such as {planes[0]} may be either. Pass channels='first' "
            "or channels='last': from_arrays(x, labels, channels='last')."
        )
    if planes and not first and not last:
        raise InputError(
            f"{name} must hold images of 1 to 4 channels; got shape {planes[0]}. Choose up to four, such as x[..., :3]."
        )
    if first and planes:
        arrays = [array.transpose(1, 2, 0) if array.ndim == 3 else array for array in arrays]
        notes.append("The channels stand first and were moved last.")
    # One range for all: each on its own, a dark image would be as bright as the others.
    flat, said = eight_bits(np.concatenate([array.ravel() for array in arrays])[None])
    ends = np.cumsum([array.size for array in arrays])
    parts: list[Any] = [p.reshape(a.shape) for p, a in zip(np.split(flat[0], ends[:-1]), arrays, strict=True)]
    parts = [part[..., 0] if part.ndim == 3 and part.shape[2] == 1 else part for part in parts]
    return parts, [*notes, *said]


def eight_bits(array: NDArray[Any]) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """The images as uint8, and a sentence on the range that they were taken to have."""
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array), ()
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255), ("Images of yes and no: black and white.",)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(f"x must be finite; got {array[where]} at {where}. Fill it, such as with numpy.nan_to_num(x).")
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind in "iu":
        if low >= 0 and high <= 1 and low < high:
            return (array * 255).astype(np.uint8), ("Images of 0 and 1: black and white.",)
        if low >= 0 and high <= 255:
            return array.astype(np.uint8), ()
        return _windowed(array)
    return _floats(array, low, high)


def _floats(array: NDArray[Any], low: float, high: float) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    if low >= 0 and high <= 1 and low < high:
        return np.round(array * 255).astype(np.uint8), ("Images of floats from 0 to 1: 1 is white.",)
    if -1 <= low < 0 and high <= 1 and (low < -0.5 or high > 0.5):
        return np.round((array + 1) * 127.5).astype(np.uint8), ("Images of floats from -1 to 1: -1 is black, 1 white.",)
    if low >= 0 and 2 <= high <= 255:
        return np.round(array).astype(np.uint8), ("Images of floats from 0 to 255: 255 is white.",)
    if low >= 0 and high > 255:
        return _windowed(array)
    raise InputError(
        f"x must be uint8 images, or floats whose range shows what is white; got {array.dtype} from {low:.4g} to "
        f"{high:.4g}. If 1 is white, pass (x.clip(0, 1) * 255).astype('uint8'); if 255 is, pass "
        "x.clip(0, 255).astype('uint8'). Standardised images are brought back first: x * std + mean."
    )


def _windowed(array: NDArray[Any]) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Images of more than 8 bits, all through the same window, as files of such images."""
    window = window_of([sketch_of(image.astype(np.float32)) for image in array])
    out = np.empty(array.shape, dtype=np.uint8)
    for i, image in enumerate(array):
        out[i] = apply_window(image.astype(np.float32), window)
    low, high = window or (0.0, 0.0)
    return out, (f"Images of more than 8 bits: shown from {low:g} (black) to {high:g} (white).",)
