"""A colleague's answers: which of them become events, and what became of the others."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from dqkit.export import journal
from dqkit.export.reading import Answer
from dqkit.records import Dataset, InputError, LabelEvent
from dqkit.workbench.changes import moment
from dqkit.workbench.decisions import check_annotator, check_texts

YEAR_FIRST = re.compile(r"\s*\d{4}\D|\s*\d{8}")
RECORDED, THERE, UNCHANGED, NO_ANSWER, REFUSED = "recorded", "already there", "unchanged", "no answer", "not recorded"


class Journal:
    """What the answers are held against, looked up by sample."""

    def __init__(self, dataset: Dataset, events: pd.DataFrame) -> None:
        self.classes = set(dataset.classes)
        self.known = set(dataset.ids)
        names = [*dataset.classes, None]
        self.label = {s: names[code] for s, code in zip(dataset.ids, dataset.labels, strict=True)}
        standing = journal.standing_labels(events)
        self.label |= standing["label"].to_dict()
        said = journal.votes(events)
        self.votes = {(row.sample_id, row.annotator): row.label for row in said.itertuples()}
        self.withdrawn = set(events["undoes"].dropna())
        kept = events[events["kind"].isin(("label", "undo")) & events["source"].isin(journal.PEOPLE)]
        newest = kept.drop_duplicates("sample_id", keep="last").set_index("sample_id")
        columns = ["at", "annotator", "event_id"]
        self.newest = {
            s: tuple(row) for s, row in zip(newest.index, newest[columns].itertuples(index=False), strict=True)
        }
        self.without_zeros = {s.lstrip("0"): s for s in self.known if s.isdigit()}
        self.at = dict(zip(events["event_id"], events["at"], strict=True))
        self.by_id = {row.event_id: (row.sample_id, row.label, row.annotator) for row in events.itertuples()}


def decide(
    dataset: Dataset, events: pd.DataFrame, answers: Sequence[Answer], *, annotator: str | None, now: str, number: int
) -> tuple[list[LabelEvent], pd.DataFrame]:
    """The events to record, and one row an answer: sample_id, label, annotator, at, event_id, outcome, problem.

    Raises `InputError` where an answer has no author.
    """
    if annotator is not None:
        check_annotator(annotator)
    kept = Journal(dataset, events)
    answers = [_without_mark(answer, kept) for answer in answers]
    _check_authors(answers, annotator, kept)
    at_odds = _contradictions(answers, annotator)
    new: dict[str, LabelEvent] = {}
    rows = []
    for position, answer in enumerate(answers):
        author = _author(answer, annotator, kept)
        at, no_time = _time(answer, now, kept)
        problem = answer.problem or at_odds.get(position)
        event_id = answer.event_id
        if problem is None:
            outcome, problem, event_id = _judge(answer, author, kept, no_time)
        else:
            outcome = REFUSED
        if outcome == RECORDED and event_id in new:
            outcome = THERE
        if outcome == RECORDED and event_id is not None:
            new[event_id] = LabelEvent(
                event_id=event_id,
                sample_id=answer.sample_id,
                kind="label",
                label=answer.label,
                source="fiftyone" if answer.source == "fiftyone" else "human",
                annotator=str(author),
                at=at,
                round=number,
                why=answer.why,
            )
        rows.append((answer.sample_id, answer.label, author, at, event_id, outcome, problem))
    columns = ["sample_id", "label", "annotator", "at", "event_id", "outcome", "problem"]
    frame = pd.DataFrame({c: pd.Series(list(v), dtype=object) for c, v in zip(columns, _columns(rows), strict=True)})
    # In the order they were given, so that a person's last word stands.
    return sorted(new.values(), key=lambda event: event.at), frame


def _without_mark(answer: Answer, kept: Journal) -> Answer:
    """The answer without the "'" that a table for spreadsheets has before what looks like a formula."""
    bare: dict[str, Any] = {}
    if answer.sample_id.startswith("'") and answer.sample_id not in kept.known and answer.sample_id[1:] in kept.known:
        bare["sample_id"] = answer.sample_id[1:]
    label = answer.label or ""
    if label.startswith("'") and label not in kept.classes and label[1:] in kept.classes:
        bare["label"] = label[1:]
    return replace(answer, **bare) if bare else answer


def _edits(answer: Answer, kept: Journal) -> bool:
    """Whether it is another label in the row of an event of this journal: a decision that was made after it."""
    known = kept.by_id.get(str(answer.event_id))
    if known is None or known[0] != answer.sample_id:
        return False
    # The row of an undo states the label that it put back.
    return bool(answer.label != (kept.label[answer.sample_id] if known[1] is None else known[1]))


def _judge(
    answer: Answer, author: str | None, kept: Journal, no_time: str | None
) -> tuple[str, str | None, str | None]:
    """(outcome, problem, event id) of one answer. no_time: why its time cannot be read."""
    if answer.sample_id not in kept.known:
        like = kept.without_zeros.get(answer.sample_id.lstrip("0")) if answer.sample_id.isdigit() else None
        hint = f"; it has {like!r}: a spreadsheet may have dropped the zeros" if like else ""
        return REFUSED, f"this workbench has no such sample{hint}", answer.event_id
    if answer.label is None:
        return NO_ANSWER, None, answer.event_id
    if answer.label not in kept.classes:
        return REFUSED, f"no class of this workbench; if it is one, call wb.add_class({answer.label!r}) first", None
    if no_time is not None:
        return REFUSED, no_time, answer.event_id
    current = kept.label[answer.sample_id]
    event_id = answer.event_id
    known = kept.by_id.get(str(event_id))
    if known is not None and known[0] != answer.sample_id:
        mixed = f"its event_id is that of sample {known[0]!r}: the rows of the file were mixed up"
        return REFUSED, mixed, event_id
    if _edits(answer, kept):
        event_id = None  # another decision
    if event_id is None:
        event_id = _digest(answer, author)
    if event_id in kept.withdrawn:
        return REFUSED, "it was withdrawn here", event_id
    if event_id in kept.by_id:
        return THERE, None if current == answer.label else f"changed here since, to {current!r}", event_id
    if current == answer.label and not answer.asserted:
        return UNCHANGED, None, None
    if kept.votes.get((answer.sample_id, author)) == answer.label == current:
        return THERE, None, None
    newest = kept.newest.get(answer.sample_id)
    if _edits(answer, kept):
        later = newest is not None and newest[2] != answer.event_id
    else:
        later = newest is not None and bool(answer.as_of) and newest[0] > moment("at", str(answer.as_of))
    if newest is not None and later and current != answer.label:
        return REFUSED, f"conflict: {newest[1]} decided later here ({current!r}, {newest[0][:16]})", event_id
    return RECORDED, None, event_id


def _author(answer: Answer, annotator: str | None, kept: Journal) -> str | None:
    # Who edits a label in a list of changes is not the one who had given it.
    return annotator if _edits(answer, kept) or answer.annotator is None else answer.annotator


def _check_authors(answers: Sequence[Answer], annotator: str | None, kept: Journal) -> None:
    for row, answer in enumerate(answers, start=1):
        check_texts({"sample_id": answer.sample_id, "why": answer.why, "label": answer.label or ""})
        author = _author(answer, annotator, kept)
        if answer.label is not None and answer.problem is None and author is None:
            if not answer.asserted and kept.label.get(answer.sample_id) == answer.label:
                continue
            raise InputError(
                f"every answer needs an author; row {row} ({answer.sample_id!r}, {answer.label!r}) names none. "
                "Pass annotator='name'. Nothing was written."
            )
        if author is not None:
            check_annotator(author)


def _contradictions(answers: Sequence[Answer], annotator: str | None) -> dict[int, str]:
    """Positions of answers of one person at one time about one sample that differ."""
    said: dict[tuple[Any, ...], list[int]] = {}
    for i, answer in enumerate(answers):
        if answer.label is not None:
            author = " ".join((answer.annotator or annotator or "").casefold().split())
            said.setdefault((answer.sample_id, author, answer.at), []).append(i)
    return {
        i: "the same person gives this sample different labels"
        for where in said.values()
        for i in where
        if len({answers[j].label for j in where}) > 1
    }


def _time(answer: Answer, now: str, kept: Journal) -> tuple[str, str | None]:
    # In an edited row the time is that of the label which stood there; a spreadsheet rewrites times that nobody needs.
    if answer.at is None or answer.event_id in kept.by_id:
        return now if _edits(answer, kept) or answer.at is None else kept.at[str(answer.event_id)], None
    try:
        if not YEAR_FIRST.match(answer.at):
            raise InputError(
                f"at must begin with the year, as in '2024-05-03T12:00', so that day and month are told apart; "
                f"got {answer.at!r}"
            )
        return min(moment("at", answer.at), now), None
    except InputError as error:
        return now, str(error)


def _digest(answer: Answer, author: str | None) -> str:
    """What makes the same answer, sent again, the same event."""
    parts = ("dqkit answer", answer.sample_id, answer.label, author, answer.at)
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]


def _columns(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True)) if rows else [()] * 7
