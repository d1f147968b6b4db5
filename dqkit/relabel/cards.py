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

    Attributes
    ----------
    sample_id : str
        The id of the sample.
    action : str
        "label", "relabel" or "second_opinion".
    given_label, suggested_label : str or None
        Class names.
        The suggested label is what Enter takes: the most probable class, which is the given label where that is more
        probable than any change.
    suggested_prob : float or None
        The probability that the suggested label is right, in [0, 1].
    reasons : tuple of str
        Short sentences.
    media : bytes
        An encoded image, a text in UTF-8, or one table row as a JSON object. Empty: the sample cannot be shown.
    mime : str
        image/png, image/jpeg, image/webp, image/gif, text/plain or application/json.
    votes : mapping of str to float
        Class name to the share of the members that vote for it.
    neighbors : tuple of (bytes, str or None)
        Thumbnail (image/png) or short text of similar samples with their label, nearest first.
    mode : str
        "review" shows everything. "blind" hides the given label, the suggestion and every reason. "second_opinion"
        hides the given label and the reasons until the person has answered.
    cues : tuple of str
        Words of a text, in small letters, that speak for the suggested label.
    margins : tuple of float
        By how much the given label led the best other one after each epoch of training; negative where it lost.
    others : tuple of (str, str)
        Annotator and label of other people's answers; a second opinion shows them after the answer.
    kin : (int, int) or None
        Page and place of samples that look alike and have one suggestion; a page of them makes up a grid.
    note : str
        What a person should know of the picture, such as that its original is gone; shown in every mode.
    sentence : str
        What speaks for the suggestion, in one plain sentence; the reasons stand behind a key.
    about : tuple of str
        The name of the sample, its split and its size. Where the given label is hidden, so is the name, which often
        tells it.
    leans : mapping of str to str
        For a table row, which class the value of a column speaks for.
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
    sentence: str = ""
    about: tuple[str, ...] = ()
    leans: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One decision of a person about one sample.

    Attributes
    ----------
    event_id : str
        Made in the browser, unique. Recording it twice gives one event.
    sample_id : str
        The sample.
    kind : str
        "label", "skip", "flag", "note" or "undo".
    label : str or None
        The class name, for kind "label".
    why : str
        The text, for kind "note".
    undoes : str or None
        The event that is withdrawn, for kind "undo".
    page : str
        The grid page that was answered at once, "" for an answer of its own.
    """

    event_id: str
    sample_id: str
    kind: str
    label: str | None = None
    why: str = ""
    undoes: str | None = None
    page: str = ""


@dataclass(frozen=True)
class Team:
    """What is known of the annotators, as texts ready to be shown.

    Attributes
    ----------
    headline : str
        One sentence.
    people : tuple of rows
        Name, answers, agreement, quality, share of gold questions answered right.
    pairs : tuple of rows
        Names, shared samples, agreement, kappa.
    classes : tuple of rows
        Class, answers, kappa.
    method : str
        What `quality` was computed with.
    """

    headline: str
    people: tuple[tuple[str, str, str, str, str], ...] = ()
    pairs: tuple[tuple[str, str, str, str], ...] = ()
    classes: tuple[tuple[str, str, str], ...] = ()
    method: str = ""


class CardSource(Protocol):
    """A queue of samples and the place where answers become durable.

    Every method may be called from any thread.

    Notes
    -----
    A source may also have these methods, and the widget then offers what they do: `alike(n, annotator, exclude)`, like
    `cards` but with look-alikes of one suggestion together, for the grid; `add_class(name, annotator)`, which appends a
    class and returns the name it is stored under; `team()`, which returns a `Team`.
    """

    @property
    def classes(self) -> Sequence[str]:
        """The class names, in the order of their keys."""
        ...

    def cards(self, n: int, annotator: str, exclude: Collection[str]) -> list[Card]:
        """Hand out open samples of the queue, in order, leased to an annotator.

        Parameters
        ----------
        n : int
            At most so many.
        annotator : str
            Who will answer.
        exclude : collection of str
            Ids that the page holds already.

        Returns
        -------
        list of Card
        """
        ...

    def record(self, answer: Answer, annotator: str) -> str | None:
        """Write one answer. It is durable when this returns, and written once per event id.

        Parameters
        ----------
        answer : Answer
            What was decided.
        annotator : str
            Who decided.

        Returns
        -------
        str or None
            A text that is shown to the person.

        Raises
        ------
        InputError
            On bad input.
        """
        ...

    def progress(self) -> tuple[int, int]:
        """How many samples of this queue are answered, and how many it holds."""
        ...

    def history(self, annotator: str, n: int) -> list[Answer]:
        """Return an annotator's latest answers that are not undone.

        Parameters
        ----------
        annotator : str
            Who answered.
        n : int
            At most so many.

        Returns
        -------
        list of Answer
            Oldest first.
        """
        ...
