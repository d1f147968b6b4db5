"""A user's own scikit-learn estimators as members."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.baselines.members import Fitted, Member, Positions, Predict, Scores, Task, full_scores, serialized_size
from dqkit.records import InputError


def estimator_members(task: Task, estimators: Any) -> list[Member]:
    """Members from one estimator, a list of them or a mapping name -> estimator, each with fit and predict_proba.

    Images arrive as float32 (n, pixels) in [0, 1], texts as a list of strings, tables as a DataFrame. A skorch net gets
    what torch takes: images as float32 (n, channels, height, width) in [0, 1], tables as float32 (n, columns), where a
    table of numbers keeps its values (missing ones 0) and any other comes as standardised numbers and one-hot columns.
    """
    return [_member(task, name, model) for name, model in named_estimators(estimators).items()]


def describe_estimators(estimators: Any) -> dict[str, Any] | None:
    """Describe estimators in words that are the same in the next process.

    Parameters
    ----------
    estimators : estimator, list or mapping, optional
        As in `cross_val_predictions`.

    Returns
    -------
    dict or None
        Name to class and parameters; None for no estimators.

    Raises
    ------
    InputError
        For what has no `fit`, or neither `predict_proba` nor `decision_function`.
    """
    if estimators is None:
        return None
    return {
        name: {"estimator": _class(model), "params": _params(model)}
        for name, model in named_estimators(estimators).items()
    }


def named_estimators(estimators: Any) -> dict[str, Any]:
    """The estimators by name; `InputError` for none, and for one that can neither learn nor predict."""
    named = _named(estimators)
    if not named:
        raise InputError("estimators must hold at least one estimator; got none. Leave it out for the defaults.")
    for name, model in named.items():
        if not (hasattr(model, "fit") and (hasattr(model, "predict_proba") or hasattr(model, "decision_function"))):
            raise InputError(
                f"estimators must have fit and predict_proba; got {type(model).__name__} for {name!r}, which lacks "
                "one. Pass several as a list of estimators or as a dict of name and estimator."
            )
    return named


def _named(estimators: Any) -> dict[str, Any]:
    if isinstance(estimators, Mapping):
        return {str(name): model for name, model in estimators.items()}
    many = list(estimators) if isinstance(estimators, Sequence) else [estimators]
    named: dict[str, Any] = {}
    for model in many:
        name = type(model).__name__
        named[name if name not in named else f"{name}_{len(named)}"] = model
    return named


def _class(model: Any) -> str:
    return f"{type(model).__module__}.{type(model).__qualname__}"


def rows(task: Task, at: Positions, *, torch: bool = False) -> Any:
    """The samples as a scikit-learn estimator takes them, or as torch does."""
    content = task.dataset.content
    if torch and task.dataset.modality == "image":
        picked = np.asarray(content[at])
        picked = picked[..., None] if picked.ndim == 3 else picked
        return np.ascontiguousarray(picked.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)
    if torch and task.dataset.modality == "table":
        return _numbers(task, content)[at]
    if task.dataset.modality == "image":
        picked = np.asarray(content[at])
        return picked.reshape(len(at), -1).astype(np.float32) / 255
    if task.dataset.modality == "text":
        return [str(text) for text in content[at]]
    return content.iloc[at] if isinstance(content, pd.DataFrame) else np.asarray(content)[at]


def _numbers(task: Task, frame: pd.DataFrame) -> NDArray[np.float32]:
    """(n, columns) float32: the table's own numbers, or its encoding where a column is none."""
    if all(pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes):
        return np.asarray(np.nan_to_num(frame.to_numpy(dtype=np.float32, na_value=np.nan)))
    from dqkit.baselines.tables import encode

    return encode(frame, task.unsupervised).dense


def _is_skorch(model: Any) -> bool:
    return any(kind.__module__.partition(".")[0] == "skorch" for kind in type(model).__mro__)


@contextmanager
def _torch_seeded(seed: int) -> Iterator[None]:
    """torch's random numbers follow from the seed where torch is in use, and the caller's go on as if nothing was."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def _member(task: Task, name: str, model: Any) -> Member:
    from sklearn.base import clone

    as_torch = _is_skorch(model)

    def fit(fold: int, seed: int) -> Predict:
        at = task.training(fold)
        fitted = clone(model, safe=False)
        seeds = {key: seed % 2**31 for key in _random_states(fitted)}
        if seeds:
            fitted.set_params(**seeds)
        with _torch_seeded(seed):
            fitted.fit(rows(task, at, torch=as_torch), task.y[at])
        present = np.asarray(fitted.classes_, dtype=np.int64) if hasattr(fitted, "classes_") else np.unique(task.y[at])

        def predict(where: Positions) -> Scores:
            x = rows(task, where, torch=as_torch)
            with _torch_seeded(seed):
                if hasattr(fitted, "predict_proba"):
                    scores = np.log(np.maximum(np.asarray(fitted.predict_proba(x), dtype=np.float64), 1e-6))
                else:
                    decision = np.asarray(fitted.decision_function(x), dtype=np.float64)
                    scores = np.column_stack([-decision, decision]) / 2 if decision.ndim == 1 else decision
            if scores.shape[1] == task.n_classes:
                return scores.astype(np.float32)
            return full_scores(scores, present, task.n_classes)

        return Fitted(predict, _size(fitted))

    return Member(name, fit, {"estimator": _class(model), "params": _params(model)})


def _random_states(model: Any) -> list[str]:
    """The random_state parameters left unset: a set one is the user's wish."""
    if not hasattr(model, "get_params"):
        return []
    return [
        key
        for key, value in sorted(model.get_params(deep=True).items())
        if value is None and key.split("__")[-1] == "random_state"
    ]


def _size(fitted: Any) -> int:
    """Bytes of the parameters of a torch module, else of the whole estimator written down."""
    module = getattr(fitted, "module_", None)
    if module is not None and hasattr(module, "parameters"):
        return sum(p.numel() * p.element_size() for p in module.parameters())
    return serialized_size(fitted)


def _params(model: Any) -> dict[str, str]:
    """Every setting in words that are the same in the next process: a checkpoint is found by them."""
    if not hasattr(model, "get_params"):
        return {"repr": _lasting(model)}
    out: dict[str, str] = {}
    for key, value in sorted(model.get_params(deep=True).items()):
        if inspect.isfunction(value):
            out[key] = f"{value.__module__}.{value.__qualname__}"
        elif isinstance(value, np.ndarray):
            out[key] = repr(value.tolist())
        elif not hasattr(value, "get_params"):
            out[key] = _lasting(value)
        else:
            out[key] = type(value).__qualname__
    return out


def _lasting(value: Any) -> str:
    """The value's repr; where it only tells an address, what the object holds."""
    said = repr(value)
    if not re.search(r" at 0x[0-9a-fA-F]+", said):
        return said
    held = {
        key: re.sub(r" at 0x[0-9a-fA-F]+", "", repr(part))
        for key, part in sorted(getattr(value, "__dict__", {}).items())
    }
    return f"{type(value).__module__}.{type(value).__qualname__} {held}"
