"""Classes added after the dataset came in: the list only grows, so a position never changes its meaning."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dqkit.datasets.labels import class_key
from dqkit.records import Dataset, InputError, Predictions
from dqkit.store import added_classes
from dqkit.workbench.decisions import check_annotator, check_texts
from dqkit.workbench.project import now

if TYPE_CHECKING:
    from dqkit.workbench.bench import Workbench

LONGEST_NAME = 200


def add_class(bench: Workbench, name: str, *, annotator: str) -> str:
    """See `Workbench.add_class`."""
    check_annotator(annotator)
    check_texts({"name": name})
    tidy = " ".join(name.split())
    unseen = [c for c in tidy if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn")]
    if not tidy or unseen or len(tidy) > LONGEST_NAME:
        raise InputError(f"a class name must be 1 to {LONGEST_NAME} characters of text; got {name!r}.")
    refresh(bench)
    known = {class_key(c): c for c in bench.dataset.classes}
    key = class_key(tidy)
    if key not in known:
        added_classes.add(bench.store, tidy, key=key, annotator=annotator, at=now())
        refresh(bench)
        known = {class_key(c): c for c in bench.dataset.classes}
    return known[key]


def with_added(dataset: Dataset, added: Sequence[str]) -> Dataset:
    """The dataset with these classes after its own."""
    return replace(dataset, classes=(*dataset.classes, *added)) if added else dataset


def refresh(bench: Workbench) -> None:
    """Take over the classes that were added since the dataset was read, here or in another process."""
    added = [name for name, _ in added_classes.names_and_keys(bench.store)]
    own = tuple(bench.about["classes"])
    if bench.dataset.classes != (*own, *added):
        bench.__dict__["dataset"] = replace(bench.dataset, classes=(*own, *added))


def widened(predictions: Predictions, classes: Sequence[str]) -> Predictions:
    """The same predictions over a list of classes that has grown: what no model knew has probability 0."""
    more = len(classes) - len(predictions.classes)
    if more <= 0:
        return predictions

    def wide(probs: np.ndarray[Any, Any], value: float = 0.0) -> np.ndarray[Any, Any]:
        return np.concatenate([probs, np.full((*probs.shape[:-1], more), value, probs.dtype)], axis=-1)

    # A history of (n, epochs, c) may hold logits: the smallest value is what no class had.
    dynamics = {k: wide(v, v.min(initial=0)) if np.ndim(v) == 3 else v for k, v in predictions.dynamics.items()}
    return replace(
        predictions,
        classes=tuple(classes),
        member_probs=wide(predictions.member_probs),
        pred_probs=wide(predictions.pred_probs),
        dynamics=dynamics,
    )
