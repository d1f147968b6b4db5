"""The widget's two directions: cards out as JSON beside binary buffers, answers in, checked field by field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dqkit.checks import bounded_text, shown
from dqkit.records import InputError

from .cards import KINDS, Answer, Card
from .pictures import presentable

LONGEST_NOTE = 10_000
LONGEST_NAME = 100
LONGEST_ID = 2_000  # of ids and class names, which a dataset may bring in any length


def pack(card: Card) -> tuple[dict[str, Any], list[bytes]]:
    """The message for one card and its buffers: the sample first, then the neighbours' thumbnails.

    What the card's mode hides does not leave Python: a blind card carries neither labels nor reasons, and a second
    opinion carries the others' label only in `reveal`, which the page shows after the answer.
    """
    blind, second = card.mode == "blind", card.mode == "second_opinion"
    neighbors = () if blind else card.neighbors
    media, mime = presentable(card.media, card.mime)
    message = {
        "sample_id": card.sample_id,
        "action": card.action,
        "mode": card.mode,
        "mime": mime,
        "given": None if blind or second else card.given_label,
        "suggested": None if blind else card.suggested_label,
        "prob": None if blind or card.suggested_prob is None else float(card.suggested_prob),
        "reasons": [] if blind or second else list(card.reasons),
        "votes": [] if blind else sorted(((str(k), float(v)) for k, v in card.votes.items()), key=lambda p: -p[1]),
        "neighbors": [label for _, label in neighbors],
        "cues": [] if blind else list(card.cues),
        "margins": [] if blind or second else [float(value) for value in card.margins],
        "note": card.note,
        "sentence": "" if blind or second else card.sentence,
        "about": list(card.about[1:] if blind or second else card.about),
        "leans": {} if blind or second else {str(name): str(label) for name, label in card.leans.items()},
        "kin": None if card.kin is None else list(card.kin),
        "reveal": _hidden(card) if second else None,
    }
    return message, [media, *(thumbnail for thumbnail, _ in neighbors)]


def _hidden(card: Card) -> dict[str, Any]:
    return {"given": card.given_label, "reasons": list(card.reasons), "others": [list(other) for other in card.others]}


def batches(
    cards: Sequence[Card], *, most_bytes: int = 1_000_000, most_in_all: int = 24_000_000
) -> Iterator[tuple[list[dict[str, Any]], list[bytes]]]:
    """The cards in order, cut into messages of about `most_bytes`; the first holds one card, to be shown at once.

    It ends before `most_in_all` bytes, with at least one card: what is left out is still in the queue, and the page
    asks again.
    """
    messages: list[dict[str, Any]] = []
    buffers: list[bytes] = []
    size, limit, total = 0, 0, 0
    for card in cards:
        message, parts = pack(card)
        weight = sum(len(part) for part in parts)
        if total and total + weight > most_in_all:
            break
        total += weight
        if messages and size + weight > limit:
            yield messages, buffers
            messages, buffers, size, limit = [], [], 0, most_bytes
        messages.append(message)
        buffers.extend(parts)
        size += weight
    if messages:
        yield messages, buffers


def unpack(raw: Any) -> Answer:
    """The answer in a message of the page; `InputError` names the field that breaks a rule."""
    if not isinstance(raw, dict):
        raise InputError(f"an answer must be an object; got {type(raw).__name__}.")
    event_id, sample_id, kind = (
        bounded_text(f"an answer's {name!r}", raw.get(name), most=LONGEST_ID)
        for name in ("event_id", "sample_id", "kind")
    )
    label, undoes, why = raw.get("label"), raw.get("undoes"), raw.get("why") or ""
    if kind not in KINDS:
        raise InputError(f"an answer's 'kind' must be one of {', '.join(KINDS)}; got {shown(kind)}.")
    if (kind == "label") != isinstance(label, str):
        raise InputError(f"an answer has a 'label' exactly when its kind is 'label'; got {kind!r} with {shown(label)}.")
    if (kind == "undo") != isinstance(undoes, str):
        raise InputError(f"an answer has 'undoes' exactly when its kind is 'undo'; got {kind!r} with {shown(undoes)}.")
    for name, value in (("label", label), ("undoes", undoes)):
        if value is not None:
            bounded_text(f"an answer's {name!r}", value, most=LONGEST_ID)
    bounded_text("an answer's 'why'", why, least=0, most=LONGEST_NOTE)
    page = bounded_text("an answer's 'page'", raw.get("page") or "", least=0, most=LONGEST_NAME)
    return Answer(event_id, sample_id, kind, label, why, undoes, page)


def name_of(raw: Any) -> str:
    """An annotator's name as a page or a person gave it, tidied; `InputError` where it is none."""
    name = " ".join(raw.split()) if isinstance(raw, str) and len(raw) <= LONGEST_ID else ""
    if not name or len(name) > LONGEST_NAME:
        raise InputError(
            f"the annotator must be a name of 1 to {LONGEST_NAME} characters; got {shown(raw)}; pass your name."
        )
    return bounded_text("the annotator", name, most=LONGEST_NAME)
