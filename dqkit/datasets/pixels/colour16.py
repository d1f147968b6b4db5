"""Colour pictures of 16 bits a channel (PNG, TIFF), of which Pillow alone keeps the upper 8 bits."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

PNG = b"\x89PNG\r\n\x1a\n"
WHITE = 65535.0


def planes(image: Any, raw: bytes) -> NDArray[np.float32] | None:
    """The values as float32 (h, w) or (h, w, 3), alpha on white; None where this is no such picture.

    Parameters
    ----------
    image : PIL.Image.Image
        The opened image, not yet loaded. It is loaded where values come back.
    raw : bytes
        The whole file.
    """
    if raw[:8] == PNG and raw[24:26] == b"\x10\x04":
        return _grey_and_alpha(image, raw)
    modes = {part.args if isinstance(part.args, str) else part.args[0] for part in image.tile if part.args}
    mode = modes.pop() if len(modes) == 1 else ""
    if not isinstance(mode, str) or not mode.startswith(("RGB;16", "RGBA;16", "RGBX;16")) or mode[-1] not in "BLN":
        return None
    # The decoder takes the upper byte of each value. Told the other byte order, it takes the lower one instead.
    low = _loaded(raw, mode[:-1] + _other(mode[-1]))
    image.load()
    high = np.asarray(image)
    if low.shape != high.shape:
        return None
    values = high.astype(np.float32) * 256 + low
    return _on_white(values[..., :3], values[..., 3:]) if mode.startswith("RGBA") else values[..., :3]


def _other(order: str) -> str:
    if order == "N":
        return "B" if struct.pack("=H", 1) == b"\x01\x00" else "L"
    return "L" if order == "B" else "B"


def _loaded(raw: bytes, mode: str) -> NDArray[np.uint8]:
    from PIL import Image

    with Image.open(io.BytesIO(raw)) as image:
        image.tile = [
            part._replace(args=(mode, *part.args[1:]) if isinstance(part.args, tuple) else mode) for part in image.tile
        ]
        image.load()
        return np.asarray(image)


def _grey_and_alpha(image: Any, raw: bytes) -> NDArray[np.float32]:
    """Two 16-bit values a pixel are four bytes: read as 8-bit RGBA, they come out whole."""
    from PIL import Image

    header = raw[12:24] + b"\x08\x06" + raw[26:29]
    patched = raw[:12] + header + struct.pack(">I", zlib.crc32(header)) + raw[33:]
    with Image.open(io.BytesIO(patched)) as four:
        parts = np.asarray(four).astype(np.float32)
    image.load()
    return _on_white(parts[..., :1] * 256 + parts[..., 1:2], parts[..., 2:3] * 256 + parts[..., 3:4])[..., 0]


def _on_white(values: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    if alpha.min(initial=WHITE) >= WHITE:
        return values
    share = alpha / WHITE
    return np.asarray(values * share + WHITE * (1 - share), dtype=np.float32)
