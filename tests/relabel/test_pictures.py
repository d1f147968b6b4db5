"""Pictures of every size on their way to the page."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dqkit.relabel.pictures import presentable


def encoded(width: int, height: int, kind: str, *, noise: bool = False) -> bytes:
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    if noise:
        pixels[:] = np.random.default_rng(0).integers(0, 256, pixels.shape)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def size(media: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(media)) as image:
        return image.size


@pytest.mark.parametrize(("width", "height"), [(1, 1), (28, 28), (1200, 900)])
def test_a_light_picture_goes_as_it_is(width, height):
    media = encoded(width, height, "PNG")
    assert presentable(media, "image/png") == (media, "image/png")


def test_a_very_wide_picture_is_scaled_down_in_proportion():
    media, mime = presentable(encoded(20_000, 200, "PNG"), "image/png")
    assert mime == "image/jpeg"
    assert size(media) == (1600, 16)


def test_a_heavy_picture_becomes_light():
    heavy = encoded(1500, 1500, "PNG", noise=True)
    assert len(heavy) > 2_000_000
    media, _ = presentable(heavy, "image/png")
    assert size(media) == (1500, 1500)
    assert len(media) < len(heavy) / 2


def test_a_picture_that_would_need_gigabytes_is_not_decoded():
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    assert presentable(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IEND", b""), "image/png") == (b"", "image/png")


def test_bytes_that_are_no_picture_are_left_to_the_page_when_light_and_dropped_when_heavy():
    assert presentable(b"nonsense", "image/png") == (b"nonsense", "image/png")
    assert presentable(bytes(3_000_000), "image/png") == (b"", "image/png")
