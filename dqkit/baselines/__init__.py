"""Quick baselines: out-of-sample probabilities of every sample in seconds."""

from __future__ import annotations

from dqkit.baselines.cross_validation import BaselineWarning, cross_val_predictions
from dqkit.baselines.folds import stratified_folds
from dqkit.baselines.heads import logistic_folds
from dqkit.baselines.pretrained import embed

__all__ = ["BaselineWarning", "cross_val_predictions", "embed", "logistic_folds", "stratified_folds"]
