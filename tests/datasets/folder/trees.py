"""Small trees of files for tests, and what an independent walk says is in them."""

from __future__ import annotations

import io
import os
from pathlib import Path

from PIL import Image


def png(value: int = 0) -> bytes:
    """The bytes of a picture of two by two pixels of one grey."""
    out = io.BytesIO()
    Image.new("RGB", (2, 2), (value % 256,) * 3).save(out, "PNG")
    return out.getvalue()


PICTURE = png(7)


def grow(root: Path, *files: str, content: bytes | None = None) -> Path:
    """Write each file; what has a picture's name is a picture unless `content` says otherwise."""
    for name in files:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = name.casefold().endswith((".png", ".jpg"))
        file.write_bytes(content if content is not None else PICTURE if picture else b"words")
    return root


def classes(root: Path, *names: str, n: int = 2) -> Path:
    """A folder of n pictures for each name, which may hold slashes."""
    return grow(root, *(f"{name}/{i}.png" for name in names for i in range(n)))


def count_files(root: Path) -> int:
    """All that is no folder, links included, by `os.walk`."""
    return sum(len(files) + sum((Path(at) / d).is_symlink() for d in dirs) for at, dirs, files in os.walk(root))


def by_split_and_class(ds) -> dict[tuple[str, str | None], int]:
    """How many samples each pair of split and class name has."""
    found: dict[tuple[str, str | None], int] = {}
    for split, label in zip(ds.split, ds.labels, strict=True):
        at = (split, None if label < 0 else ds.classes[label])
        found[at] = found.get(at, 0) + 1
    return found
