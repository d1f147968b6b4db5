"""What the image properties are judged on, measured in blocks of whole pictures of one shape."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

_BLOCK_VALUES = 4_000_000
_BLUR_SIDE = 64

Column = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measures:
    """(n,) each. brightness: root of the weighted mean squares of the channel means, [0, 1]; bright_5, bright_99:
    percentiles of the pixels' brightness; contrast: standard deviation of the grey values / 127.5; entropy: bits of
    the histogram of all channels; edge_std: standard deviation of the edges of the grey picture at 64 pixels;
    histogram_std: of the 256 counts of that grey picture; grey: all channels are equal.
    """

    brightness: Column
    bright_5: Column
    bright_99: Column
    contrast: Column
    entropy: Column
    edge_std: Column
    histogram_std: Column
    grey: NDArray[np.bool_]


def measure(pixels: NDArray[np.uint8], sizes: NDArray[np.float64] | None) -> Measures:
    """Return the measures of uint8 images (n, h, w[, c]); sizes (n, 2): width, height of what was fitted into them."""
    n, height, width = pixels.shape[:3]
    boxes = np.tile(np.array([0, 0, height, width]), (n, 1))
    if sizes is not None:
        boxes = _boxes(sizes, height, width)
    out = {field.name: np.zeros(n, dtype=bool if field.name == "grey" else np.float64) for field in fields(Measures)}
    shapes, which = np.unique(boxes, axis=0, return_inverse=True)
    for at, (top, left, tall, wide) in enumerate(shapes):
        rows = np.flatnonzero(which.ravel() == at)
        step = max(1, _BLOCK_VALUES // (tall * wide * 3))
        for start in range(0, len(rows), step):
            chosen = rows[start : start + step]
            block = np.asarray(pixels[chosen])[:, top : top + tall, left : left + wide]
            for name, values in _measure_block(block).items():
                out[name][chosen] = values
    return Measures(**out)


def _boxes(sizes: NDArray[np.float64], height: int, width: int) -> NDArray[np.int64]:
    """(n, 4) top, left, height, width of pictures scaled to fit the canvas, in the rounding of the pixel cache."""
    scale = np.minimum(width / sizes[:, 0], height / sizes[:, 1])
    wide = np.clip(np.rint(sizes[:, 0] * scale), 1, width).astype(np.int64)
    tall = np.clip(np.rint(sizes[:, 1] * scale), 1, height).astype(np.int64)
    return np.column_stack(((height - tall) // 2, (width - wide) // 2, tall, wide))


def _measure_block(block: NDArray[np.uint8]) -> dict[str, NDArray[np.float64] | NDArray[np.bool_]]:
    n = len(block)
    colour = block.ndim == 4 and block.shape[3] >= 3
    grey_block = block if block.ndim == 3 else block[..., 0]
    if colour:
        red, green, blue = (block[..., i].reshape(n, -1).astype(np.int32) for i in range(3))
        # Percentiles of the square, in whole numbers; the root of an order statistic is that of the root.
        bright = 241 * red * red + 691 * green * green + 68 * blue * blue
        low, high = _percentile(bright, 5), _percentile(bright, 99)
        mean = [channel.mean(axis=1) for channel in (red, green, blue)]
        brightness = np.sqrt(0.241 * mean[0] ** 2 + 0.691 * mean[1] ** 2 + 0.068 * mean[2] ** 2) / 255
        flat = block[..., :3].reshape(n, -1)
        # The weights of ITU-R 601 in the fixed-point arithmetic of Pillow's conversion.
        grey_block = ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)
        grey_block = grey_block.reshape(block.shape[:3])
        entropy = _entropy(np.concatenate([_histogram(block[..., i].reshape(n, -1)) for i in range(3)], axis=1))
        is_grey = ((red == green) & (green == blue)).all(axis=1)
    else:
        flat = grey_block.reshape(n, -1)
        low, high = (np.percentile(flat, at, axis=1) / 255 for at in (5, 99))
        brightness = flat.mean(axis=1) / 255
        entropy = _entropy(_histogram(flat))
        is_grey = np.ones(n, dtype=bool)
    small = _at_most(block if colour else grey_block, grey_block)
    return {
        "brightness": brightness,
        "bright_5": low,
        "bright_99": high,
        "contrast": np.minimum(grey_block.reshape(n, -1).std(axis=1) / 127.5, 1.0),
        "entropy": entropy,
        "edge_std": _edge_std(small),
        "histogram_std": _histogram(small.reshape(n, -1)).std(axis=1),
        "grey": is_grey,
    }


def _percentile(squares: NDArray[np.int32], percent: float) -> NDArray[np.float64]:
    """Percentile of sqrt(squares / 1000) / 255 along the last axis, linear between order statistics."""
    position = percent / 100 * (squares.shape[1] - 1)
    below = int(np.floor(position))
    above = min(below + 1, squares.shape[1] - 1)
    part = np.partition(squares, (below, above), axis=1)
    left, right = (np.sqrt(part[:, at] / 1000) / 255 for at in (below, above))
    between: NDArray[np.float64] = left + (position - below) * (right - left)
    return between


def _histogram(flat: NDArray[np.uint8]) -> NDArray[np.int64]:
    n = len(flat)
    keys = flat + (np.arange(n, dtype=np.int64) * 256)[:, None]
    return np.bincount(keys.ravel(), minlength=256 * n).reshape(n, 256)


def _entropy(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    share = counts / counts.sum(axis=1, keepdims=True)
    bits: NDArray[np.float64] = -(share * np.log2(np.where(share > 0, share, 1.0))).sum(axis=1)
    return np.maximum(bits, 0.0)


def _at_most(block: NDArray[np.uint8], grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The grey pictures, scaled so that no side exceeds 64 pixels."""
    height, width = grey.shape[1:3]
    ratio = max(height, width) / _BLUR_SIDE
    if ratio <= 1:
        return grey
    from PIL import Image

    size = (max(int(width // ratio), 1), max(int(height // ratio), 1))
    whole = block[..., :3] if block.ndim == 4 else block
    return np.stack([np.asarray(Image.fromarray(np.ascontiguousarray(one)).resize(size).convert("L")) for one in whole])


def _edge_std(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Standard deviation of 8 x pixel - its 8 neighbours, cut to 0..255; pixels of the border stay as they are."""
    edges = grey.astype(np.int16)
    if min(grey.shape[1:]) >= 3:
        wide = edges
        around = sum(
            wide[:, 1 + y : wide.shape[1] - 1 + y, 1 + x : wide.shape[2] - 1 + x]
            for y in (-1, 0, 1)
            for x in (-1, 0, 1)
            if (y, x) != (0, 0)
        )
        edges = wide.copy()
        edges[:, 1:-1, 1:-1] = np.clip(8 * wide[:, 1:-1, 1:-1] - around, 0, 255)
    spread: NDArray[np.float64] = edges.reshape(len(edges), -1).astype(np.float64).std(axis=1)
    return spread
