"""The figures of a round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.records import HUMAN_SOURCES, Predictions
from dqkit.rounds.snapshot import Snapshot
from dqkit.signals import SignalTable, open_error_rate


def metrics(snapshot: Snapshot, predictions: Predictions, found: SignalTable) -> dict[str, Any]:
    """The figures of a round; accuracies are of the ensemble, on samples it had not been trained on.

    Returns
    -------
    dict
        test_accuracy, test_log_loss, oos_accuracy, log_loss (None where nothing was measured), label_error_rate and
        label_error_interval (of labels that nobody decided), labels_not_judged (why they could not be), n_labeled,
        n_human, n_weak, n_unlabeled.
    """
    dataset, labels = snapshot.training, snapshot.labels
    usable = dataset.is_labeled & dataset.is_usable & predictions.is_trained
    held_out, inside = usable & dataset.is_test, usable & ~dataset.is_test
    rate, interval = _wrong_labels(labels, found)
    sources = labels["source"].value_counts()
    return {
        "test_accuracy": _accuracy(predictions.pred_probs[held_out], dataset.labels[held_out]),
        "test_log_loss": _log_loss(predictions.pred_probs[held_out], dataset.labels[held_out]),
        "oos_accuracy": _accuracy(predictions.pred_probs[inside], dataset.labels[inside]),
        "log_loss": _log_loss(predictions.pred_probs[inside], dataset.labels[inside]),
        "label_error_rate": rate,
        "label_error_interval": interval,
        "labels_not_judged": _why_not_judged(found),
        "n_labeled": int(labels["label"].notna().sum()),
        "n_human": int(labels["source"].isin(HUMAN_SOURCES).sum()),
        "n_weak": int(sources.get("weak", 0)),
        "n_unlabeled": int(labels["label"].isna().sum()),
    }


def _why_not_judged(found: SignalTable) -> str | None:
    """The sentence that says why no label could be judged, None where they could or no model is there."""
    errors = found.label_errors
    return None if errors is None or not errors.not_judged else errors.not_judged


def _wrong_labels(labels: pd.DataFrame, found: SignalTable) -> tuple[float | None, list[float] | None]:
    """Estimated share of wrong labels and its interval, what people have decided being right."""
    errors = found.summary.get("label_errors") or {}
    if errors.get("estimated_rate") is None:
        return None, None
    labelled = found.table["given_label"].notna()
    chance = found.table.loc[labelled, "error_probability"].to_numpy(float)
    checked = labels["source"].isin(HUMAN_SOURCES).reindex(found.table.index[labelled]).to_numpy(bool)
    return open_error_rate(errors["estimated_rate"], errors.get("interval"), chance, checked)


def _accuracy(probs: NDArray[np.float32], labels: NDArray[np.int64]) -> float | None:
    return float((probs.argmax(axis=1) == labels).mean()) if len(labels) else None


def _log_loss(probs: NDArray[np.float32], labels: NDArray[np.int64]) -> float | None:
    if not len(labels):
        return None
    given = probs[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(given, 1e-12, 1)).mean())
