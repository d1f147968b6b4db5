"""Saved views: the queue, from which a sample drops out as soon as it is answered."""

from __future__ import annotations

from types import ModuleType
from typing import Any

DECISION_TAGS = ("skip", "flag", "confirm")
QUEUE_VIEW = "queue"


def is_edited(fo: ModuleType) -> Any:
    """An expression, true where the label is another one than was pushed or pulled last."""
    label = fo.ViewExpression({"$ifNull": ["$label.label", ""]})
    pushed = fo.ViewExpression({"$ifNull": ["$pushed_label", ""]})
    return label != pushed


def is_tagged(fo: ModuleType) -> Any:
    """An expression, true where a tag says a decision that was not pulled yet."""
    return fo.ViewField("tags").contains(list(DECISION_TAGS))


def save_queue_view(fo: ModuleType, target: Any) -> None:
    """Save (again) the view "queue": queued, in queue order, not answered here and not answered elsewhere."""
    field = fo.ViewField
    open_rows = (field("queue_rank") != None) & (field("queue_done") != True)  # noqa: E711, E712 an expression, not a test
    view = target.match(open_rows & ~is_edited(fo) & ~is_tagged(fo)).sort_by("queue_rank")
    target.save_view(QUEUE_VIEW, view, description="The samples to look at next, best first (dqkit)", overwrite=True)
