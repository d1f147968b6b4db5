"""Pictures that a browser page can decode in time."""

from __future__ import annotations

import io
import struct

MOST_BYTES = 2_000_000
MOST_SIDE = 4096
SHOWN_SIDE = 1600


def presentable(media: bytes, mime: str) -> tuple[bytes, str]:
    """The picture and its mime type as they are, or a smaller JPEG of it when it is too heavy to show at once.

    A picture over 2 MB or 4096 pixels a side is scaled to at most 1600 pixels a side. One that cannot be decoded or
    would need gigabytes to decode comes back empty, which the page shows as a sample that cannot be shown. Anything
    that is no picture, and a light picture, is not opened at all.

    >>> presentable(b"a text", "text/plain")
    (b'a text', 'text/plain')
    """
    if not mime.startswith("image/") or (len(media) <= MOST_BYTES and max(_png_size(media)) <= MOST_SIDE):
        return media, mime
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(media)) as image:
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or 2**27):
                image.draft("RGB", (SHOWN_SIDE, SHOWN_SIDE))
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or 2**27):
                return b"", mime
            image.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
            out = io.BytesIO()
            image.convert("RGB").save(out, "JPEG", quality=88)
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning, OSError):
        return b"", mime
    return out.getvalue(), "image/jpeg"


def _png_size(media: bytes) -> tuple[int, int]:
    """Width and height from a PNG's header; zeros for anything else, whose bytes bound its size well enough."""
    if media[:8] != b"\x89PNG\r\n\x1a\n" or len(media) < 24:
        return 0, 0
    width, height = struct.unpack(">II", media[16:24])
    return int(width), int(height)
