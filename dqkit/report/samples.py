"""One sample as people look at it: a thumbnail, a quotation or a short list of columns, all inside the page."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from numpy.typing import NDArray

from dqkit.datasets.pixels.originals import small_pixels
from dqkit.records import Dataset

LONGEST_SIDE = 256  # twice the width of a thumbnail on the page, for sharp screens
TINY = 48
TEXT_LENGTH = 280
SHOWN_COLUMNS = 8


class Viewer:
    """Shows samples of one dataset by id; each thumbnail is encoded once.

    dataset: what the samples come from, until the `with` block ends: a rendered page is held in a circle of references,
    and with it would be the files of the dataset. A sample that could not be read is shown as an empty frame that says
    so.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.at = {str(sample_id): i for i, sample_id in enumerate(dataset.ids)}
        self.usable = dataset.is_usable
        self.seen: dict[int, tuple[str, str]] = {}

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, *_: object) -> None:
        del self.dataset

    def show(self, sample_id: str, alt: str) -> Markup:
        """The sample as HTML; `alt` describes a picture to those who do not see it."""
        position = self.at.get(sample_id)
        if position is None or not self.usable[position]:
            return Markup('<div class="frame missing">not readable</div>')
        if self.dataset.modality == "text":
            return _quotation(str(self.dataset.content[position]))
        if self.dataset.modality == "table":
            return _columns(self.dataset.content.iloc[position])
        if position not in self.seen:
            pixels = small_pixels(self.dataset, position, longest=LONGEST_SIDE)
            self.seen[position] = thumbnail(pixels), " tiny" if max(pixels.shape[:2]) <= TINY else ""
        uri, tiny = self.seen[position]
        return Markup('<img class="frame{}" src="{}" alt="{}">').format(tiny, uri, alt)


def thumbnail(pixels: NDArray[Any]) -> str:
    """A data URI of one image: PNG for small ones, as they are; JPEG, at most 256 pixels a side, for larger ones.

    pixels: uint8 (h, w), or (h, w, c) with 1 to 4 channels.
    """
    from PIL import Image

    flat = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] < 3 else pixels
    picture = Image.fromarray(np.ascontiguousarray(flat, dtype=np.uint8))
    small = max(picture.size) <= TINY
    if max(picture.size) > LONGEST_SIDE:
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    held = io.BytesIO()
    if small or picture.mode == "RGBA":
        picture.save(held, "PNG", optimize=True)
        kind = "png"
    else:
        picture.save(held, "JPEG", quality=78, optimize=True)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(held.getvalue()).decode('ascii')}"


def _quotation(text: str) -> Markup:
    short = text if len(text) <= TEXT_LENGTH else text[:TEXT_LENGTH].rsplit(" ", 1)[0] + " …"
    return Markup('<blockquote dir="auto">{}</blockquote>').format(short.strip() or "(empty)")


def _columns(row: pd.Series[Any]) -> Markup:
    pairs = [
        Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, _cell(value))
        for name, value in list(row.items())[:SHOWN_COLUMNS]
    ]
    more = len(row) - SHOWN_COLUMNS
    note = Markup('<p class="note">and {} more</p>').format(more) if more > 0 else Markup("")
    return Markup('<dl class="record">{}</dl>{}').format(Markup("").join(pairs), note)


def _cell(value: Any) -> Markup:
    if pd.isna(value):
        return Markup("<i>missing</i>")
    return escape(f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)[:80])
