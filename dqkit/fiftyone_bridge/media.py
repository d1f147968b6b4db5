"""A picture for every sample: its own file where it has one, otherwise one drawn once into the media folder."""

from __future__ import annotations

import hashlib
import os
import re
import textwrap
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.files import replace
from dqkit.records import Dataset, InputError

CARD_SIZE = (360, 240)
CARD_CHARACTERS = 400
SMALLEST_SIDE = 64


def media_files(dataset: Dataset, positions: NDArray[np.int64], folder: Path) -> list[str]:
    """The absolute image path of each of the given samples, drawing those that are no files and not yet drawn.

    Images are PNG (no loss); those smaller than 64 pixels are enlarged without smoothing so that they can be seen. A
    text becomes its first 400 characters, a table row its columns. Raises `InputError` when the folder cannot be made.
    """
    files: list[str] = []
    made: set[Path] = set()
    for at in positions:
        own = None if dataset.paths is None else dataset.paths[at]
        if own:
            files.append(os.path.abspath(str(own)))
            continue
        file = (folder / _file_name(str(dataset.ids[at]))).absolute()
        if not file.exists():
            try:
                if file.parent not in made:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    made.add(file.parent)
                _write(dataset, int(at), file)
            except OSError as error:
                raise InputError(
                    f"the 'media_dir' argument must be a folder that can be written; got {folder} ({error})."
                ) from error
        files.append(str(file))
    return files


def card_text(dataset: Dataset, at: int) -> str:
    """What a text or table sample says, as plain text."""
    if dataset.modality == "text":
        return str(dataset.content[at])
    row = dataset.content.iloc[at]
    return "\n".join(f"{name}: {'' if pd.isna(value) else value}" for name, value in row.items())


def _file_name(sample_id: str) -> str:
    """Readable, unique whatever the id holds (slashes, case, length), and spread over 256 folders."""
    digest = hashlib.sha1(sample_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:2]}/{re.sub(r'[^A-Za-z0-9._-]+', '_', sample_id)[:40]}-{digest[2:14]}.png"


def _write(dataset: Dataset, at: int, file: Path) -> None:
    import cv2  # comes with FiftyOne, and writes small files much faster than Pillow

    pixels: NDArray[Any]
    pixels = _pixels(dataset.content[at]) if dataset.modality == "image" else _card(card_text(dataset, at))
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    _, png = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    replace(file, lambda partial: partial.write_bytes(png.tobytes()), durable=False)


def _pixels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image = np.asarray(pixels)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    factor = -(-SMALLEST_SIDE // max(1, *image.shape[:2])) if max(image.shape[:2]) < SMALLEST_SIDE // 2 else 1
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def _card(text: str) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw

    cut = text if len(text) <= CARD_CHARACTERS else text[: CARD_CHARACTERS - 1] + "…"
    lines = [part for line in cut.splitlines() for part in (textwrap.wrap(line, 44) or [""])]
    image = Image.new("L", CARD_SIZE, 255)
    ImageDraw.Draw(image).multiline_text((12, 10), "\n".join(lines[:12]), fill=20, font=_font(), spacing=3)
    return np.asarray(image)


@cache
def _font() -> Any:
    from PIL import ImageFont

    spec = find_spec("matplotlib")  # carries a font with Latin, Greek and Cyrillic letters; Pillow's own has Latin only
    if spec is not None and spec.origin is not None:
        file = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if file.is_file():
            return ImageFont.truetype(str(file), 13)
    return ImageFont.load_default(13)
