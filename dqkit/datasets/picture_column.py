"""A column of pictures: paths as people write them, bytes, base64, pictures in memory."""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from dqkit.datasets.conversion import brief, call_foreign, is_tensor, library_of, numpy_array
from dqkit.datasets.image_arrays import of_several_sizes
from dqkit.datasets.pixels import Source, resolved
from dqkit.datasets.roles import PICTURES
from dqkit.datasets.spelling import Listings, as_on_disk
from dqkit.records import InputError

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\]")
_WEB = re.compile(r"(https?|ftp|s3|gs|hf|az|abfs)://", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{64,}={0,2}")
_BASE64_STARTS = ("iVBORw0KGgo", "R0lGOD", "UklGR")  # PNG, GIF, WebP
_MISSING = Path("(no path given)")


@dataclass(frozen=True)
class Pictures:
    """sources: the file or the bytes of each picture. paths: (n,) files, None where the picture is none.
    problems: position to what is wrong with it. notes: sentences on what they are."""

    sources: list[Source]
    paths: list[str | None]
    problems: dict[int, str]
    notes: tuple[str, ...]


def pictures_of(values: Sequence[Any] | Any, base: Path) -> Pictures:
    """The pictures of a column; relative paths start from `base`.

    Raises `InputError` for addresses on the web, which are not downloaded.
    """
    listed = list(values)
    said = _arrays_as_pictures(listed)
    sources: list[Source] = []
    problems: dict[int, str] = {}
    for i, value in enumerate(listed):
        try:
            sources.append(_source(value, base, i))
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            problems[i] = str(error)
            sources.append(_MISSING)
    respelled = _respelled(sources)
    inside = sum(isinstance(source, bytes) for source in sources)
    turned = sum(
        isinstance(v, str) and "\\" in v and isinstance(s, Path) and s is not _MISSING
        for v, s in zip(listed, sources, strict=True)
    )
    notes = [*said, f"{inside:,} pictures are read from the table itself."] if inside else []
    notes += [f"{turned:,} paths are written with backslashes."] if turned and os.sep == "/" else []
    if respelled:
        notes.append(f"{respelled:,} paths differ from the files' names in case, Unicode form or ending.")
    paths = [path if path and i not in problems else None for i, path in enumerate(resolved(sources))]
    return Pictures(sources, paths, problems, tuple(notes))


def _respelled(sources: list[Source]) -> int:
    """Put the file that is there in the place of a path that differs in case alone; returns how many."""
    listings: Listings = {}
    found = 0
    for i, source in enumerate(sources):
        if not isinstance(source, Path) or source is _MISSING or os.path.lexists(source):
            continue
        there = as_on_disk(source, listings, PICTURES)
        if there is not None:
            sources[i] = there
            found += 1
    return found


def _arrays_as_pictures(listed: list[Any]) -> list[str]:
    """Put PNG bytes in the place of arrays, all brought to 8 bits through one range; returns what was decided."""
    arrays: dict[int, Any] = {}
    for i, value in enumerate(listed):
        if isinstance(value, np.ndarray) or is_tensor(value):
            arrays[i] = numpy_array("image", value)
        elif library_of(value) == "PIL" and getattr(value, "mode", "") in ("F", "I"):
            arrays[i] = np.asarray(value)  # of these, Pillow's own conversion keeps no more than 0 to 255
    if not arrays:
        return []
    parts, notes = of_several_sizes(list(arrays.values()), None, name="image")
    for i, part in zip(arrays, parts, strict=True):
        listed[i] = png_of(part)
    return notes


def png_of(value: Any) -> bytes:
    """A picture in memory (Pillow's, or an array (h, w[, c]) of 8 or 16 bits) as the bytes of a PNG file."""
    from PIL import Image

    def encode() -> bytes:
        image = value if library_of(value) == "PIL" else Image.fromarray(np.ascontiguousarray(value))
        mode = image.mode
        if mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
            image = image.convert("RGB")
        file = io.BytesIO()
        exif = image.getexif() if library_of(value) == "PIL" else None
        image.save(file, "PNG", compress_level=1, **({"exif": exif} if exif else {}))
        return file.getvalue()

    return call_foreign("pictures", encode, rule="pictures that Pillow can hold, 8 or 16 bits, of 1 to 4 channels")


def _source(value: Any, base: Path, i: int) -> Source:
    """The file or the bytes of one picture; `ValueError` says why there is none."""
    if isinstance(value, dict):
        inner = next((value[k] for k in ("bytes", "path", "filename", "url") if value.get(k) is not None), None)
        return _source(inner, base, i)
    if (
        value is None
        or (isinstance(value, float) and value != value)
        or (library_of(value) == "pandas" and str(value) in {"<NA>", "NaT"})
    ):
        raise ValueError("no picture is given")
    if isinstance(value, bytes | bytearray | memoryview):
        if not len(value):
            raise ValueError("the picture has no bytes")
        return bytes(value)
    if library_of(value) == "PIL":
        return png_of(value)
    if not isinstance(value, str | os.PathLike):
        raise InputError(
            f"image must hold paths, bytes or pictures; got a {type(value).__name__} at position {i}: "
            f"{brief(value, 60)}."
        )
    return _written(os.fspath(value), base)


def _written(text: str | bytes, base: Path) -> Source:
    text = os.fsdecode(text).strip()
    if not text:
        raise ValueError("no picture is given")
    if text[:5].lower() == "data:":
        head, _, body = text.partition(",")
        return _from_base64(body) if "base64" in head else unquote(body).encode("latin-1", "replace")
    if _WEB.match(text):
        raise InputError(
            f"image must hold files of this machine; got the address {brief(text, 80)!r}. Nothing is downloaded unless "
            "asked: download the pictures first and give their paths."
        )
    if text[:7].lower() == "file://":
        text = unquote(urlsplit(text).path)
        text = text[1:] if os.name == "nt" and text[2:3] == ":" else text
    if "\0" in text:
        raise ValueError("the path holds a NUL character")
    coded = text.startswith(_BASE64_STARTS) or (len(text) > 200 and "." not in text[-8:])
    if coded and _BASE64.fullmatch(re.sub(r"\s", "", text)):
        return _from_base64(text)
    path = Path(text)
    if text.startswith("~"):
        try:
            path = path.expanduser()
        except RuntimeError as error:
            raise ValueError(str(error)) from error
    file = base / path
    if os.sep == "/" and _WINDOWS.match(text) and not os.path.lexists(file):
        raise ValueError(
            f"{brief(text, 80)!r} is a path of a Windows machine; write paths that start from the folder of the table, "
            "without the drive"
        )
    if "\\" in text and os.sep == "/" and not os.path.lexists(file):
        return base / Path(text.replace("\\", "/"))  # written on Windows
    return file


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(re.sub(r"\s", "", text).replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"the base64 text is broken: {error}") from error
