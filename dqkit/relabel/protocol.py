"""What a page says and what it hears back, whatever carries the messages: the widget's comm or FiftyOne's operators.

Nothing is kept between two messages: a page says what it holds and what it wants, so any number of pages, a reload and
a reconnect are all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dqkit.checks import bounded_text, class_name, plain_list, shown
from dqkit.records import InputError

from .cards import Answer, CardSource
from .messages import LONGEST_ID, batches, name_of, unpack

OFFERS = ("alike", "add_class", "team")
HISTORY = 200
MOST_CARDS = 200
MOST_HELD = 10_000

Reply = tuple[dict[str, Any], list[bytes]]


@dataclass(frozen=True)
class Desk:
    """Where answers go and who gives them.

    Parameters
    ----------
    source : CardSource
        Deals the cards and records the answers.
    annotator : str
        Who answers; "" where the page asks for a name and sends it along.
    offers : collection of str
        What the page may offer beyond answers, of `OFFERS`, as far as the source can do it.
    most_bytes : int
        About how many bytes of pictures one reply to "want" holds in all.
    """

    source: CardSource
    annotator: str = ""
    offers: Collection[str] = OFFERS
    most_bytes: int = 24_000_000

    def can(self, offer: str) -> bool:
        """Whether the page may ask for this."""
        return offer in self.offers and callable(getattr(self.source, offer, None))

    def who(self, message: Mapping[str, Any]) -> str:
        """The annotator of a message; raises `InputError` where there is none."""
        return self.annotator or name_of(message.get("annotator"))

    def classes(self) -> list[str]:
        """The names of the classes, in key order."""
        return [str(name) for name in self.source.classes]


def replies(desk: Desk, message: Mapping[str, Any]) -> Iterator[Reply]:
    """The replies to one message, in order, each a JSON object beside binary buffers.

    An answer is durable when its reply "saved" comes. One that breaks a rule or came too late is "refused", with the
    reason. A fault of the program is said ("failed", "trouble") and then raised.
    """
    client, kind = message.get("client"), message.get("type")
    if kind == "answer":
        yield from _written(desk, client, message)
        return
    does = {"hello": _welcome, "want": _deal}
    does |= {"add_class": _add_class} if desk.can("add_class") else {}
    does |= {"team": _team} if desk.can("team") else {}
    if not isinstance(kind, str) or kind not in does:
        return
    try:
        for reply, buffers in does[kind](desk, message):
            yield {**reply, "client": client}, buffers
    except InputError as error:
        yield {"type": "declined", "client": client, "about": kind, "message": str(error)}, []
    except Exception as error:
        yield {"type": "trouble", "client": client, "ask": message.get("ask", 0), "message": str(error)}, []
        raise


def _welcome(desk: Desk, message: Mapping[str, Any]) -> Iterator[Reply]:
    answered, total = desk.source.progress()
    welcome = {
        "type": "welcome",
        "classes": desk.classes(),
        "answered": answered,
        "total": total,
        "history": [_plain(answer) for answer in desk.source.history(desk.who(message), HISTORY)],
        "offers": [name for name in OFFERS if desk.can(name)],
    }
    yield welcome, []


def _deal(desk: Desk, message: Mapping[str, Any]) -> Iterator[Reply]:
    n = max(0, min(_whole(message.get("n", 0)), MOST_CARDS))
    have = {
        bounded_text("an id of 'have'", name, most=LONGEST_ID)
        for name in plain_list("'have'", message.get("have"), most=MOST_HELD)
    }
    reply = {"type": "cards", "ask": message.get("ask")}
    grid = bool(message.get("alike")) and desk.can("alike")
    deal = desk.source.alike if grid else desk.source.cards  # type: ignore[attr-defined]
    cards = deal(n, desk.who(message), have)
    answered, total = desk.source.progress()
    for packed, buffers in batches(cards, most_in_all=desk.most_bytes):
        yield {**reply, "cards": packed, "last": False}, buffers
    names = desk.classes()
    # Somebody may have added a class since the page was welcomed.
    news = {"classes": names} if message.get("classes", len(names)) != len(names) else {}
    yield {**reply, **news, "cards": [], "last": True, "answered": answered, "total": total}, []


def _add_class(desk: Desk, message: Mapping[str, Any]) -> Iterator[Reply]:
    stands = desk.source.add_class(class_name(message.get("name")), desk.who(message))  # type: ignore[attr-defined]
    yield {"type": "classes", "name": stands, "classes": desk.classes()}, []


def _team(desk: Desk, message: Mapping[str, Any]) -> Iterator[Reply]:
    yield {"type": "team", "team": asdict(desk.source.team())}, []  # type: ignore[attr-defined]


def _written(desk: Desk, client: Any, message: Mapping[str, Any]) -> Iterator[Reply]:
    raw = message.get("answer")
    reply = {"client": client, "event_id": raw.get("event_id") if isinstance(raw, dict) else None}
    try:
        answer, annotator = unpack(raw), desk.who(message)
        notice = desk.source.record(answer, annotator)
    except InputError as error:
        yield {**reply, "type": "refused", "message": str(error)}, []
    except Exception as error:
        yield {**reply, "type": "failed", "message": str(error)}, []
        raise
    else:
        said = {"sample_id": answer.sample_id, "annotator": annotator, "notice": notice}
        yield {**reply, "type": "saved", **said}, []


def _plain(answer: Answer) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in ("event_id", "sample_id", "kind", "label")}


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"a page must ask for a whole number of cards; got {shown(value)}.")
    return value
