"""Who decided how much, by which way, and how often a person changed the given label."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from dqkit.findings.audit import Audit, texts
from dqkit.findings.finding import Finding, NotMeasured
from dqkit.findings.words import counted
from dqkit.records import ACTIONS, HUMAN_SOURCES

ANSWERS = ("label", "skip", "flag")


def activity(audit: Audit) -> Finding:
    """Who decided how much, by which way, and how often a person changed the given label."""
    events = audit.journal.events
    if events is None:
        raise NotMeasured("No journal of label events was given.")
    kinds = Counter(k or "unknown" for k in texts(events, "kind"))
    sources = Counter(s or "unknown" for s in texts(events, "source"))
    days = Counter((at or "")[:10] for at in texts(events, "at") if at)
    people: dict[tuple[str, str], Counter[str]] = {}
    for who, source, kind in zip(
        texts(events, "annotator"), texts(events, "source"), texts(events, "kind"), strict=True
    ):
        people.setdefault((who or "unknown", source or "unknown"), Counter())[kind or "unknown"] += 1
    rows: list[dict[str, Any]] = [
        {"annotator": who, "source": source, "total": sum(kind.values()), "kinds": dict(sorted(kind.items()))}
        for (who, source), kind in people.items()
    ]
    decided = int((audit.checked & (audit.given >= 0)).sum())
    changed = int(audit.changed.sum())
    rows.sort(key=lambda row: (-row["total"], row["annotator"], row["source"]))
    said = f" Of {counted(decided, 'given label')} that people looked at, {changed:,} were changed." if decided else ""
    return Finding(
        name="activity",
        title="Annotation",
        summary=f"{counted(len(events), 'decision')} in the journal.{said}",
        metrics={"events": len(events)},
        table=pd.DataFrame([{key: row[key] for key in ("annotator", "source", "total")} for row in rows]),
        data={
            "events": len(events),
            "kinds": dict(kinds.most_common()),
            "sources": dict(sources.most_common()),
            "annotators": rows,
            "days": [{"day": day, "events": n} for day, n in sorted(days.items())],
            "actions": _actions(audit),
            "decided": decided,
            "changed": changed,
            "kept": decided - changed,
            "new": int((audit.checked & (audit.given < 0) & (audit.current >= 0)).sum()),
        },
    )


def queue(audit: Audit) -> Finding | None:
    """How much of the newest queue nobody has answered yet; None where there is no queue."""
    asked = audit.journal.queue
    if asked is None or "sample_id" not in asked.columns:
        return None
    open_ = {row["action"]: row["queued"] - row["answered"] for row in _actions(audit)}
    n = sum(open_.values())
    parts = ", ".join(f"{count} {action.replace('_', ' ')}" for action, count in open_.items() if count)
    return Finding(
        name="queue",
        title="Queue",
        summary=f"{counted(n, 'sample')} waiting{f' ({parts})' if parts else ''}.",
        metrics={"queue_open": n},
        table=pd.DataFrame(_actions(audit)),
        data={"open": open_},
    )


def _actions(audit: Audit) -> list[dict[str, Any]]:
    """The queue, action by action: how many were asked and how many of these are answered."""
    if audit.journal.queue is None or "action" not in audit.journal.queue.columns:
        return []
    done = _answered(audit)
    ids, actions = texts(audit.journal.queue, "sample_id"), texts(audit.journal.queue, "action")
    asked = Counter(actions)
    answered = Counter(action for sample_id, action in zip(ids, actions, strict=True) if sample_id in done)
    return [{"action": a, "queued": asked[a], "answered": answered[a]} for a in ACTIONS if asked[a]]


def _answered(audit: Audit) -> set[str]:
    """The ids that a person answered (label, skip or flag) since the newest round, or ever where rounds are unknown."""
    events = audit.journal.events
    if events is None:
        return set(audit.dataset.ids[audit.checked])
    newest = audit.journal.rounds[-1].get("round") if audit.journal.rounds else None
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
