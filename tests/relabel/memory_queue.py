"""A queue in memory for the widget's tests: synthetic images, a record of every answer, and faults on request."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from dqkit.records import InputError
from dqkit.relabel import Answer, Card, Team


def png(text: str, *, size: int = 28, seed: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 40, (size, size), dtype=np.uint8))
    ImageDraw.Draw(image).text((size // 3, size // 4), text, fill=255)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def digit_cards(n: int, *, classes: Sequence[str], mode: str = "review", size: int = 28) -> list[Card]:
    """n cards "s000", "s001", ...; the true class of card i is i % c, its given label is the class after it."""
    cards = []
    for i in range(n):
        true, given = classes[i % len(classes)], classes[(i + 1) % len(classes)]
        cards.append(
            Card(
                sample_id=f"s{i:03d}",
                action="relabel",
                given_label=given,
                suggested_label=true,
                suggested_prob=0.93,
                reasons=(f"4 of 5 models say {true}, the given label is {given}", "its nearest neighbours disagree"),
                media=png(true[:2], size=size, seed=i),
                mime="image/png",
                votes={true: 0.8, given: 0.2},
                neighbors=tuple((png(true[:2], seed=1000 + i * 5 + j), true) for j in range(4)),
                mode=mode,
            )
        )
    return cards


class MemoryQueue:
    """A `CardSource` over a list. `refuse` and `fail` name sample ids; `fail` is raised once per sample.

    With `path` the events are also lines of a file, which outlives the kernel.
    """

    def __init__(
        self,
        cards: Sequence[Card],
        classes: Sequence[str],
        *,
        refuse: Collection[str] = (),
        fail: Collection[str] = (),
        path: str | None = None,
    ) -> None:
        self._cards = list(cards)
        self._classes = list(classes)
        self.refuse = set(refuse)
        self.fail = set(fail)
        self.events: list[Answer] = []
        self._path = Path(path) if path else None
        if self._path and self._path.exists():
            self.events = [Answer(**json.loads(line)) for line in self._path.read_text("utf-8").splitlines()]
        self.calls = 0
        self._lock = threading.Lock()

    @property
    def classes(self) -> list[str]:
        return self._classes

    def live(self) -> list[Answer]:
        undone = {event.undoes for event in self.events}
        return [e for e in self.events if e.kind in ("label", "skip", "flag") and e.event_id not in undone]

    def cards(self, n: int, annotator: str, exclude: Collection[str]) -> list[Card]:
        with self._lock:
            closed = {event.sample_id for event in self.live()} | set(exclude)
            return [card for card in self._cards if card.sample_id not in closed][:n]

    def record(self, answer: Answer, annotator: str) -> None:
        with self._lock:
            self.calls += 1
            if any(event.event_id == answer.event_id for event in self.events):
                return
            if answer.sample_id in self.fail:
                self.fail.remove(answer.sample_id)
                raise OSError("the disk is full")
            if answer.sample_id in self.refuse:
                raise InputError(f"the sample {answer.sample_id} is closed.")
            if answer.kind == "label" and answer.label not in self._classes:
                raise InputError(f"the label must be one of the classes; got {answer.label!r}.")
            if answer.kind == "undo" and answer.undoes not in {event.event_id for event in self.live()}:
                raise InputError(f"there is no live event {answer.undoes} to undo.")
            self.events.append(answer)
            if self._path:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(answer)) + "\n")

    def add_class(self, name: str, annotator: str) -> str:
        with self._lock:
            if name not in self._classes:
                self._classes = [*self._classes, name]
            return name

    def team(self) -> Team:
        people = (("ana", "12", "90%", "88%", "2 of 3"), ("bob", "7", "80%", "71%", "–"))
        pairs = (("ana and bob", "5", "80%", "0.61"),)
        return Team(
            "Fleiss' kappa 0.61: substantial agreement on 5 samples.", people, pairs, (("zero", "4", "0.5"),), "x"
        )

    def progress(self) -> tuple[int, int]:
        with self._lock:
            return len(self.live()), len(self._cards)

    def history(self, annotator: str, n: int) -> list[Answer]:
        with self._lock:
            return self.live()[-n:]
