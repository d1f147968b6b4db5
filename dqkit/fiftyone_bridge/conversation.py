"""The labelling widget's conversation over plain JSON: messages of a page in, replies to it out, pictures as base64."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dqkit.records import InputError
from dqkit.relabel import CardSource
from dqkit.relabel.messages import batches, unpack

HISTORY = 200
OFFERS = ("add_class",)
MOST_CARDS = 200
MOST_BYTES = 8_000_000


def converse(source: CardSource, annotator: str, messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The replies, in order, to what one page said: "hello", "want", "answer" and "add_class", as the widget says them.

    Each reply is {"message": ..., "buffers": [base64, ...]}. An answer is durable when its reply "saved" is in the
    list; one that breaks a rule or came too late is "refused", with the reason. Without an annotator nothing is
    answered at all.
    """
    if not annotator:
        return []
    return [reply for message in messages for reply in _replies(source, annotator, message)]


def _replies(source: CardSource, annotator: str, message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    kind, client = message.get("type"), message.get("client")
    if kind == "answer":
        yield _reply({"client": client, **_written(source, annotator, message.get("answer"))})
    elif kind == "hello":
        answered, total = source.progress()
        past = source.history(annotator, HISTORY)
        history = [{n: getattr(a, n) for n in ("event_id", "sample_id", "kind", "label")} for a in past]
        known = {"classes": list(source.classes), "answered": answered, "total": total, "history": history}
        offers = [name for name in OFFERS if callable(getattr(source, name, None))]
        yield _reply({"type": "welcome", "client": client, "offers": offers, **known})
    elif kind == "want":
        yield from _deal(source, annotator, message)
    elif kind == "add_class" and callable(getattr(source, "add_class", None)):
        yield _reply({"client": client, **_added(source, annotator, message.get("name"))})


def _deal(source: CardSource, annotator: str, message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    n = max(0, min(int(message.get("n", 0)), MOST_CARDS))
    have = {str(name) for name in message.get("have", ())}
    reply = {"type": "cards", "client": message.get("client"), "ask": message.get("ask")}
    cards = source.cards(n, annotator, have)
    answered, total = source.progress()
    for packed, buffers in batches(cards, most_in_all=MOST_BYTES):
        yield _reply({**reply, "cards": packed, "last": False}, buffers)
    classes = list(source.classes)
    # Somebody may have added a class since the page was welcomed.
    news = {"classes": classes} if message.get("classes", len(classes)) != len(classes) else {}
    yield _reply({**reply, **news, "cards": [], "last": True, "answered": answered, "total": total})


def _added(source: Any, annotator: str, name: Any) -> dict[str, Any]:
    try:
        if not isinstance(name, str):
            raise InputError(f"a class name must be a text; got {name!r}.")
        stands = source.add_class(name, annotator)
    except InputError as error:
        return {"type": "declined", "about": "add_class", "message": str(error)}
    return {"type": "classes", "name": stands, "classes": list(source.classes)}


def _written(source: CardSource, annotator: str, raw: Any) -> dict[str, Any]:
    event_id = raw.get("event_id") if isinstance(raw, dict) else None
    try:
        answer = unpack(raw)
        source.record(answer, annotator)
    except InputError as error:
        return {"type": "refused", "event_id": event_id, "message": str(error)}
    return {"type": "saved", "event_id": event_id, "sample_id": answer.sample_id}


def _reply(message: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> dict[str, Any]:
    return {"message": dict(message), "buffers": [base64.b64encode(part).decode() for part in buffers]}
