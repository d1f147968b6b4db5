"""The pushed queue as cards and durable answers: what the panel in the App shows and where its answers go.

Every answer is one atomic update that only happens while its sample is unanswered, so that of two tabs, whatever they
show, one gets the sample and the other is told who has it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from dqkit.fiftyone_bridge.added_classes import add_class
from dqkit.fiftyone_bridge.fields import classification
from dqkit.fiftyone_bridge.panel_cards import DEALT, make_card
from dqkit.fiftyone_bridge.views import DECISION_TAGS, PULLED_TAGS
from dqkit.records import InputError
from dqkit.relabel import Answer, Card

LEASE_SECONDS = 120.0
REMEMBERED = 50
DEAL_SECONDS = 0.7  # so much work for one message: the first sample is on the screen before the last is ready


class Leases:
    """Which tab holds which sample, in the App's own process: it only keeps tabs apart, no answer depends on it."""

    def __init__(self, seconds: float = LEASE_SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str], str] = {}
        self._heard: dict[str, float] = {}

    def take(self, dataset: str, keys: Sequence[str], n: int, client: str) -> list[str]:
        """The first n of the keys that no other tab heard of lately holds; they are now this tab's."""
        now = time.monotonic()
        with self._lock:
            self._heard[client] = now
            gone = {name for name, at in self._heard.items() if now - at > self._seconds}
            self._held = {key: holder for key, holder in self._held.items() if holder not in gone}
            for name in gone:
                del self._heard[name]
            free = [key for key in keys if self._held.get((dataset, key), client) == client][:n]
            self._held.update(dict.fromkeys(((dataset, key) for key in free), client))
        return free

    def heard(self, client: str) -> None:
        """This tab is alive: it keeps what it holds."""
        with self._lock:
            self._heard[client] = time.monotonic()

    def held(self, dataset: str, client: str) -> set[str]:
        """What this tab holds of one dataset."""
        with self._lock:
            return {key for (of, key), holder in self._held.items() if (of, holder) == (dataset, client)}

    def drop(self, dataset: str, keys: Collection[str]) -> None:
        """Nobody holds these any more."""
        with self._lock:
            for key in keys:
                self._held.pop((dataset, key), None)


LEASES = Leases()


class PanelQueue:
    """A `CardSource` over one pushed FiftyOne dataset, for one tab, which also adds classes."""

    def __init__(self, target: Any, client: str, leases: Leases = LEASES) -> None:
        self._target = target
        self._samples = target._sample_collection
        self._client = client
        self._leases = leases

    @property
    def _about(self) -> Mapping[str, Any]:
        about: Mapping[str, Any] = self._target.info["dqkit"]
        return about

    @property
    def classes(self) -> Sequence[str]:
        """The class names, in the order of their keys."""
        return list(self._about.get("classes", []))

    def add_class(self, name: str, annotator: str) -> str:
        """Append a class; returns the name it stands under: an older one where only case or spaces differ."""
        return add_class(self._target, name, annotator)

    def cards(self, n: int, annotator: str, exclude: Collection[str]) -> list[Card]:
        """Up to n open samples in queue order that no other tab holds, without the ids in `exclude`.

        Fewer where it takes long, at least one.
        """
        self._leases.heard(self._client)
        found = self._samples.find(open_filter(), {"dqkit_id": 1}).sort("queue_rank", 1)
        keys = {row["dqkit_id"]: row["_id"] for row in found}
        left_out = set(exclude)
        taken = self._leases.take(self._samples.name, [key for key in keys if key not in left_out], n, self._client)
        rows = self._samples.find({"_id": {"$in": [keys[key] for key in taken]}}, dict.fromkeys(DEALT, 1))
        by_id = {row["dqkit_id"]: row for row in rows}
        near = {key for row in by_id.values() for key in (row.get("queue_evidence") or {}).get("near", ())}
        shown = dict.fromkeys(("dqkit_id", "filepath", "content", "label.label"), 1)
        others = {row["dqkit_id"]: row for row in self._samples.find({"dqkit_id": {"$in": sorted(near)}}, shown)}
        cards: list[Card] = []
        until = time.monotonic() + DEAL_SECONDS
        for key in taken:
            if cards and time.monotonic() > until:
                self._leases.drop(self._samples.name, [key])  # the page asks again
            elif key in by_id:
                cards.append(make_card(by_id[key], self._about, others))
        return cards

    def record(self, answer: Answer, annotator: str) -> None:
        """Write one answer: durable when it returns, once only per event_id; `InputError` when another came first."""
        self._leases.heard(self._client)
        if answer.kind == "label" and answer.label not in self.classes:
            raise InputError(f"{answer.label!r} is not a class of this dataset.")
        found = self._samples.find_one({"dqkit_id": answer.sample_id}, {"panel": 1, "queue_done": 1})
        if found is None:
            raise InputError(f"{answer.sample_id!r} is not in this dataset any more.")
        if answer.event_id in _panel(found).get("seen", ()):
            return
        if answer.kind == "undo":
            self._undo(found["_id"], answer, annotator, pulled=bool(found.get("queue_done")))
        elif answer.kind == "note":
            write_note(self._samples, found["_id"], answer, annotator)
        elif not write_answer(self._samples, open_filter() | {"_id": found["_id"]}, answer, annotator):
            raise InputError(self._who_has(answer.sample_id))

    def gone(self) -> list[str]:
        """The sample ids this tab was given that are answered by now, wherever; each is said once."""
        held = self._leases.held(self._samples.name, self._client)
        if not held:
            return []
        still = self._samples.find(open_filter() | {"dqkit_id": {"$in": list(held)}}, {"dqkit_id": 1})
        answered = held - {row["dqkit_id"] for row in still}
        self._leases.drop(self._samples.name, answered)
        return sorted(answered)

    def progress(self) -> tuple[int, int]:
        """How many samples of this queue are answered, and how many it holds."""
        total = self._samples.count_documents({"queue_rank": {"$ne": None}})
        return total - self._samples.count_documents(open_filter()), total

    def history(self, annotator: str, n: int) -> list[Answer]:
        """This annotator's latest n answers in the App that are not undone, oldest first."""
        query = {"panel.answer.annotator": annotator}
        newest = self._samples.find(query, {"dqkit_id": 1, "panel": 1}).sort("panel.answer.at", -1).limit(n)
        rows = [(row["dqkit_id"], _panel(row)["answer"]) for row in newest]
        return [Answer(a["event"], sample_id, a["kind"], a["label"]) for sample_id, a in reversed(rows)]

    def _undo(self, key: Any, answer: Answer, annotator: str, *, pulled: bool) -> None:
        """The label of before returns and the sample is open again; what the journal has is withdrawn by a pull."""
        mine: dict[str, Any] = {
            "_id": key,
            "panel.answer.event": answer.undoes,
            "panel.answer.annotator": annotator,
            # Edited since with FiftyOne's own editor: that edit is not ours to take back.
            "$expr": {
                "$or": [{"$ne": ["$panel.answer.kind", "label"]}, {"$eq": ["$label.label", "$panel.answer.label"]}]
            },
        }
        undo = {"event": {"$literal": answer.event_id}, "undoes": "$panel.answer.event"}
        undo |= {"annotator": "$panel.answer.annotator", "at": "$$NOW"}
        undos = {"$concatArrays": [{"$ifNull": ["$panel.undos", []]}, [undo]]}
        again: dict[str, Any] = {
            "label": "$panel.answer.before",
            "queue_done": False,
            "last_modified_at": "$$NOW",
            "tags": _without([*DECISION_TAGS, *PULLED_TAGS.values()]),
            "panel": _merged({"answer": None, "undos": undos, "seen": _seen(answer.event_id)}),
        }
        if pulled:
            again["pushed_label"] = {"$ifNull": ["$panel.answer.before.label", ""]}
        # `queue_done` in the filter: pulled in between, the undo would forget what the journal now has.
        state = {"queue_done": True} if pulled else {"queue_done": {"$ne": True}}
        if self._samples.find_one_and_update(mine | state, [{"$set": again}], {"_id": 1}) is None:
            raise InputError("That answer cannot be undone here any more; undo it in the notebook with wb.undo().")

    def _who_has(self, sample_id: str) -> str:
        row = self._samples.find_one({"dqkit_id": sample_id}, {"panel": 1, "label.label": 1}) or {}
        made = _panel(row).get("answer")
        if made is None:
            return "Answered elsewhere meanwhile; your answer was not kept."
        said = {"label": made["label"], "skip": "skipped it", "flag": "flagged it"}[made["kind"]]
        return f"{made['annotator']} answered this sample already ({said}); your answer was not kept."


def open_filter() -> dict[str, Any]:
    """A MongoDB filter: queued, and answered neither here, nor in the notebook, nor with FiftyOne's own editor."""
    label, pushed = {"$ifNull": ["$label.label", ""]}, {"$ifNull": ["$pushed_label", ""]}
    return {
        "queue_rank": {"$ne": None},
        "queue_done": {"$ne": True},
        "panel.answer": None,
        "tags": {"$nin": list(DECISION_TAGS)},
        "$expr": {"$eq": [label, pushed]},
    }


def write_answer(collection: Any, where: Mapping[str, Any], answer: Answer, annotator: str) -> bool:
    """Write the answer into the one sample that the filter finds; False when it finds none (any more)."""
    import fiftyone as fo

    said = {"event": answer.event_id, "kind": answer.kind, "label": answer.label, "annotator": annotator}
    fixed = {name: {"$literal": value} for name, value in said.items()}  # a class may be called "$x"
    answered = {"$gt": ["$panel.answer", None]}
    before = {"$cond": [answered, "$panel.answer.before", "$label"]}
    same = {"$eq": [{"$ifNull": ["$label.label", ""]}, {"$literal": answer.label or ""}]}
    tag: Any = {"$literal": [answer.kind]}
    changes: dict[str, Any] = {"last_modified_at": "$$NOW"}
    if answer.kind == "label":
        pushed = {"$eq": [{"$ifNull": ["$pushed_label", ""]}, {"$literal": answer.label}]}
        tag = {"$cond": [pushed, ["confirm"], []]}
        template = dict(fo.Classification(label="").to_dict())
        label = classification(template, answer.label, source="fiftyone", annotator=annotator)
        changes["label"] = {"$cond": [same, "$label", {"$literal": label}]}
    changes["tags"] = {"$concatArrays": [_without(DECISION_TAGS), tag]}
    made = {**fixed, "at": "$$NOW", "before": before}
    changes["panel"] = _merged({"answer": made, "seen": _seen(answer.event_id)})
    return collection.find_one_and_update(dict(where), [{"$set": changes}], {"_id": 1}) is not None


def write_note(collection: Any, key: Any, answer: Answer, annotator: str) -> None:
    """Keep a note until it is pulled; it answers nothing."""
    said = {"event": answer.event_id, "why": answer.why, "annotator": annotator}
    note = {**{name: {"$literal": value} for name, value in said.items()}, "at": "$$NOW"}
    notes = {"$concatArrays": [{"$ifNull": ["$panel.notes", []]}, [note]]}
    panel = _merged({"notes": notes, "seen": _seen(answer.event_id)})
    collection.update_one({"_id": key}, [{"$set": {"panel": panel}}])


def _panel(row: Mapping[str, Any]) -> dict[str, Any]:
    return row.get("panel") or {}


def _merged(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {"$mergeObjects": [{"$ifNull": ["$panel", {}]}, changes]}


def _seen(event_id: str) -> dict[str, Any]:
    """The latest event ids of the sample: an answer that is sent again after its undo must not come back."""
    longer = {"$concatArrays": [{"$ifNull": ["$panel.seen", []]}, {"$literal": [event_id]}]}
    return {"$slice": [longer, -REMEMBERED]}


def _without(tags: Sequence[str]) -> dict[str, Any]:
    kept = {"$not": [{"$in": ["$$tag", list(tags)]}]}
    return {"$filter": {"input": {"$ifNull": ["$tags", []]}, "as": "tag", "cond": kept}}
