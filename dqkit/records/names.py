"""The constants and kinds that every stage means the same by."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from dqkit.checks import kinds, takes

UNLABELED = -1
ABSTAIN = -1

Modality = Literal["image", "text", "table"]
Action = Literal["label", "relabel", "second_opinion"]

ACTIONS: tuple[Action, ...] = ("label", "relabel", "second_opinion")
TEST_SPLIT = "test"
# Where a decision of a person comes from; "weak" is a guess of labelling functions.
HUMAN_SOURCES = ("human", "fiftyone")

# The columns of the originals' sizes in pixels. A table's own columns "width" and "height" are its owner's, who may
# have measured something else; the loader then gives the originals' the longer names.
SIZE_COLUMNS = (("image_width", "image_height"), ("width", "height"))


@takes(columns=kinds.each(kinds.anything, "columns"))
def size_columns(columns: Collection[Any]) -> tuple[str, str] | None:
    """The columns among these that hold width and height of the originals; None where there are none."""
    names = {name for name in columns if isinstance(name, str)}
    return next((pair for pair in SIZE_COLUMNS if names.issuperset(pair)), None)
