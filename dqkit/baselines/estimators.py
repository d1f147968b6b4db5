"""A user's own scikit-learn estimators as members."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dqkit.baselines.members import Fitted, Member, Positions, Predict, Scores, Task, full_scores, serialized_size
from dqkit.records import InputError


def estimator_members(task: Task, estimators: Any) -> list[Member]:
    """Members from one estimator, a list of them or a mapping name -> estimator, each with fit and predict_proba.

    Images arrive as float32 (n, pixels) in [0, 1], texts as a list of strings, tables as a DataFrame.
    """
    if isinstance(estimators, Mapping):
        named = {str(name): model for name, model in estimators.items()}
    else:
        many = list(estimators) if isinstance(estimators, Sequence) else [estimators]
        named = {}
        for model in many:
            name = type(model).__name__
            named[name if name not in named else f"{name}_{len(named)}"] = model
    if not named:
        raise InputError("estimators must hold at least one estimator; got none. Leave it out for the defaults.")
    for name, model in named.items():
        if not (hasattr(model, "fit") and (hasattr(model, "predict_proba") or hasattr(model, "decision_function"))):
            raise InputError(
                f"estimators must have fit and predict_proba; got {type(model).__name__} for {name!r}, which has not."
            )
    return [_member(task, name, model) for name, model in named.items()]


def rows(task: Task, at: Positions) -> Any:
    """The samples as a scikit-learn estimator takes them."""
    content = task.dataset.content
    if task.dataset.modality == "image":
        picked = np.asarray(content[at])
        return picked.reshape(len(at), -1).astype(np.float32) / 255
    if task.dataset.modality == "text":
        return [str(text) for text in content[at]]
    return content.iloc[at] if isinstance(content, pd.DataFrame) else np.asarray(content)[at]


def _member(task: Task, name: str, model: Any) -> Member:
    from sklearn.base import clone

    def fit(fold: int, seed: int) -> Predict:
        at = task.training(fold)
        fitted = clone(model, safe=False)
        seeds = {key: seed % 2**31 for key in _random_states(fitted)}
        if seeds:
            fitted.set_params(**seeds)
        fitted.fit(rows(task, at), task.y[at])
        present = np.asarray(fitted.classes_, dtype=np.int64) if hasattr(fitted, "classes_") else np.unique(task.y[at])

        def predict(where: Positions) -> Scores:
            x = rows(task, where)
            if hasattr(fitted, "predict_proba"):
                scores = np.log(np.maximum(np.asarray(fitted.predict_proba(x), dtype=np.float64), 1e-6))
            else:
                decision = np.asarray(fitted.decision_function(x), dtype=np.float64)
                scores = np.column_stack([-decision, decision]) / 2 if decision.ndim == 1 else decision
            if scores.shape[1] == task.n_classes:
                return scores.astype(np.float32)
            return full_scores(scores, present, task.n_classes)

        return Fitted(predict, serialized_size(fitted))

    return Member(
        name, fit, {"estimator": f"{type(model).__module__}.{type(model).__qualname__}", "params": _params(model)}
    )


def _random_states(model: Any) -> list[str]:
    """The random_state parameters left unset: a set one is the user's wish."""
    if not hasattr(model, "get_params"):
        return []
    return [
        key
        for key, value in sorted(model.get_params(deep=True).items())
        if value is None and key.split("__")[-1] == "random_state"
    ]


def _params(model: Any) -> dict[str, str]:
    if not hasattr(model, "get_params"):
        return {"repr": repr(model)}
    out: dict[str, str] = {}
    for key, value in sorted(model.get_params(deep=True).items()):
        if inspect.isfunction(value):
            out[key] = f"{value.__module__}.{value.__qualname__}"
        elif isinstance(value, np.ndarray):
            out[key] = repr(value.tolist())
        elif not hasattr(value, "get_params"):
            out[key] = repr(value)
        else:
            out[key] = type(value).__qualname__
    return out
