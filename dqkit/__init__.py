"""dqkit: find what is wrong with a labelled dataset, fix it from the keyboard, and show that it got better.

Importing dqkit loads nothing heavy: each name below is imported from its stage when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dqkit.baselines import cross_val_predictions
    from dqkit.datasets import from_arrays, from_folder, from_table, load_digits
    from dqkit.fiftyone_bridge import from_fiftyone
    from dqkit.findings import Audit, Finding, NotMeasured, register_check, unregister_check
    from dqkit.records import (
        ABSTAIN,
        UNLABELED,
        Dataset,
        DqkitError,
        InputError,
        LabelEvent,
        MissingExtra,
        Predictions,
        StoreError,
    )
    from dqkit.workbench import Round, Workbench

__version__ = "0.1.0"

_HOME = {
    "ABSTAIN": "records",
    "Audit": "findings",
    "Dataset": "records",
    "DqkitError": "records",
    "Finding": "findings",
    "InputError": "records",
    "LabelEvent": "records",
    "MissingExtra": "records",
    "NotMeasured": "findings",
    "Predictions": "records",
    "Round": "workbench",
    "StoreError": "records",
    "UNLABELED": "records",
    "Workbench": "workbench",
    "cross_val_predictions": "baselines",
    "from_arrays": "datasets",
    "from_fiftyone": "fiftyone_bridge",
    "from_folder": "datasets",
    "from_table": "datasets",
    "load_digits": "datasets",
    "register_check": "findings",
    "unregister_check": "findings",
}

__all__ = [  # noqa: RUF022 - in the order of the loop
    "load_digits",
    "from_arrays",
    "from_folder",
    "from_table",
    "from_fiftyone",
    "Dataset",
    "cross_val_predictions",
    "Predictions",
    "Workbench",
    "Round",
    "LabelEvent",
    "register_check",
    "unregister_check",
    "Audit",
    "Finding",
    "NotMeasured",
    "UNLABELED",
    "ABSTAIN",
    "DqkitError",
    "InputError",
    "StoreError",
    "MissingExtra",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'dqkit' has no attribute {name!r}")
    value = getattr(import_module(f"dqkit.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
