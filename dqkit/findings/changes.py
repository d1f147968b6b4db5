"""What the last round changed, figure by figure, and the curve over all rounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dqkit.findings.audit import Audit
from dqkit.findings.differences import Interval, of_estimates
from dqkit.findings.finding import Finding, NotMeasured, plain
from dqkit.findings.metrics import METRICS
from dqkit.findings.words import counted

ALIASES = {"oos_log_loss": "log_loss"}


def changes(audit: Audit) -> Finding:
    """What the last round changed, figure by figure, and the curve over all rounds."""
    rounds = [dict(r) for r in audit.journal.rounds]
    if not rounds:
        raise NotMeasured("No round has been run yet.")
    figures = [{ALIASES.get(k, k): v for k, v in (r.get("metrics") or {}).items()} for r in rounds]
    last = figures[-1]
    before = figures[-2] if len(figures) > 1 else {}
    intervals = _intervals(rounds[-1], before, last)
    deltas = [
        _delta(name, before.get(name), value, intervals.get(name))
        for name, value in last.items()
        if _is_number(value) and (not before or _is_number(before.get(name)))
    ]
    curve = [
        {
            "round": r.get("round", i + 1),
            "budget": r.get("budget"),
            "seed": r.get("seed"),
            "started": r.get("started"),
            "finished": r.get("finished"),
            "answered": r.get("answered"),
            "confirmed_errors": r.get("confirmed_errors"),
            "queue_counts": dict(r.get("queue_counts") or {}),
            **{
                name: numbers.get(name)
                for name in ("n_labeled", "n_human", "test_accuracy", "oos_accuracy", "log_loss", "label_error_rate")
            },
            "label_error_interval": _pair(numbers.get("label_error_interval")),
        }
        for i, (r, numbers) in enumerate(zip(rounds, figures, strict=True))
    ]
    first = len(rounds) == 1
    compared = "is the first: there is nothing to compare it with yet" if first else "beside the one before"
    held_out = ("test_accuracy", "test_log_loss")
    return Finding(
        name="changes",
        title="What changed",
        summary=f"{counted(len(rounds), 'round')}; round {curve[-1]['round']} {compared}.",
        severity="warning" if any(delta["verdict"] == "worse" for delta in deltas) else "info",
        metrics={"rounds": len(rounds), **{name: last[name] for name in held_out if _is_number(last.get(name))}},
        table=pd.DataFrame(deltas),
        data={"rounds": curve, "deltas": deltas, "first_round": first},
    )


def _is_number(value: Any) -> bool:
    return isinstance(plain(value), int | float) and not isinstance(plain(value), bool)


def _pair(value: Any) -> list[float] | None:
    values = plain(value)
    return values if isinstance(values, list) and len(values) == 2 and all(map(_is_number, values)) else None


def _intervals(newest: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Interval]:
    """The interval of the difference of each figure for which there is one."""
    found = {str(name): (float(low), float(high)) for name, (low, high) in (newest.get("intervals") or {}).items()}
    ends = [_pair(numbers.get("label_error_interval")) for numbers in (before, after)]
    rates = [numbers.get("label_error_rate") for numbers in (before, after)]
    if ends[0] and ends[1] and all(map(_is_number, rates)):
        found["label_error_rate"] = of_estimates(*((float(r), *e) for r, e in zip(rates, ends, strict=True) if e))  # type: ignore[arg-type]
    return found


def _delta(name: str, before: Any, after: Any, interval: Interval | None = None) -> dict[str, Any]:
    known = METRICS.get(name)
    difference = None if before is None else float(after) - float(before)
    verdict = "first"
    if difference is not None:
        better = known.better if known else "neither"
        verdict = "same" if difference == 0 else "changed"
        if difference != 0 and better != "neither":
            verdict = "better" if (difference > 0) == (better == "higher") else "worse"
        if difference != 0 and interval is not None and interval[0] <= 0 <= interval[1]:
            verdict = "unclear"
    return {
        "metric": name,
        "title": known.title if known else name.replace("_", " ").capitalize(),
        "unit": known.unit if known else "ratio",
        "before": before,
        "after": after,
        "difference": difference,
        "interval": None if interval is None else list(interval),
        "verdict": verdict,
    }
