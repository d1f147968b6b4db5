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
    """Compute FiftyOne Brain's scores of a pushed dataset.

    Parameters
    ----------
    name : str
        The dataset, as it was pushed.
    which : sequence of str, optional
        Among "mistakenness" (of the current label, given the pushed prediction), "hardness" (entropy of the prediction,
        as a share of the largest possible) and "uniqueness" (distance to the nearest samples by features). By default
        all for which there is what they need.
    predictions : Predictions, optional
        Needed for uniqueness (features) and for `use_logits`.
    use_logits : bool
        Mistakenness from the whole prediction instead of its confidence.
    owner, uri
        As in `push`.

    Returns
    -------
    DataFrame
        Indexed by sample id, one column per score, values in [0, 1], higher = look sooner; NaN where a sample lacks a
        label, a prediction or features. FiftyOne keeps the scores as fields of the same names.

    Raises
    ------
    InputError
        For a score that cannot be computed.
    MissingExtra
        Where FiftyOne is not there.

    References
    ----------
    FiftyOne Brain's `compute_mistakenness`, `compute_hardness` and `compute_uniqueness`.

    Examples
    --------
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
