"""From more than 8 bits to 8: one window for all pictures of a dataset; and every picture fitted to a square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

TAIL = 0.005
SKETCH = 256
MOST_VALUES = 65_536

Window = tuple[float, float]


def sketch_of(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(256,) evenly spread quantiles of a picture's finite values: what the dataset's window is computed from."""
    flat = values.reshape(-1)
    flat = flat[:: max(1, len(flat) // MOST_VALUES)]
    flat = flat[np.isfinite(flat)]
    if not len(flat):
        return np.full(SKETCH, np.nan, dtype=np.float32)
    return np.quantile(flat, (np.arange(SKETCH) + 0.5) / SKETCH).astype(np.float32)


def window_of(sketches: Sequence[NDArray[np.float32]] | NDArray[np.float32]) -> Window | None:
    """The values that become black and white; None without any finite value.

    Notes
    -----
    Each picture counts the same. The window goes from the 0.5th to the 99.5th percentile of all pictures together, so
    that single bright pixels or burnt-in marks do not darken the rest, and is then widened by as much as it cut from
    evenly spread values, but not beyond the values that are there.
    """
    pool = np.sort(np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in sketches]))
    pool = pool[np.isfinite(pool)]
    if not len(pool):
        return None
    shares = (np.arange(len(pool)) + 0.5) / len(pool)
    # Values of the pool itself: halfway between a picture's brightest tissue and a white mark there is nothing.
    low = pool[min(int(np.searchsorted(shares, TAIL, side="left")), len(pool) - 1)]
    high = pool[max(int(np.searchsorted(shares, 1 - TAIL, side="right")) - 1, 0)]
    margin = (high - low) * TAIL / (1 - 2 * TAIL)
    return float(max(low - margin, pool[0])), float(min(high + margin, pool[-1]))


def apply_window(values: NDArray[np.float32], window: Window | None) -> NDArray[np.uint8]:
    """uint8 of the same shape; not-a-number is black, and a window without width makes its value mid-grey."""
    low, high = window or window_of([sketch_of(values)]) or (0.0, 1.0)
    if high <= low:
        low, high = low - 0.5, low + 0.5
    share = np.clip((np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / (high - low), 0, 1)
    return np.asarray(np.round(255 * share), dtype=np.float32).astype(np.uint8)


def as_colour(values: NDArray[Any]) -> NDArray[Any]:
    """(h, w, 3) of grey (h, w) or colour (h, w, 3)."""
    return np.repeat(values[..., None], 3, axis=2) if values.ndim == 2 else values


def fit(values: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The picture scaled to fit a square of `side`, centred on black."""
    from PIL import Image

    size = fitted_size(values.shape[1], values.shape[0], side)
    small = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
    canvas = np.zeros((side, side, 3), dtype=np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    canvas[top : top + size[1], left : left + size[0]] = small
    return canvas


def fit_deep(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """float32 (1 or 3, side, side): the picture before its window, centred on not-a-number."""
    from PIL import Image

    channels = values[None] if values.ndim == 2 else np.moveaxis(values, 2, 0)
    size = fitted_size(values.shape[1], values.shape[0], side)
    canvas = np.full((len(channels), side, side), np.nan, dtype=np.float32)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    for k, channel in enumerate(channels):
        finite = np.isfinite(channel)
        lowest = float(channel[finite].min()) if finite.any() else 0.0
        plain = np.ascontiguousarray(np.where(finite, channel, lowest), dtype=np.float32)
        small = Image.fromarray(plain).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        canvas[k, top : top + size[1], left : left + size[0]] = np.asarray(small)
    return canvas


def fitted_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height after scaling the longer edge to `side`."""
    scale = side / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def shown(planes: NDArray[np.float32], window: Window | None) -> NDArray[np.uint8]:
    """(side, side, 3) of what `fit_deep` made; the border is black."""
    grey = apply_window(planes, window)
    grey[~np.isfinite(planes)] = 0
    return np.ascontiguousarray(np.moveaxis(np.broadcast_to(grey, (3, *grey.shape[1:])), 0, 2))
