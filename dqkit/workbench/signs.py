"""A sample of a dataset in small."""

from __future__ import annotations

from dqkit.datasets.pixels.originals import thumbnail
from dqkit.records import Dataset

SNIPPET = 120
THUMBNAIL = 128


def sign_of(dataset: Dataset, i: int) -> bytes:
    """A small sign of the sample: its picture as PNG, the start of its text, or nothing for a table row."""
    if dataset.modality == "image":
        return thumbnail(dataset, i, longest=THUMBNAIL)
    if dataset.modality == "text":
        text = " ".join(str(dataset.content[i]).split())
        return (text if len(text) <= SNIPPET else f"{text[:SNIPPET]}…").encode()
    return b""
