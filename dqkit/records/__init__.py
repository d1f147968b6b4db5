"""The plain rows that travel between the stages, and the errors every stage raises.

Nothing here does I/O and nothing here knows a stage.
"""

from __future__ import annotations

from dqkit.checks import check_probabilities
from dqkit.errors import DqkitError, InputError, MissingExtra, StoreError
from dqkit.records.dataset import PROBLEM_COLUMNS, Dataset
from dqkit.records.label_event import LabelEvent
from dqkit.records.names import ABSTAIN, ACTIONS, HUMAN_SOURCES, TEST_SPLIT, UNLABELED, Action, Modality, size_columns
from dqkit.records.predictions import CHECK_COLUMNS, Predictions

__all__ = [
    "ABSTAIN",
    "ACTIONS",
    "CHECK_COLUMNS",
    "HUMAN_SOURCES",
    "PROBLEM_COLUMNS",
    "TEST_SPLIT",
    "UNLABELED",
    "Action",
    "Dataset",
    "DqkitError",
    "InputError",
    "LabelEvent",
    "MissingExtra",
    "Modality",
    "Predictions",
    "StoreError",
    "check_probabilities",
    "size_columns",
]
