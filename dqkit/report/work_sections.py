"""Sections about the work: who decided what, what changed since the last round, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dqkit.records import ACTIONS, HUMAN_SOURCES
from dqkit.report.inputs import Absent, Inputs, plain, texts
from dqkit.report.metrics import METRICS
from dqkit.report.words import counted

ALIASES = {"oos_log_loss": "log_loss"}
ANSWERS = ("label", "skip", "flag")
TOO_WRONG = 0.05


def activity(inputs: Inputs) -> dict[str, Any]:
    """Who decided how much, by which way, and how often a person changed the given label."""
    events = inputs.events
    if events is None:
        raise Absent("No journal of label events was given.")
    kinds = Counter(k or "unknown" for k in texts(events, "kind"))
    sources = Counter(s or "unknown" for s in texts(events, "source"))
    days = Counter((at or "")[:10] for at in texts(events, "at") if at)
    people: dict[tuple[str, str], Counter[str]] = {}
    for who, source, kind in zip(
        texts(events, "annotator"), texts(events, "source"), texts(events, "kind"), strict=True
    ):
        people.setdefault((who or "unknown", source or "unknown"), Counter())[kind or "unknown"] += 1
    rows = [
        {"annotator": who, "source": source, "total": sum(kind.values()), "kinds": dict(sorted(kind.items()))}
        for (who, source), kind in people.items()
    ]
    ds = inputs.dataset
    decided = inputs.checked & ds.is_labeled
    names = inputs.label_names
    changed = sum(names[i] != ds.classes[ds.labels[i]] for i in np.flatnonzero(decided))
    return {
        "events": len(events),
        "kinds": dict(kinds.most_common()),
        "sources": dict(sources.most_common()),
        "annotators": sorted(rows, key=lambda row: (-row["total"], row["annotator"], row["source"])),
        "days": [{"day": day, "events": n} for day, n in sorted(days.items())],
        "actions": _actions(inputs),
        "decided": int(decided.sum()),
        "changed": int(changed),
        "kept": int(decided.sum() - changed),
        "new": int((inputs.checked & ~ds.is_labeled & (inputs.current >= 0)).sum()),
        "metrics": {"events": len(events)},
    }


def _actions(inputs: Inputs) -> list[dict[str, Any]]:
    """The queue, action by action: how many were asked and how many of these are answered."""
    if inputs.queue is None or "action" not in inputs.queue.columns:
        return []
    done = _answered(inputs)
    ids, actions = texts(inputs.queue, "sample_id"), texts(inputs.queue, "action")
    asked = Counter(actions)
    answered = Counter(action for sample_id, action in zip(ids, actions, strict=True) if sample_id in done)
    return [{"action": a, "queued": asked[a], "answered": answered[a]} for a in ACTIONS if asked[a]]


def _answered(inputs: Inputs) -> set[str]:
    """The ids that a person answered (label, skip or flag) since the newest round, or ever where rounds are unknown."""
    events = inputs.events
    if events is None:
        return set(inputs.dataset.ids[inputs.checked])
    newest = inputs.rounds[-1].get("round") if inputs.rounds else None
    undone = {event for event in texts(events, "undoes") if event is not None}
    fields = ("event_id", "sample_id", "kind", "source", "round")
    return {
        sample_id
        for event_id, sample_id, kind, source, number in zip(*(texts(events, f) for f in fields), strict=True)
        if sample_id is not None
        and kind in ANSWERS
        and source in HUMAN_SOURCES
        and event_id not in undone
        and (newest is None or number is None or int(float(number)) >= int(newest))
    }


def changes(inputs: Inputs) -> dict[str, Any]:
    """What the last round changed, figure by figure, and the curve over all rounds."""
    rounds = [dict(r) for r in inputs.rounds]
    if not rounds:
        raise Absent("No round has been run yet.")
    figures = [{ALIASES.get(k, k): v for k, v in (r.get("metrics") or {}).items()} for r in rounds]
    last = figures[-1]
    before = figures[-2] if len(figures) > 1 else {}
    deltas = [
        _delta(name, before.get(name), value)
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
    taken = ("test_accuracy", "test_log_loss", "oos_accuracy", "log_loss")
    metrics = {"rounds": len(rounds), **{name: last[name] for name in taken if _is_number(last.get(name))}}
    return {"rounds": curve, "deltas": deltas, "first_round": len(rounds) == 1, "metrics": metrics}


def _is_number(value: Any) -> bool:
    return isinstance(plain(value), int | float) and not isinstance(plain(value), bool)


def _pair(value: Any) -> list[float] | None:
    values = plain(value)
    return values if isinstance(values, list) and len(values) == 2 and all(map(_is_number, values)) else None


def _delta(name: str, before: Any, after: Any) -> dict[str, Any]:
    known = METRICS.get(name)
    difference = None if before is None else float(after) - float(before)
    verdict = "first"
    if difference is not None:
        better = known.better if known else "neither"
        verdict = "same" if difference == 0 else "changed"
        if difference != 0 and better != "neither":
            verdict = "better" if (difference > 0) == (better == "higher") else "worse"
    return {
        "metric": name,
        "title": known.title if known else name.replace("_", " ").capitalize(),
        "unit": known.unit if known else "ratio",
        "before": before,
        "after": after,
        "difference": difference,
        "verdict": verdict,
    }


def waiting(inputs: Inputs) -> dict[str, int]:
    """How many samples of the queue nobody has answered yet, by action."""
    return {row["action"]: row["queued"] - row["answered"] for row in _actions(inputs)}


def next_steps(sections: Mapping[str, Mapping[str, Any]], queue: Mapping[str, int]) -> list[dict[str, Any]]:
    """What to do next, most pressing first, from the figures of the other sections."""
    steps: list[dict[str, Any]] = []

    def add(section: str, what: str, why: str) -> None:
        steps.append({"section": section, "do": what, "why": why})

    data, errors = _ok(sections, "overview"), _ok(sections, "label_errors")
    copies, sure = _ok(sections, "duplicates"), _ok(sections, "calibration")
    classes, doubt = _ok(sections, "balance"), _ok(sections, "uncertain")
    unreadable = data.get("problems", {}).get("unreadable", 0)
    if unreadable:
        add(
            "overview",
            f"Repair or remove {counted(unreadable, 'unreadable sample')}.",
            "Training leaves out what it cannot read.",
        )
    leakage = copies.get("leakage", {})
    leaked, near = leakage.get("test_samples_identical", 0), leakage.get("test_samples", 0)
    if leaked:
        what = f"Take {counted(leaked, 'test sample')} with an identical copy in another split out of one of the two."
        add("duplicates", what, "A test score that has seen its answers is too high.")
    if copies.get("identical_conflicts"):
        what = f"Decide {counted(copies['identical_conflicts'], 'group')} of identical samples whose labels differ."
        add("duplicates", what, "The same sample cannot be both, so at least one label in each is wrong.")
    for same in classes.get("alike", []):
        what = f"Make one class of {' and '.join(map(repr, same))}, if they are one."
        add("balance", what, "They differ in case or spaces alone; apart, each has fewer samples and more look wrong.")
    if errors.get("open"):
        pair = next(iter(errors.get("pairs") or []), None)
        start = f" Start with {pair['given']} that look like {pair['suggested']} ({pair['count']})." if pair else ""
        add("label_errors", f"Review {counted(errors['open'], 'open suspect')}.{start}", _yield(errors))
    if sum(queue.values()):
        parts = ", ".join(f"{n} {action.replace('_', ' ')}" for action, n in queue.items() if n)
        what = f"Answer the queue: {counted(sum(queue.values()), 'sample')} waiting ({parts})."
        add("activity", what, "It spends the effort where it helps most.")
    if near > leaked:
        what = f"Look at {counted(near - leaked, 'test sample')} with a near copy in another split."
        add("duplicates", what, "If they show the same thing, the test score is too high.")
    if classes.get("empty") or classes.get("rare"):
        names = _names([*classes.get("empty", []), *classes.get("rare", [])])
        add("balance", f"Collect more of {names}.", "Too few samples to learn from or to judge by.")
    if data.get("n_unlabeled") and doubt.get("unlabeled_only"):
        why = f"{counted(data['n_unlabeled'], 'sample')} have no label; these teach the models most."
        add("uncertain", "Label the least certain of the unlabelled samples.", why)
    if sure.get("ece", 0) > TOO_WRONG:
        kind = "too sure" if sure["confidence"] > sure["accuracy"] else "too timid"
        why = f"Their stated confidence is off by {100 * sure['ece']:.1f} points on average ({kind})."
        add("calibration", "Calibrate the models before their probabilities decide anything.", why)
    if not steps and not errors:
        add("changes", "Run a round.", "Without predictions and signals little can be said about the labels.")
    if not steps:
        add("changes", "Nothing is pressing.", "Run another round when the data changes.")
    return steps


def _ok(sections: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    section = sections.get(name, {})
    return section if section.get("status") == "ok" else {}


def _yield(errors: Mapping[str, Any]) -> str:
    if errors.get("confirmed") and errors.get("reviewed"):
        return f"People have changed {counted(errors['confirmed'], 'label')} so far."
    return "They are the labels most likely to be wrong."


def _names(names: Sequence[str], most: int = 6) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
