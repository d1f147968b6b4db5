"""The figures of a round."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.records import HUMAN_SOURCES, Predictions
from dqkit.rounds.snapshot import Snapshot
from dqkit.signals import SignalTable, WrongLabels
from dqkit.signals.label_noise.wrong_labels import wrong_labels_now


def metrics(snapshot: Snapshot, predictions: Predictions, found: SignalTable) -> dict[str, Any]:
    """The figures of a round; accuracies are of the ensemble, on samples it had not been trained on.

    Returns
    -------
    dict
        test_accuracy, test_log_loss, oos_accuracy, log_loss (None where nothing was measured), wrong_labels_left (how
        many, low, high), label_error_rate and label_error_interval (the same as shares of all labels; all three by the
        model and the random audit samples of the rounds before, the test split aside), labels_not_judged (why the model
        judges none), n_labeled, n_human, n_weak, n_unlabeled.
    """
    dataset, labels = snapshot.training, snapshot.labels
    usable = dataset.is_labeled & dataset.is_usable & predictions.is_trained
    held_out, inside = usable & dataset.is_test, usable & ~dataset.is_test
    left, judged = wrong_labels(snapshot, found)
    ends = [left.low, left.high]
    sources = labels["source"].value_counts()
    return {
        "test_accuracy": _accuracy(predictions.pred_probs[held_out], dataset.labels[held_out]),
        "test_log_loss": _log_loss(predictions.pred_probs[held_out], dataset.labels[held_out]),
        "oos_accuracy": _accuracy(predictions.pred_probs[inside], dataset.labels[inside]),
        "log_loss": _log_loss(predictions.pred_probs[inside], dataset.labels[inside]),
        "label_error_rate": left.value / judged if left.known and judged else None,
        "label_error_interval": [end / judged for end in ends] if left.known and judged else None,
        "wrong_labels_left": [left.value, *ends] if left.known and judged else None,
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


def wrong_labels(snapshot: Snapshot, found: SignalTable) -> tuple[WrongLabels, int]:
    """The wrong labels among those nobody has decided, and how many labels there are in all."""
    labels, errors = snapshot.labels, found.summary.get("label_errors") or {}
    labelled = found.table["given_label"].notna() & ~snapshot.given.is_test
    left = wrong_labels_now(
        errors.get("estimated_rate"),
        errors.get("interval"),
        found.table.loc[labelled, "error_probability"].to_numpy(float),
        labels["source"].isin(HUMAN_SOURCES).reindex(found.table.index[labelled]).to_numpy(bool),
        sample=snapshot.sample,
        classes=max(len(snapshot.given.classes), 2),
    )
    return left, int(labelled.sum())


def _accuracy(probs: NDArray[np.float32], labels: NDArray[np.int64]) -> float | None:
    return float((probs.argmax(axis=1) == labels).mean()) if len(labels) else None


def _log_loss(probs: NDArray[np.float32], labels: NDArray[np.int64]) -> float | None:
    if not len(labels):
        return None
    given = probs[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(given, 1e-12, 1)).mean())
