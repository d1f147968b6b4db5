"""Weak labels into the journal: every one an event, none over a person's label."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dqkit.bars import Stages
from dqkit.checks import is_iterable
from dqkit.records import ABSTAIN, UNLABELED, Dataset, InputError, LabelEvent
from dqkit.weak_labels import WeakLabels, apply_functions, label_model
from dqkit.weak_labels.model import Model
from dqkit.weak_labels.votes import function_names
from dqkit.workbench.project import now
from dqkit.workbench.state import State

WEAK_ANNOTATOR = "label_model"
STAGES = ("labelling functions", "label model", "journal")


def add_weak_labels(
    state: State,
    functions: Sequence[Callable[[Any], Any]],
    *,
    min_probability: float,
    model: Model = "auto",
    progress: bool,
    seed: int,
) -> WeakLabels:
    """See `Workbench.add_weak_labels`."""
    if isinstance(min_probability, bool) or not isinstance(min_probability, Real) or not 0 <= min_probability <= 1:
        raise InputError(f"min_probability must lie in [0, 1]; got {min_probability!r}.")
    functions = list(functions) if is_iterable(functions) else functions
    current = state.dataset_now()
    with Stages("weak labels", STAGES, show=progress) as stages:
        stages.begin("labelling functions")
        votes = apply_functions(current, functions, progress=progress)
        names = function_names(functions)
        stages.begin("label model")
        dev = np.where(current.is_test, UNLABELED, current.labels)
        weak = label_model(votes, len(current.classes), dev_labels=dev, names=names, model=model, seed=seed)
        stages.begin("journal")
        stored = _write(state, current, votes, weak, names, min_probability)
    return replace(weak, stored=stored)


def _write(
    state: State,
    current: Dataset,
    votes: NDArray[np.int64],
    weak: WeakLabels,
    names: Sequence[str],
    min_probability: float,
) -> int:
    """The weak labels as events: new ones, and those that the functions no longer reach undone; how many stand."""
    # A person's label stands above a weak one in the journal, so that undoing it brings the weak one back.
    free = (state.dataset.labels == UNLABELED) & ~current.is_test & (weak.labels != ABSTAIN)
    chosen = {
        int(i): current.classes[weak.labels[i]] for i in np.flatnonzero(free & (weak.probs.max(1) >= min_probability))
    }
    before = state.store.current_labels(weak=True).set_index("sample_id")
    at, number = now(), max((rnd.number for rnd in state.rounds), default=0)

    def event(sample_id: str, label: str | None, why: str, undoes: str | None = None) -> LabelEvent:
        kind: Literal["label", "undo"] = "undo" if undoes else "label"
        return LabelEvent(uuid.uuid4().hex, sample_id, kind, label, "weak", WEAK_ANNOTATOR, at, number, why, undoes)

    new = []
    for i, label in chosen.items():
        sample_id = str(current.ids[i])
        if sample_id not in before.index or before.loc[sample_id, "label"] != label:
            voters = ", ".join(names[j] for j in np.flatnonzero(votes[i] != ABSTAIN).tolist())
            new.append(event(sample_id, label, f"p = {weak.probs[i].max():.2f} from {voters}"))
    kept = {str(current.ids[i]) for i in chosen}
    for sample_id in before.index.difference(sorted(kept)):
        new.append(event(sample_id, None, "no longer reached by the functions", before.loc[sample_id, "event_id"]))
    state.store.record(new)
    return int((current.labels[list(chosen)] == UNLABELED).sum())
