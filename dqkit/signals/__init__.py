"""What is wrong with a dataset: pure functions from arrays to one row per sample.

`signal_table` runs them all; each is usable alone on a user's own arrays.
"""

from __future__ import annotations

from dqkit.near_copies import similar_texts
from dqkit.signals.annotators import Consensus, consensus
from dqkit.signals.balance import Balance, class_balance
from dqkit.signals.calibration import Calibration, calibration, fit_temperature
from dqkit.signals.column_power import column_power
from dqkit.signals.column_values import column_values
from dqkit.signals.duplicates import group_leakage, leakage
from dqkit.signals.image_properties import image_properties, property_correlation
from dqkit.signals.label_noise.found_errors import LabelErrors
from dqkit.signals.label_noise.label_errors import label_errors
from dqkit.signals.label_noise.open_errors import open_error_rate
from dqkit.signals.label_noise.regression import TargetErrors, regression_errors
from dqkit.signals.label_noise.wrong_labels import AuditSample, WrongLabels, wrong_labels_left
from dqkit.signals.neighbors import Neighbors, neighbors
from dqkit.signals.order import OrderTest, order_test
from dqkit.signals.signal_table import SignalTable, signal_table
from dqkit.signals.text_properties import text_properties
from dqkit.signals.uncertainty import disagreement, uncertainty
from dqkit.signals.underperforming_groups import feature_clusters, underperforming_groups, weak_groups
from dqkit.signals.valuation import knn_shapley

# The functions share names with their files: imported here, a name means the function whatever is imported later.
__all__ = [
    "AuditSample",
    "Balance",
    "Calibration",
    "Consensus",
    "LabelErrors",
    "Neighbors",
    "OrderTest",
    "SignalTable",
    "TargetErrors",
    "WrongLabels",
    "calibration",
    "class_balance",
    "column_power",
    "column_values",
    "consensus",
    "disagreement",
    "feature_clusters",
    "fit_temperature",
    "group_leakage",
    "image_properties",
    "knn_shapley",
    "label_errors",
    "leakage",
    "neighbors",
    "open_error_rate",
    "order_test",
    "property_correlation",
    "regression_errors",
    "signal_table",
    "similar_texts",
    "text_properties",
    "uncertainty",
    "underperforming_groups",
    "weak_groups",
    "wrong_labels_left",
]
