"""What travels between the widget and the one who owns the queue."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Mode = Literal["review", "blind", "second_opinion"]
Kind = Literal["label", "skip", "flag", "undo", "note"]

MODES: tuple[Mode, ...] = ("review", "blind", "second_opinion")
KINDS: tuple[Kind, ...] = ("label", "skip", "flag", "undo", "note")


@dataclass(frozen=True)
class Card:
    """One sample as a person sees it, and why it is shown.

    action: "label", "relabel" or "second_opinion". given_label, suggested_label: class names or None.
    suggested_prob: in [0, 1]. reasons: short sentences.
    media, mime: an encoded image (image/png, image/jpeg, image/webp, image/gif), a text (text/plain, UTF-8) or one
        table row (application/json, an object column -> value). Empty media means that the sample cannot be shown.
    votes: class name -> share of the ensemble members that vote for it, in [0, 1].
    neighbors: (thumbnail as image/png or a short text in UTF-8, label or None), nearest first.
    cues: words of a text, in small letters, that speak for the suggested label; they are marked in it.
    margins: how far the given label led the best other one after each epoch of training, oldest first; below 0 it lost.
    others: (annotator, label) of other people's answers; only a second opinion shows them, after the answer.
    kin: (page, place) of look-alikes with one suggestion: those of a page make up a grid, in the order of `place`.
    note: what a person should know of the picture, such as that its original is gone; shown in every mode.
    mode: "review" shows everything; "blind" hides the given label, the suggestion and every reason;
        "second_opinion" hides the given label and the reasons until the person has answered.
    """

    sample_id: str
    action: str
    given_label: str | None
    suggested_label: str | None
    suggested_prob: float | None
    reasons: tuple[str, ...]
    media: bytes
    mime: str
    votes: Mapping[str, float] = field(default_factory=dict)
    neighbors: tuple[tuple[bytes, str | None], ...] = ()
    mode: str = "review"
    cues: tuple[str, ...] = ()
    margins: tuple[float, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    kin: tuple[int, int] | None = None
    note: str = ""


@dataclass(frozen=True)
class Answer:
    """One decision of a person about one sample.

    event_id: made in the browser, unique: recording it twice is one event.
    kind: "label" (label is a class name), "skip", "flag", "note" (why is the text) or "undo" (undoes is an event_id).
    """

    event_id: str
    sample_id: str
    kind: str
    label: str | None = None
    why: str = ""
    undoes: str | None = None


@dataclass(frozen=True)
class Team:
    """What is known of the annotators, as texts ready to be shown.

    headline: one sentence. people: rows (name, answers, agreement, quality, known answers right). pairs: rows (names,
    shared, agree, kappa). classes: rows (name, answers, kappa). method: what `quality` was computed with.
    """

    headline: str
    people: tuple[tuple[str, str, str, str, str], ...] = ()
    pairs: tuple[tuple[str, str, str, str], ...] = ()
    classes: tuple[tuple[str, str, str], ...] = ()
    method: str = ""


class CardSource(Protocol):
    """A queue of samples and the place where answers become durable. Every method may be called from any thread.

    A source may also have these, and the widget then offers what they do: `alike(n, annotator, exclude)`, like `cards`
    but look-alikes with one suggestion together, for the grid; `add_class(name, annotator)`, which appends a class and
    returns the name it stands under; `team()`, a `Team`.
    """

    @property
    def classes(self) -> Sequence[str]:
        """The class names, in the order of their keys."""
        ...

    def cards(self, n: int, annotator: str, exclude: Collection[str]) -> list[Card]:
        """Up to n open samples of the queue in order, leased to this annotator, without the ids in `exclude`."""
        ...

    def record(self, answer: Answer, annotator: str) -> str | None:
        """Write one answer: durable when it returns, once only per event_id, `InputError` on bad input.

        A text that it returns is shown to the person.
        """
        ...

    def progress(self) -> tuple[int, int]:
        """How many samples of this queue are answered, and how many it holds."""
        ...

    def history(self, annotator: str, n: int) -> list[Answer]:
        """This annotator's latest n answers that are not undone, oldest first."""
        ...
