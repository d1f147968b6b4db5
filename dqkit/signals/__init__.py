"""What is wrong with a dataset: pure functions from arrays to one row per sample.

`signal_table` runs them all; each is usable alone on a user's own arrays.
"""

from __future__ import annotations

from dqkit.signals.balance import Balance, class_balance
from dqkit.signals.calibration import Calibration, calibration, fit_temperature
from dqkit.signals.duplicates import leakage
from dqkit.signals.label_errors import LabelErrors, label_errors
from dqkit.signals.neighbors import Neighbors, neighbors
from dqkit.signals.signal_table import SignalTable, signal_table
from dqkit.signals.uncertainty import disagreement, uncertainty

# The functions share names with their files: imported here, a name means the function whatever is imported later.
__all__ = [
    "Balance",
    "Calibration",
    "LabelErrors",
    "Neighbors",
    "SignalTable",
    "calibration",
    "class_balance",
    "disagreement",
    "fit_temperature",
    "label_errors",
    "leakage",
    "neighbors",
    "signal_table",
    "uncertainty",
]
