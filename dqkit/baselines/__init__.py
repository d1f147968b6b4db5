"""Quick baselines: out-of-sample probabilities of every sample in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dqkit.baselines.cross_validation import check_options, cross_val_predictions
from dqkit.baselines.embedding.embed import embed
from dqkit.baselines.estimators import describe_estimators
from dqkit.baselines.finetuning.consent import check_finetune
from dqkit.baselines.folds import stratified_folds
from dqkit.baselines.linear_heads import logistic_folds
from dqkit.baselines.runs import BaselineWarning
from dqkit.baselines.untrained import too_few_labels, untrained_predictions

if TYPE_CHECKING:
    from dqkit.baselines.network.training_checks import check_training

__all__ = [
    "BaselineWarning",
    "check_finetune",
    "check_options",
    "check_training",
    "cross_val_predictions",
    "describe_estimators",
    "embed",
    "logistic_folds",
    "stratified_folds",
    "too_few_labels",
    "untrained_predictions",
]


def __getattr__(name: str) -> Any:
    if name == "check_training":  # needs torch, which costs a second to import
        from dqkit.baselines.network.training_checks import check_training

        return check_training
    raise AttributeError(f"module 'dqkit.baselines' has no attribute {name!r}")
