"""A sample of a workbench as the bytes a browser shows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from dqkit.datasets.pixels.originals import Shown, show, thumbnail
from dqkit.workbench.state import State

SNIPPET = 120
THUMBNAIL = 128


def media_of(state: State, i: int) -> tuple[bytes, str]:
    """The sample as bytes and their type; no bytes where its file cannot be shown."""
    shown = shown_of(state, i)
    return shown.media, shown.mime


def shown_of(state: State, i: int) -> Shown:
    """The sample as a browser shows it, and what a person should know of it, such as that its original is gone."""
    dataset = state.dataset
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


def thumbnail_of(state: State, i: int) -> bytes:
    """A small sign of the sample: its picture as PNG, the start of its text, or nothing for a table row."""
    if state.dataset.modality == "image":
        return thumbnail(state.dataset, i, longest=THUMBNAIL)
    if state.dataset.modality == "text":
        text = " ".join(str(state.dataset.content[i]).split())
        return (text if len(text) <= SNIPPET else f"{text[:SNIPPET]}…").encode()
    return b""
