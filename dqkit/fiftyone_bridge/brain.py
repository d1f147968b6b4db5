"""Signals of FiftyOne Brain (mistakenness, hardness, uniqueness) about a pushed dataset, as one more table."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from dqkit.fiftyone_bridge.connection import connect
from dqkit.fiftyone_bridge.samples import owned
from dqkit.records import InputError, Predictions

BRAIN_SIGNALS = ("mistakenness", "hardness", "uniqueness")


def brain_signals(
    name: str,
    *,
    which: Sequence[str] | None = None,
    predictions: Predictions | None = None,
    use_logits: bool = False,
    owner: str = "",
    uri: str | None = None,
) -> pd.DataFrame:
    """A DataFrame of FiftyOne Brain's scores, indexed by sample id like the signals, one column per score.

    which: among "mistakenness" (of the current label, given the pushed prediction), "hardness" (entropy of the
    prediction, here as a share of the largest possible) and "uniqueness" (distance to the nearest samples by
    predictions.features); by default all for which there is what they need. use_logits: mistakenness from the whole
    prediction instead of its confidence. Values lie in [0, 1], higher = look sooner; NaN where a sample lacks a label,
    a prediction or features. FiftyOne keeps the scores as fields and brain runs of the same names, so that the App
    shows them. Nothing is downloaded: without features there is no uniqueness.
    Raises `InputError` for a score that cannot be had, and `MissingExtra` when FiftyOne is not there.
    Source: FiftyOne Brain's `compute_mistakenness`, `compute_hardness` and `compute_uniqueness`.

    >>> extra = brain_signals(wb.to_fiftyone().name, predictions=rnd.predictions)  # doctest: +SKIP
    """
    wanted = list(BRAIN_SIGNALS if which is None else which)
    if unknown := set(wanted) - set(BRAIN_SIGNALS):
        raise InputError(f"the 'which' argument must name scores among {list(BRAIN_SIGNALS)}; got {sorted(unknown)}.")
    fo = connect(uri)
    target = owned(fo, name, owner)
    keys = dict(zip(*target.exists("dqkit_id").values(["dqkit_id", "id"]), strict=True))
    can = {
        "mistakenness": target.has_field("prediction") and target.count("prediction") and target.count("label"),
        "hardness": target.has_field("prediction") and target.count("prediction"),
        "uniqueness": predictions is not None and predictions.features is not None,
    }
    if which is None:
        wanted = [score for score in wanted if can[score]]
    for score in wanted:
        if not can[score]:
            needs = "predictions with features" if score == "uniqueness" else "a push with labels and predictions"
            raise InputError(f"the 'which' argument must name scores that can be computed; {score!r} needs {needs}.")
    table = pd.DataFrame(index=pd.Index(list(keys), name="sample_id"))
    for score in wanted:
        with _silence():
            _compute(target, score, predictions, keys, use_logits=use_logits)
        values = dict(zip(*target.exists("dqkit_id").values(["dqkit_id", score]), strict=True))
        column = np.array([np.nan if values[key] is None else values[key] for key in table.index], dtype=np.float64)
        table[score] = column / np.log(len(target.info["dqkit"]["classes"])) if score == "hardness" else column
    return table.clip(0.0, 1.0)


def _compute(
    target: Any, score: str, predictions: Predictions | None, keys: dict[str, str], *, use_logits: bool
) -> None:
    import fiftyone.brain as brain

    if target.has_brain_run(score):
        target.delete_brain_run(score)
    if score == "mistakenness":
        both = target.exists("label").exists("prediction")
        brain.compute_mistakenness(both, "prediction", "label", use_logits=use_logits, progress=False)
    elif score == "hardness":
        brain.compute_hardness(target.exists("prediction"), "prediction", progress=False)
    elif predictions is not None and predictions.features is not None:
        rows = [at for at, sample_id in enumerate(predictions.ids) if str(sample_id) in keys]
        order = [keys[str(predictions.ids[at])] for at in rows]
        view = target.select(order, ordered=True)
        features = np.asarray(predictions.features, dtype=np.float64)[rows]
        brain.compute_uniqueness(view, embeddings=features, progress=False)


@contextmanager
def _silence() -> Iterator[None]:
    """Without the brain's own account of its progress, which it prints at every call."""
    log = logging.getLogger("fiftyone.brain")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)
