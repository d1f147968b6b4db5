"""Sections about what the baselines see: label errors, uncertain samples, the baselines and their calibration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.report.data_sections import SHOWN_SAMPLES, histogram
from dqkit.report.inputs import Absent, Inputs, plain
from dqkit.signals import open_error_rate

SHOWN_SUSPECTS = 24
SHOWN_PAIRS = 10
KEPT_CLASSES = 50
LOW_CONFIDENCE = 0.5


def label_errors(inputs: Inputs) -> dict[str, Any]:
    """How many labels look wrong, which ones most, and which classes are taken for which."""
    inputs.need_model()
    scores = inputs.signal("label_score")
    flags = inputs.signal_flags("label_flag")
    given = inputs.signal_texts("given_label")
    if all(name is None for name in given):
        given = inputs.label_names
    suggested = inputs.signal_texts("suggested_label")
    reviewed = flags & inputs.checked
    waiting = flags & ~inputs.checked
    changed = [
        inputs.id_at(i)
        for i in np.flatnonzero(inputs.checked & inputs.dataset.is_labeled)
        if inputs.label_names[i] != inputs.dataset.classes[inputs.dataset.labels[i]]
    ]
    pairs = Counter((given[i], suggested[i]) for i in np.flatnonzero(flags) if given[i] != suggested[i])
    told = inputs.summary.get("label_errors") or {}
    n_labeled = sum(name is not None for name in given)
    estimated = _number(told, "estimated_rate")
    rate = flags.sum() / n_labeled if estimated is None and n_labeled else estimated
    interval = told.get("interval")
    if estimated is not None and "error_probability" in inputs.signal_table().columns:
        labelled = np.array([name is not None for name in given], dtype=bool)
        chance = np.nan_to_num(inputs.signal("error_probability")[labelled])
        rate, interval = open_error_rate(estimated, interval, chance, inputs.checked[labelled])
    low, high = (float(interval[0]), float(interval[1])) if interval is not None else (None, None)
    kinds = inputs.signal_texts("label_kind")
    flagged_kinds = Counter(kinds[i] for i in np.flatnonzero(flags))
    return {
        "n_labeled": n_labeled,
        "flagged": int(flags.sum()),
        "reviewed": int(reviewed.sum()),
        "open": int(waiting.sum()),
        "confirmed": len(changed),
        "estimated_rate": rate,
        "interval": None if low is None else [low, high],
        "rate_is_estimate": estimated is not None,
        "expected_errors": None if rate is None else round(rate * n_labeled),
        "scorers": [str(name) for name in told.get("scorers", [])],
        "families": [_family(test) for test in told.get("families", [])],
        "kinds": {kind: count for kind, count in flagged_kinds.most_common() if kind},
        "noise_matrix": _noise_matrix(inputs, told, given, flags, suggested),
        "pairs": [{"given": a, "suggested": b, "count": n} for (a, b), n in _ranked(pairs)[:SHOWN_PAIRS]],
        "in_test": int((flags & inputs.is_test).sum()),
        "histogram": histogram(scores[[name is not None for name in given]]),
        "flagged_histogram": histogram(scores[flags]),
        "samples": _suspects(inputs, scores, flags, given, suggested, kinds),
        "details": {key: value for key, value in told.items() if isinstance(value, str | int | float)},
        "metrics": {
            "label_error_rate": rate,
            "label_error_rate_low": low,
            "label_error_rate_high": high,
            "label_errors_flagged": int(flags.sum()),
            "label_errors_open": int(waiting.sum()),
            "label_errors_open_rate": waiting.sum() / n_labeled if n_labeled else None,
            "confirmed_errors": len(changed),
        },
    }


def _ranked(pairs: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(pairs.items(), key=lambda item: (-item[1], str(item[0])))


def _number(table: Mapping[str, Any], name: str) -> float | None:
    value = table.get(name)
    return None if value is None or not np.isfinite(value) else float(value)


def _suspects(
    inputs: Inputs,
    scores: NDArray[np.float64],
    flags: NDArray[np.bool_],
    given: list[str | None],
    suggested: list[str | None],
    kinds: list[str | None],
) -> list[dict[str, Any]]:
    """The flagged samples, those still open first, highest score first."""
    reasons = inputs.signal_texts("reasons")
    order = sorted(np.flatnonzero(flags), key=lambda i: (bool(inputs.checked[i]), -np.nan_to_num(scores[i]), i))
    return [
        {
            "sample_id": inputs.id_at(i),
            "given": given[i],
            "suggested": suggested[i],
            "current": inputs.label_names[i],
            "score": float(scores[i]),
            "suggested_prob": _probability(inputs, i, suggested[i]),
            "kind": kinds[i],
            "reviewed": bool(inputs.checked[i]),
            "reasons": [reason for reason in (reasons[i] or "").split("; ") if reason],
        }
        for i in order[:SHOWN_SUSPECTS]
    ]


def _probability(inputs: Inputs, position: int | np.integer[Any], name: str | None) -> float | None:
    """What the models give to one class for one sample."""
    predictions = inputs.predictions
    if predictions is None or name not in predictions.classes or inputs.predicted_at[position] < 0:
        return None
    return float(predictions.pred_probs[inputs.predicted_at[position], predictions.classes.index(name)])


def _family(test: Mapping[str, Any]) -> str:
    """Whether a further family of evidence is used, and what the self-test on planted errors says of it."""
    verdict = f"{test['name']}: {'used' if test['used'] else 'not used'}"
    before, after = test.get("ap_without"), test.get("ap_with")
    if before is None or after is None:
        return f"{verdict}; too few errors or rows to test it"
    return f"{verdict}; planted errors are found with average precision {after:.3f} with it, {before:.3f} without"


def _noise_matrix(
    inputs: Inputs, told: Mapping[str, Any], given: list[str | None], flags: NDArray[np.bool_], named: list[str | None]
) -> dict[str, Any] | None:
    """Rows: the true class; columns: the given one; rows sum to one. Counted from the flags where not estimated."""
    matrix = told.get("noise_matrix")
    names = list(told.get("classes") or inputs.dataset.classes)
    if matrix is not None and np.shape(matrix) == (len(names), len(names)):
        return {**noisiest(names, np.asarray(matrix, dtype=np.float64), KEPT_CLASSES), "estimated": True}
    names = inputs.classes
    at = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)))
    for i, (label, better) in enumerate(zip(given, named, strict=True)):
        truth = better if flags[i] else label
        if label in at and truth in at:
            counts[at[truth], at[label]] += 1
    totals = counts.sum(axis=1, keepdims=True)
    if not totals.any():
        return None
    return {**noisiest(names, counts / np.where(totals == 0, 1, totals), KEPT_CLASSES), "estimated": False}


def noisiest(names: Sequence[str], matrix: ArrayLike, most: int) -> dict[str, Any]:
    """A noise matrix cut to the `most` classes that take part in most noise, in their own order.

    Returns `classes`, `values` (their rows and columns), `largest` (off the diagonal) and `hidden` (classes cut).
    """
    values = np.asarray(matrix, dtype=np.float64)
    noise = values.copy()
    np.fill_diagonal(noise, 0.0)
    kept = np.sort(np.argsort(-(noise.sum(axis=0) + noise.sum(axis=1)), kind="stable")[:most])
    inside = np.ix_(kept, kept)
    return {
        "classes": [names[i] for i in kept],
        "values": values[inside].tolist(),
        "largest": float(noise[inside].max(initial=0.0)),
        "hidden": len(names) - len(kept),
    }


def uncertain(inputs: Inputs) -> dict[str, Any]:
    """How sure the baselines are, and the samples that they are least sure of; unlabelled ones where there are any."""
    inputs.need_model()
    entropy = inputs.signal("entropy")
    known = np.isfinite(entropy)
    if not known.any():
        raise Absent("No predictions were at hand, so nothing is known about certainty.")
    predicted = inputs.signal_texts("predicted_label")
    pool = known & (inputs.current < 0) & ~inputs.is_test
    of_pool = bool(pool.any())
    candidates = np.flatnonzero(pool if of_pool else known & ~inputs.is_test)
    order = candidates[np.argsort(-entropy[candidates], kind="stable")][:SHOWN_SAMPLES]
    try:
        confidence = inputs.signal("confidence")
    except Absent:
        confidence = np.full(len(entropy), np.nan)
    sure = confidence[np.isfinite(confidence)]
    low = float((sure < LOW_CONFIDENCE).mean()) if len(sure) else None
    return {
        "unlabeled_only": of_pool,
        "candidates": len(candidates),
        "mean_entropy": float(entropy[known].mean()),
        "low_confidence_rate": low,
        "histogram": histogram(sure) if len(sure) else None,
        "samples": [
            {
                "sample_id": inputs.id_at(i),
                "label": inputs.label_names[i],
                "predicted": predicted[i],
                "confidence": float(confidence[i]),
                "entropy": float(entropy[i]),
                "runners_up": _top(inputs, i),
            }
            for i in order
        ],
        "metrics": {"mean_entropy": float(entropy[known].mean()), "low_confidence_rate": low},
    }


def _top(inputs: Inputs, position: int | np.integer[Any], n: int = 3) -> list[dict[str, Any]]:
    """The most likely classes of one sample."""
    predictions = inputs.predictions
    if predictions is None or inputs.predicted_at[position] < 0:
        return []
    probs = predictions.pred_probs[inputs.predicted_at[position]]
    return [{"class": predictions.classes[c], "prob": float(probs[c])} for c in np.argsort(-probs, kind="stable")[:n]]


def baselines(inputs: Inputs) -> dict[str, Any]:
    """The table of models: chance, majority, the members and the ensemble."""
    inputs.need_model()
    if inputs.predictions is None or inputs.predictions.baselines.empty:
        raise Absent("No table of baselines was given.")
    table = inputs.predictions.baselines
    if not isinstance(table.index, pd.RangeIndex):
        table = table.reset_index()
    columns = [str(column) for column in table.columns]
    rows = [dict(zip(columns, plain(list(row)), strict=True)) for row in table.itertuples(index=False, name=None)]
    kept = [c for c in columns if any(row[c] is not None for row in rows)]
    all_ok = all(row.get("status", "ok") == "ok" for row in rows)
    return {"columns": kept, "rows": rows, "all_ok": all_ok, "members": list(inputs.predictions.members)}


def calibration(inputs: Inputs, bins: int = 10) -> dict[str, Any]:
    """Whether a stated confidence of 90 % is right 90 times in 100, on labels that the models were not trained on."""
    probs, labels = _held_out(inputs)
    confidence, best = probs.max(axis=1), probs.argmax(axis=1)
    right = best == labels
    slot = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    rows = []
    for b in range(bins):
        inside = slot == b
        if inside.any():
            mean, accuracy = float(confidence[inside].mean()), float(right[inside].mean())
            rows.append({"low": b / bins, "n": int(inside.sum()), "confidence": mean, "accuracy": accuracy})
    error = sum(row["n"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / len(labels)
    own = probs[np.arange(len(labels)), labels]
    log_loss = float(-np.log(np.clip(own, 1e-12, 1.0)).mean())
    return {
        "n": len(labels),
        "bins": rows,
        "ece": error,
        "accuracy": float(right.mean()),
        "confidence": float(confidence.mean()),
        "log_loss": log_loss,
        "metrics": {"calibration_error": error, "oos_accuracy": float(right.mean()), "log_loss": log_loss},
    }


def _held_out(inputs: Inputs) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Out-of-sample probabilities and current labels of the labelled samples outside the test split."""
    inputs.need_model()
    predictions = inputs.predictions
    if predictions is None:
        raise Absent("No predictions were given.")
    rows = inputs.predicted_at
    column = {name: i for i, name in enumerate(predictions.classes)}
    codes = np.asarray([-1 if name is None else column.get(name, -1) for name in inputs.label_names], dtype=np.int64)
    kept = (rows >= 0) & (codes >= 0) & ~inputs.weak & ~inputs.is_test & inputs.dataset.is_usable
    if not kept.any():
        raise Absent("No labelled sample has a prediction.")
    return np.asarray(predictions.pred_probs[rows[kept]], dtype=np.float64), codes[kept]
