"""A decision in the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LabelEvent:
    """One decision about one sample. The journal holds these and never changes one.

    Attributes
    ----------
    event_id : str
        Unique. Recording it twice gives one event.
    sample_id : str
        The sample.
    kind : {"label", "skip", "flag", "note", "undo"}
        What was decided.
    label : str or None
        The class name, for kind "label".
    source : {"human", "weak", "fiftyone"}
        Where it was decided.
    annotator : str
        Who decided.
    at : str
        UTC, ISO 8601.
    round : int
        0 before the first round.
    why : str
        The reason; for kind "note" the text.
    undoes : str or None
        The event that is withdrawn, for kind "undo".
    """

    event_id: str
    sample_id: str
    kind: Literal["label", "skip", "flag", "note", "undo"]
    label: str | None
    source: Literal["human", "weak", "fiftyone"]
    annotator: str
    at: str
    round: int
    why: str = ""
    undoes: str | None = None
