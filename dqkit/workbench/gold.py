"""Gold questions, whose answer is sure: they say how good a person is and never become a label."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dqkit.records import InputError, LabelEvent
from dqkit.relabel import Answer, Card
from dqkit.store import gold as gold_answers
from dqkit.store import settings
from dqkit.workbench.decisions import check_annotator, checked_event
from dqkit.workbench.media import shown_of
from dqkit.workbench.project import now
from dqkit.workbench.state import State

SETTING = "gold"
OLD_FILE = "known.json"  # where an older dqkit kept them
EVERY = 10  # one gold question among so many samples, the first after half of them
DECISIONS = ("label", "skip", "flag")


@dataclass(frozen=True)
class Said:
    """beside_queue: the answer was to a gold question outside the queue, and is written down. notice: what to tell the
    person."""

    beside_queue: bool
    notice: str | None


def check(state: State, gold: Mapping[str, str]) -> None:
    """Raise `InputError` unless gold maps sample ids to class names."""
    if not isinstance(gold, Mapping):
        raise InputError(f"gold must map sample ids to class names; got {type(gold).__name__}.")
    state.dataset.positions(list(gold))
    for sample_id, label in gold.items():
        if label not in state.dataset.classes:
            raise InputError(f"gold must name classes of this workbench; got {label!r} for {sample_id!r}.")


def keep(state: State, gold: Mapping[str, str]) -> None:
    """Write the gold answers into the journal, in the place of earlier ones."""
    settings.keep(state.store, SETTING, dict(gold))


def answers(state: State) -> dict[str, str]:
    """Sample id -> class name of every gold question."""
    found = settings.find(state.store, SETTING)
    if found is not None:
        return dict(found)
    file = state.path / OLD_FILE
    return dict(json.loads(file.read_text("utf-8"))) if file.exists() else {}


def with_questions(state: State, dealt: Sequence[Card], annotator: str, exclude: Collection[str]) -> list[Card]:
    """The cards with a gold question after every tenth, as long as this person has not been asked all of them."""
    outside = _outside(state)
    if not outside or not dealt:
        return list(dealt)
    rows = gold_answers.rows(state.store, annotator=annotator)
    live = set(rows.loc[~rows["withdrawn"].astype(bool), "sample_id"])
    waiting = [sample_id for sample_id in outside if sample_id not in live and sample_id not in exclude]
    asked = len(live & set(outside)) + len(set(exclude) & set(outside) - live)
    number = state.rounds[-1].number
    past = state.store.latest_live(annotator, limit=100_000)
    seen = {e.sample_id for e in past if e.round == number and e.kind in DECISIONS} | (set(exclude) - set(outside))
    count, out = len(seen), []
    for card in dealt:
        out.append(card)
        count += 1
        if waiting and count >= EVERY * asked + EVERY // 2:
            out.append(_question(state, waiting.pop(0)))
            asked += 1
    return out


def answered(state: State, answer: Answer, annotator: str) -> Said:
    """Write an answer to a gold question down as such; one that also stands in the queue is an event beside it."""
    expected = answers(state).get(answer.sample_id) if answer.kind in DECISIONS else None
    if expected is None:
        return Said(False, None)
    check_annotator(annotator)
    asked = LabelEvent(
        event_id=answer.event_id,
        sample_id=answer.sample_id,
        kind=answer.kind,  # type: ignore[arg-type]  # checked next
        label=answer.label,
        source="human",
        annotator=annotator,
        at=now(),
        round=0,
        why=answer.why,
    )
    checked_event(state.dataset, asked)
    fields = (answer.event_id, answer.sample_id, annotator, expected, answer.kind, answer.label, now())
    gold_answers.record(state.store, gold_answers.GoldAnswer(*fields))
    differs = answer.kind == "label" and answer.label != expected
    notice = f"That was a gold question. Its answer is {expected} (you said {answer.label})." if differs else None
    return Said(answer.sample_id in _outside(state), notice)


def withdraw(state: State, undo: Answer) -> bool:
    """Take an answer to a gold question back; True when there is nothing else to undo."""
    if gold_answers.find(state.store, str(undo.undoes)) is None:
        return False
    gold_answers.withdraw(state.store, str(undo.undoes))
    return state.store.find(str(undo.undoes)) is None


def history(state: State, annotator: str) -> list[tuple[str, Answer]]:
    """(at, answer) of this person's live answers to gold questions that are no events."""
    rows = gold_answers.rows(state.store, annotator=annotator)
    outside = set(_outside(state))
    return [
        (str(row.at), Answer(str(row.event_id), str(row.sample_id), str(row.kind), row.answer))  # type: ignore[arg-type]
        for row in rows.itertuples()
        if not row.withdrawn and row.sample_id in outside
    ]


def live_count(state: State) -> int:
    """How many answers to gold questions outside the queue stand."""
    outside = set(_outside(state))
    if not outside:
        return 0
    rows = gold_answers.rows(state.store)
    return int((~rows["withdrawn"].astype(bool) & rows["sample_id"].isin(outside)).sum())


def _outside(state: State) -> dict[str, str]:
    """The gold questions whose samples are not in the queue themselves."""
    found = answers(state)
    if not found or not state.rounds:
        return {}
    queued = set(state.rounds[-1].queue["sample_id"])
    return {sample_id: label for sample_id, label in found.items() if sample_id not in queued}


def _question(state: State, sample_id: str) -> Card:
    """As a person sees the random audit sample: nothing is suggested, and nothing tells it apart."""
    shown = shown_of(state, int(state.dataset.positions([sample_id])[0]))
    return Card(sample_id, "label", None, None, None, (), shown.media, shown.mime, mode="blind", note=shown.note)
