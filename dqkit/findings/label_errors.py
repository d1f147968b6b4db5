"""How many labels look wrong, which ones most, and which classes are taken for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding
from dqkit.findings.histogram import histogram
from dqkit.findings.noise_matrix import noisiest
from dqkit.findings.words import counted, percent
from dqkit.signals import WrongLabels
from dqkit.signals.label_noise.wrong_labels import wrong_labels_now

SHOWN_SUSPECTS = 24
SHOWN_PAIRS = 10
SHOWN_CLASSES = 20


def label_errors(audit: Audit) -> Finding:
    """How many labels look wrong, which ones most, and which classes are taken for which."""
    audit.need_model()
    told = audit.summary.get("label_errors") or {}
    if "skipped" in told:
        audit.told("label_errors")
    scores = audit.signal("label_score")
    flags = audit.signal_flags("label_flag")
    given = audit.signal_texts("given_label")
    if all(name is None for name in given):
        given = audit.label_names
    suggested = audit.signal_texts("suggested_label")
    kinds = audit.signal_texts("label_kind")
    labelled = np.array([name is not None for name in given], dtype=bool)
    n_labeled = int(labelled.sum())
    n_open = int((flags & ~audit.checked).sum())
    confirmed = int(audit.changed.sum())
    rate, interval, left = _rate(audit, told, labelled, flags)
    low, high = interval if interval is not None else (None, None)
    pairs = Counter((given[i], suggested[i]) for i in np.flatnonzero(flags) if given[i] != suggested[i])
    of_kind = Counter(kinds[i] for i in np.flatnonzero(flags))
    at = np.flatnonzero(flags)
    order = at[np.lexsort((at, -np.nan_to_num(scores[at]), audit.checked[at]))].tolist()
    suspects = _suspects(audit, order, scores, given, suggested, kinds)
    return Finding(
        name="label_errors",
        title="Label errors",
        summary=_summary(int(flags.sum()), n_open, n_labeled, rate, left),
        severity="warning" if n_open else "info",
        metrics={
            "label_error_rate": _known(rate),
            "label_error_rate_low": _known(low),
            "label_error_rate_high": _known(high),
            "label_errors_flagged": int(flags.sum()),
            "label_errors_open": n_open,
            "label_errors_open_rate": n_open / n_labeled if n_labeled else np.nan,
            "confirmed_errors": confirmed,
            "wrong_labels_left": np.nan if left is None else left.value,
        },
        table=pd.DataFrame([{**row, "reasons": "; ".join(row["reasons"])} for row in suspects]),
        sample_ids=audit.ids_at(order),
        data={
            "n_labeled": n_labeled,
            "flagged": int(flags.sum()),
            "reviewed": int((flags & audit.checked).sum()),
            "open": n_open,
            "confirmed": confirmed,
            "estimated_rate": rate,
            "interval": interval,
            "rate_is_estimate": left is not None,
            "expected_errors": None if rate is None else round(rate * n_labeled),
            "left": None if left is None else {"value": left.value, "low": left.low, "high": left.high},
            "scorers": [str(name) for name in told.get("scorers", [])],
            "families": [_family(test) for test in told.get("families", [])],
            "kinds": {kind: count for kind, count in of_kind.most_common() if kind},
            "noise_matrix": _noise_matrix(audit, told, given, flags, suggested),
            "pairs": [{"given": a, "suggested": b, "count": n} for (a, b), n in _ranked(pairs)[:SHOWN_PAIRS]],
            "in_test": int((flags & audit.is_test).sum()),
            "histogram": histogram(scores[labelled]),
            "flagged_histogram": histogram(scores[flags]),
            "samples": suspects[:SHOWN_SUSPECTS],
            "details": {key: value for key, value in told.items() if isinstance(value, str | int | float)},
        },
    )


def _rate(
    audit: Audit, told: Mapping[str, Any], labelled: NDArray[np.bool_], flags: NDArray[np.bool_]
) -> tuple[float | None, list[float] | None, WrongLabels | None]:
    """The share of wrong labels outside the test split, its interval and the wrong labels left there.

    The share of flags among all labels where there is no estimate.
    """
    estimated, interval = _number(told, "estimated_rate"), told.get("interval")
    if estimated is not None and (labelled & ~audit.is_test).any():
        labelled = labelled & ~audit.is_test
    n_labeled = int(labelled.sum())
    chance = np.zeros(n_labeled)
    if "error_probability" in audit.signal_table().columns:
        chance = audit.signal("error_probability")[labelled]
    elif estimated is not None:
        chance = np.full(n_labeled, estimated)
    classes = max(len(audit.dataset.classes), 2)
    left = wrong_labels_now(estimated, interval, chance, audit.checked[labelled], sample=audit.sample, classes=classes)
    if not left.known or not n_labeled:
        share = float(flags.sum() / n_labeled) if n_labeled else None
        return share, None if interval is None else [float(end) for end in interval], None
    return left.value / n_labeled, [left.low / n_labeled, left.high / n_labeled], left


def _known(value: float | None) -> float:
    return np.nan if value is None else value


def _summary(flagged: int, waiting: int, n_labeled: int, rate: float | None, left: WrongLabels | None) -> str:
    said = f"{counted(flagged, 'label')} of {n_labeled:,} {'looks' if flagged == 1 else 'look'} wrong"
    said += f", {waiting:,} not reviewed yet." if flagged else "."
    if left is None:
        return said
    return f"{said} About {left} of the labels that nobody has checked are wrong, {percent(rate)} of all labels."


def _ranked(pairs: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(pairs.items(), key=lambda item: (-item[1], str(item[0])))


def _number(table: Mapping[str, Any], name: str) -> float | None:
    value = table.get(name)
    return None if value is None or not np.isfinite(value) else float(value)


def _suspects(
    audit: Audit,
    order: list[int],
    scores: NDArray[np.float64],
    given: Sequence[str | None],
    suggested: Sequence[str | None],
    kinds: Sequence[str | None],
) -> list[dict[str, Any]]:
    """One row a flagged label, in this order. What each needs of whole columns is read once."""
    if not len(order):
        return []
    frame, current, checked = audit.signal_table(), audit.label_names, audit.checked[order].tolist()
    told = frame["reasons"].iloc[order].tolist() if "reasons" in frame else [None] * len(order)
    rows = zip(order, audit.ids_at(order), _probabilities(audit, order, suggested), checked, told, strict=True)
    return [
        {
            "sample_id": sample_id,
            "given": given[at],
            "suggested": suggested[at],
            "current": current[at],
            "score": float(scores[at]),
            "suggested_prob": probability,
            "kind": kinds[at],
            "reviewed": reviewed,
            "reasons": [reason for reason in reasons.split("; ") if reason] if isinstance(reasons, str) else [],
        }
        for at, sample_id, probability, reviewed, reasons in rows
    ]


def _probabilities(audit: Audit, order: list[int], names: Sequence[str | None]) -> list[float | None]:
    """What the models give to one class for each of these samples; None where they say nothing of it."""
    if audit.predictions is None:
        return [None] * len(order)
    column: dict[str | None, int] = {name: k for k, name in enumerate(audit.predictions.classes)}
    classes, rows = [column.get(names[at], -1) for at in order], audit.predicted_at[order].tolist()
    probs = audit.predictions.pred_probs
    return [None if k < 0 or row < 0 else float(probs[row, k]) for k, row in zip(classes, rows, strict=True)]


def _family(test: Mapping[str, Any]) -> str:
    """Whether a further family of evidence is used, and what the self-test on planted errors says of it."""
    verdict = f"{test['name']}: {'used' if test['used'] else 'not used'}"
    before, after = test.get("ap_without"), test.get("ap_with")
    if before is None or after is None:
        return f"{verdict}; too few errors or rows to test it"
    return f"{verdict}; planted errors are found with average precision {after:.3f} with it, {before:.3f} without"


def _noise_matrix(
    audit: Audit, told: Mapping[str, Any], given: list[str | None], flags: NDArray[np.bool_], named: list[str | None]
) -> dict[str, Any] | None:
    """Rows: the true class; columns: the given one; rows sum to one. Counted from the flags where not estimated."""
    matrix = told.get("noise_matrix")
    names = list(told.get("classes") or audit.dataset.classes)
    if matrix is not None and np.shape(matrix) == (len(names), len(names)):
        return {**noisiest(names, np.asarray(matrix, dtype=np.float64), SHOWN_CLASSES), "estimated": True}
    names = list(audit.dataset.classes)
    at = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)))
    for i, (label, better) in enumerate(zip(given, named, strict=True)):
        truth = better if flags[i] else label
        if label in at and truth in at:
            counts[at[truth], at[label]] += 1
    totals = counts.sum(axis=1, keepdims=True)
    if not totals.any():
        return None
    return {**noisiest(names, counts / np.where(totals == 0, 1, totals), SHOWN_CLASSES), "estimated": False}
