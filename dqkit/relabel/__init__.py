"""The labelling widget: a person answers a queue of samples from the keyboard, inside the notebook.

The widget knows no database. Whoever has a queue implements `CardSource`; `Labeler` shows its cards and hands every
decision back as an `Answer` that is acknowledged in the page only once the source says it is durable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cards import Answer, Card, CardSource, Team

if TYPE_CHECKING:
    from .labeler import Labeler

__all__ = ["Answer", "Card", "CardSource", "Labeler", "Team"]


def __getattr__(name: str) -> Any:
    if name == "Labeler":
        from .labeler import Labeler

        return Labeler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
