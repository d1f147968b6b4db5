"""Before the first labels: features without a model, so that the first queue can be drawn from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.threads import fitting_threads
from dqkit.baselines.comparison import table
from dqkit.baselines.feature_cache import Shelf
from dqkit.baselines.members import Task
from dqkit.baselines.views import view_of
from dqkit.checks import instance, number, seed_number
from dqkit.records import UNLABELED, Dataset, Predictions


def untrained_predictions(
    ds: Dataset,
    seed: int = 0,
    *,
    checkpoint_dir: str | Path | None = None,
    pretrained: Any = None,
    progress: bool = True,
    budget_minutes: float | None = None,
) -> Predictions:
    """Return predictions of no model, for a dataset with too few labels to train on.

    Parameters
    ----------
    ds, seed, checkpoint_dir, pretrained, progress, budget_minutes
        As in `cross_val_predictions`.

    Returns
    -------
    Predictions
        Features of every sample, no members, and every class as likely as the others. The features are those of
        `cross_val_predictions`; `checkpoint_dir` keeps them for later calls.
    """
    instance("ds", ds, Dataset, "a dqkit.Dataset")
    seed = seed_number(seed)
    n, c = len(ds), len(ds.classes)
    nowhere = np.full(n, UNLABELED, dtype=np.int64)
    minutes = None if budget_minutes is None else number("budget_minutes", budget_minutes, above=0)
    given = not (pretrained is None or pretrained is False)
    with fitting_threads(n, pooled=ds.modality == "image" and not given):
        task = Task(ds, nowhere, nowhere, seed, minutes=minutes, shelf=Shelf.of(checkpoint_dir, ds))
        features = view_of(task, pretrained, checkpoint_dir, progress).features
    return Predictions(
        ids=ds.ids,
        classes=ds.classes,
        member_probs=np.empty((0, n, c), dtype=np.float32),
        pred_probs=np.full((n, c), 1 / c, dtype=np.float32),
        members=(),
        weights=np.empty(0),
        folds=nowhere,
        features=np.ascontiguousarray(features, dtype=np.float32),
        baselines=table([]),
    )


def too_few_labels(ds: Dataset) -> str | None:
    """Say why no model can be trained and judged on other samples.

    Parameters
    ----------
    ds : Dataset
        The samples and their labels.

    Returns
    -------
    str or None
        One sentence, or None where the labels are enough.
    """
    instance("ds", ds, Dataset, "a dqkit.Dataset")
    y = trained_labels(ds)
    counts = np.bincount(y[y >= 0], minlength=len(ds.classes))
    known = np.flatnonzero(counts)
    if len(known) < 2:
        return (
            f"ds must have labelled training samples of at least two classes; got {int(counts.sum())} labelled samples "
            f"of {len(known)} class(es). Label a few samples of each class first."
        )
    if len(known) == 2 and counts[known].min() == 1:
        alone, other = known[np.argsort(counts[known], kind="stable")]
        return (
            "ds must have at least 2 labelled training samples of each of two classes; got 1 of class "
            f"{ds.classes[alone]!r} and {int(counts[other])} of {ds.classes[other]!r}: without that sample only one "
            f"class is left to train on. Label another sample of {ds.classes[alone]!r}."
        )
    return None


def trained_labels(ds: Dataset) -> NDArray[np.int64]:
    """(n,) labels of the usable samples outside the test split, -1 for all others."""
    return np.where(ds.is_usable & ~ds.is_test, ds.labels, UNLABELED).astype(np.int64)
