"""A sample of a workbench as the bytes a browser shows."""

from __future__ import annotations

import io
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from dqkit.workbench.bench import Workbench

# What every browser shows as it is; anything else is sent as PNG made from the decoded pixels.
BROWSER_MIMES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
LARGEST_FILE = 2_000_000
SNIPPET = 120


def media_of(bench: Workbench, i: int) -> tuple[bytes, str]:
    """The sample as bytes and their type; no bytes where its file cannot be shown."""
    dataset = bench.dataset
    if dataset.modality == "text":
        return str(dataset.content[i]).encode(), "text/plain"
    if dataset.modality == "table":
        row = {str(k): _cell(v) for k, v in dataset.content.iloc[i].items()}
        return json.dumps(row, ensure_ascii=False).encode(), "application/json"
    if not dataset.is_usable[i]:
        return b"", "image/png"
    file = None if dataset.paths is None else Path(dataset.paths[i])
    if file is not None and file.suffix.lower() in BROWSER_MIMES:
        try:
            if file.stat().st_size <= LARGEST_FILE:
                return file.read_bytes(), BROWSER_MIMES[file.suffix.lower()]
        except OSError:
            # The file moved since it was read; its decoded pixels are still in the workbench.
            return png(bench, i), "image/png"
    return png(bench, i), "image/png"


@lru_cache(maxsize=4096)
def png(bench: Workbench, i: int) -> bytes:
    """The decoded pixels of sample i as PNG."""
    from PIL import Image

    pixels = np.asarray(bench.dataset.content[i])
    if pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4):
        pixels = pixels[..., :3] if pixels.shape[2] > 4 else pixels[..., :1]
    out = io.BytesIO()
    Image.fromarray(pixels.squeeze(axis=2) if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels).save(out, "PNG")
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | float | np.integer | np.floating):
        return value.item() if isinstance(value, np.generic) else value
    return str(value)


def thumbnail_of(bench: Workbench, i: int) -> bytes:
    """A small sign of the sample: its pixels as PNG, the start of its text, or nothing for a table row."""
    if bench.dataset.modality == "image":
        return png(bench, i)
    if bench.dataset.modality == "text":
        text = " ".join(str(bench.dataset.content[i]).split())
        return (text if len(text) <= SNIPPET else f"{text[:SNIPPET]}…").encode()
    return b""
