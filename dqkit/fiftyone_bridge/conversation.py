"""The labelling protocol carried by plain JSON: messages of a page in, replies to it out, pictures as base64."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from dqkit.relabel import CardSource
from dqkit.relabel.protocol import Desk, replies

OFFERS = ("add_class",)
MOST_BYTES = 8_000_000


def converse(source: CardSource, annotator: str, messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The replies, in order, to what one page said; see `dqkit.relabel.protocol.replies`.

    Each is {"message": ..., "buffers": [base64, ...]}. Without an annotator nothing is answered at all.
    """
    if not annotator:
        return []
    desk = Desk(source, annotator, OFFERS, MOST_BYTES)
    return [_encoded(*reply) for message in messages for reply in replies(desk, message)]


def _encoded(message: Mapping[str, Any], buffers: Sequence[bytes]) -> dict[str, Any]:
    return {"message": dict(message), "buffers": [base64.b64encode(part).decode() for part in buffers]}
