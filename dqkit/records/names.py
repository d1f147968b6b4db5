"""The constants and kinds that every stage means the same by."""

from __future__ import annotations

from typing import Literal

UNLABELED = -1
ABSTAIN = -1

Modality = Literal["image", "text", "table"]
Action = Literal["label", "relabel", "second_opinion"]

ACTIONS: tuple[Action, ...] = ("label", "relabel", "second_opinion")
TEST_SPLIT = "test"
# Where a decision of a person comes from; "weak" is a guess of labelling functions.
HUMAN_SOURCES = ("human", "fiftyone")
