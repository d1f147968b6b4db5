"""A sample of a workbench as the bytes a browser shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dqkit.datasets.pixels.originals import Shown, show, thumbnail

if TYPE_CHECKING:
    from dqkit.workbench.bench import Workbench

SNIPPET = 120
THUMBNAIL = 128


def media_of(bench: Workbench, i: int) -> tuple[bytes, str]:
    """The sample as bytes and their type; no bytes where its file cannot be shown."""
    shown = shown_of(bench, i)
    return shown.media, shown.mime


def shown_of(bench: Workbench, i: int) -> Shown:
    """The sample as a browser shows it, and what a person should know of it, such as that its original is gone."""
    dataset = bench.dataset
    if dataset.modality == "text":
        return Shown(str(dataset.content[i]).encode(), "text/plain")
    if dataset.modality == "table":
        row = {str(k): _cell(v) for k, v in dataset.content.iloc[i].items()}
        return Shown(json.dumps(row, ensure_ascii=False).encode(), "application/json")
    return show(dataset, i)


def _cell(value: Any) -> Any:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | float | np.integer | np.floating):
        return value.item() if isinstance(value, np.generic) else value
    return str(value)


def thumbnail_of(bench: Workbench, i: int) -> bytes:
    """A small sign of the sample: its picture as PNG, the start of its text, or nothing for a table row."""
    if bench.dataset.modality == "image":
        return thumbnail(bench.dataset, i, longest=THUMBNAIL)
    if bench.dataset.modality == "text":
        text = " ".join(str(bench.dataset.content[i]).split())
        return (text if len(text) <= SNIPPET else f"{text[:SNIPPET]}…").encode()
    return b""
