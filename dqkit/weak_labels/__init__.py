"""Weak labels: Snorkel labelling functions, their votes, and what the votes amount to."""

from dqkit.weak_labels.model import Model, WeakLabels, label_model
from dqkit.weak_labels.votes import apply_functions

__all__ = ["Model", "WeakLabels", "apply_functions", "label_model"]
