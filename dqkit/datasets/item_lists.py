"""Lists of texts, of pictures of any kind, and of arrays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from dqkit.datasets.conversion import brief, is_tensor, library_of, numpy_array
from dqkit.datasets.image_arrays import images_of, of_several_sizes
from dqkit.datasets.memory import Content
from dqkit.datasets.picture_column import pictures_of, png_of
from dqkit.datasets.pixels import decode
from dqkit.datasets.pixels.brought import keep
from dqkit.datasets.roles import looks_like_pictures
from dqkit.records import InputError


def content_of_items(items: list[Any], *, channels: str | None, side: int) -> Content | None:
    """What a list holds: texts or pictures; None for numbers, which make a matrix.

    Raises `InputError` for a list of several kinds, with the position of the first that differs.
    """
    kinds = [_kind(item) for item in items] if len(set(map(type, items))) > 1 else [_kind(items[0])] * len(items)
    kind = kinds[0]
    odd = next((i for i, other in enumerate(kinds) if other != kind), None)
    if odd is not None and {"text"} <= set(kinds):
        at = odd if kind == "text" else 0
        raise InputError(
            f"x must hold texts alone, or none; got {brief(items[at], 60)} at position {at}. "
            "Write a missing text as an empty one, or drop the row."
        )
    if odd is not None and {"picture"} <= set(kinds):
        at = odd if kind == "picture" else 0
        raise InputError(
            f"x must hold pictures alone, or none; got a {type(items[at]).__name__} at position {at}. Drop the row, or "
            "give the path or the bytes of a file."
        )
    if kind == "text":
        return _texts(items, side)
    if kind == "picture":
        return _pictures(items, side)
    return _arrays(items, channels, side) if kind == "array" else None


def _kind(item: Any) -> str:
    """text, picture (a file, its bytes, Pillow's image, {"bytes", "path"}), array (of 2 or 3 axes) or other."""
    if isinstance(item, str):
        return "text"
    if isinstance(item, bytes | bytearray | os.PathLike) or (library_of(item) == "PIL" and hasattr(item, "convert")):
        return "picture"
    if isinstance(item, dict) and set(item) & {"bytes", "path"}:
        return "picture"
    if (isinstance(item, np.ndarray) or is_tensor(item)) and len(item.shape) in (2, 3):
        return "array"
    return "other"


def _texts(items: list[str], side: int) -> Content:
    import pandas as pd

    if looks_like_pictures(pd.Series(items, dtype=object)):
        there = [os.path.isfile(os.path.expanduser(item)) for item in items]
        if any(there):
            return _pictures(items, side)
        raise InputError(
            f"x must hold texts, or paths of pictures that exist; {brief(items[0], 80)!r} and the others are named "
            f"like pictures and are not there (now in {Path.cwd()}). For pictures, give whole paths. For texts, call "
            "from_table({'text': x, 'label': labels}, text='text', label='label')."
        )
    return Content("text", np.array([str(item) for item in items], dtype=object))


def _pictures(items: list[Any], side: int) -> Content:
    """Pictures of one size stay as they are; others are fitted to a square."""
    if all(library_of(item) == "PIL" for item in items) and len({item.size for item in items}) == 1:
        modes = {item.mode for item in items}
        if modes <= {"L", "RGB"}:
            whole = np.stack([np.asarray(item if len(modes) == 1 else item.convert("RGB")) for item in items])
            return Content("image", whole)
    found = pictures_of(items, Path.cwd())
    decoded = decode(found.sources, side=side, progress=True)
    problems = {**decoded.failures, **found.problems}
    if len(problems) == len(items):
        first = min(problems)
        raise InputError(
            f"x must hold readable pictures; none of {len(items):,} is. First, at position {first}: {problems[first]}."
        )
    brought, said = keep(found.sources, decoded.sizes, problems, side)
    paths = [own or kept for own, kept in zip(found.paths, brought, strict=True)]
    return Content(
        "image",
        decoded.pixels,
        paths=paths if any(paths) else None,
        problems=problems,
        window=decoded.window,
        notes=(f"{len(items):,} pictures fitted to {side} x {side} pixels.", *([said] if said else [])),
    )


def _arrays(items: list[Any], channels: str | None, side: int) -> Content:
    """Arrays of one shape are stacked; images of several sizes are fitted to a square."""
    arrays = [numpy_array("x", item) for item in items]
    if len({array.shape for array in arrays}) == 1:
        return images_of(np.stack(arrays), channels)
    parts, said = of_several_sizes(arrays, channels)
    files = [png_of(part) for part in parts]
    decoded = decode(files, side=side, progress=True)
    paths, kept = keep(files, decoded.sizes, decoded.failures, side)
    notes = [*said, f"{len(items):,} images of several sizes fitted to {side} x {side} pixels."]
    notes += [kept] if kept else []
    return Content(
        "image",
        decoded.pixels,
        paths=paths if any(paths) else None,
        problems=decoded.failures,
        notes=tuple(notes),
    )
