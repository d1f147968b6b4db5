"""Image files without what their cameras and programs wrote beside the pixels: no place, name or date leaves."""

from __future__ import annotations

import struct

PNG = b"\x89PNG\r\n\x1a\n"
# What pixels are drawn from. Everything else (EXIF, XMP, IPTC, comments, texts, what follows the end) is left out.
JPEG_KEPT = frozenset({0xE0, 0xE2, 0xEE}) | frozenset(range(0xC0, 0xE0))
PNG_KEPT = frozenset(b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs hIST acTL fcTL fdAT cICP".split())
WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
EXIF_FLAG, XMP_FLAG = 0x08, 0x04


def cleaned(raw: bytes) -> bytes | None:
    """The JPEG, PNG, WebP or GIF file with its pixels untouched and its metadata left out; None for other files.

    A file without metadata comes back as it is, byte for byte.

    Notes
    -----
    The EXIF orientation goes with the rest: a picture that needs it has to be turned instead.
    """
    try:
        if raw[:3] == b"\xff\xd8\xff":
            return _jpeg(raw)
        if raw[:8] == PNG:
            return _png(raw)
        if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
            return _webp(raw)
    except (IndexError, struct.error):
        return None
    if raw[:6] in (b"GIF87a", b"GIF89a"):
        # GIF's blocks that may hold metadata are its comments and applications; only a file without them is passed on.
        return None if b"\x21\xfe" in raw or b"XMP Data" in raw else raw
    return None


def _jpeg(raw: bytes) -> bytes | None:
    parts, at = [raw[:2]], 2
    while True:
        if raw[at] != 0xFF:
            return None
        marker = raw[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack(">H", raw[at + 2 : at + 4])
        if marker in JPEG_KEPT:
            # APP0 may carry a thumbnail and APP2 the table of a multi-picture file: only JFIF's and ICC's own stay.
            body = raw[at + 4 : at + 4 + 16]
            if not (marker == 0xE0 and body[:5] != b"JFIF\0") and not (marker == 0xE2 and body[:11] != b"ICC_PROFILE"):
                parts.append(raw[at : at + 2 + length])
        if marker == 0xDA:
            end = raw.find(b"\xff\xd9", at)
            if end < 0:
                return None
            parts[-1] = raw[at : end + 2]
            return b"".join(parts)
        at += 2 + length


def _png(raw: bytes) -> bytes | None:
    parts, at = [PNG], 8
    while at < len(raw):
        (length,) = struct.unpack(">I", raw[at : at + 4])
        kind, end = raw[at + 4 : at + 8], at + 12 + length
        if end > len(raw):
            return None
        if kind in PNG_KEPT:
            parts.append(raw[at:end])
        if kind == b"IEND":
            return b"".join(parts)
        at = end
    return None


def _webp(raw: bytes) -> bytes | None:
    parts, at = [], 12
    end = min(len(raw), 8 + int(struct.unpack("<I", raw[4:8])[0]))
    while at + 8 <= end:
        kind, (length,) = raw[at : at + 4], struct.unpack("<I", raw[at + 4 : at + 8])
        part = raw[at : at + 8 + length + length % 2]
        if kind == b"VP8X":
            part = part[:8] + bytes([part[8] & ~(EXIF_FLAG | XMP_FLAG)]) + part[9:]
        if kind in WEBP_KEPT:
            parts.append(part)
        at += 8 + length + length % 2
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body
