"""A sample of a workbench as the bytes a browser shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dqkit.datasets.pixels.originals import Shown, show
from dqkit.records import size_columns
from dqkit.workbench.state import State


def media_of(state: State, i: int) -> tuple[bytes, str]:
    """The sample as bytes and their type; no bytes where its file cannot be shown."""
    shown = shown_of(state, i)
    return shown.media, shown.mime


def shown_of(state: State, i: int, *, first: Sequence[str] = ()) -> Shown:
    """The sample as a browser shows it, and what a person should know of it, such as that its original is gone.

    first: columns of a table row that come before the others, in this order.
    """
    dataset = state.dataset
    if dataset.modality == "text":
        return Shown(str(dataset.content[i]).encode(), "text/plain")
    if dataset.modality == "table":
        row = {str(k): _cell(v) for k, v in dataset.content.iloc[i].items()}
        row = {name: row[name] for name in dict.fromkeys([*(name for name in first if name in row), *row])}
        return Shown(json.dumps(row, ensure_ascii=False).encode(), "application/json")
    return show(dataset, i)


def size_of(state: State, i: int) -> str:
    """How large the sample is, in words: pixels, characters or columns."""
    dataset = state.dataset
    if dataset.modality == "text":
        return f"{len(str(dataset.content[i])):,} characters"
    if dataset.modality == "table":
        return f"{dataset.content.shape[1]:,} columns"
    height, width = dataset.content.shape[1:3]
    names = size_columns(dataset.metadata.columns)
    if names is not None:
        size = pd.to_numeric(dataset.metadata.loc[dataset.ids[i], list(names)], errors="coerce")
        if size.notna().all():
            width, height = size
    return f"{int(width):,} × {int(height):,} pixels"


def _cell(value: Any) -> Any:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | float | np.integer | np.floating):
        return value.item() if isinstance(value, np.generic) else value
    return str(value)
