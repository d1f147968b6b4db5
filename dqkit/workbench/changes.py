"""A label pull request: what changed since when, and what a reviewer makes of it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from dqkit.checks.scalars import is_iterable, shown
from dqkit.export import journal
from dqkit.records import Dataset, InputError, LabelEvent
from dqkit.workbench.decisions import check_annotator, check_texts

COLUMNS = (
    "sample_id",
    "given",
    "now",
    "annotator",
    "source",
    "at",
    "round",
    "why",
    "event_id",
    "before",
    "reviewed_by",
)

Since = int | str | datetime | None
Rows = str | bool | Sequence[str] | pd.DataFrame


def changes(dataset: Dataset, events: pd.DataFrame, since: Since = None, *, weak: bool = False) -> pd.DataFrame:
    """See `Workbench.changes`. events: the journal, oldest first."""
    before = _labels(dataset, earlier(events, since), weak=weak)
    now = _labels(dataset, events, weak=weak)
    names = np.array([*dataset.classes, None], dtype=object)
    differs = before["label"].fillna("\0").ne(now["label"].fillna("\0")).to_numpy()
    table = now[differs]
    given = pd.Series(names[dataset.labels], index=dataset.ids, dtype=object)
    undone = events[events["kind"] == "undo"].drop_duplicates("sample_id", keep="last").set_index("sample_id")
    columns: dict[str, Any] = {"sample_id": table.index, "given": given[differs], "now": table["label"]}
    for name in ("annotator", "source", "at", "round", "why", "event_id"):
        # A label that is no longer an event's was put back by an undo.
        columns[name] = table[name].where(table["event_id"].notna(), undone[name].reindex(table.index))
    columns["before"] = before["label"][differs]
    approved = (
        journal.approvals(events).groupby("approved")["annotator"].agg(lambda names: ", ".join(dict.fromkeys(names)))
    )
    columns["reviewed_by"] = columns["event_id"].map(approved)
    out = pd.DataFrame({k: pd.Series(np.asarray(v, dtype=object), dtype=object) for k, v in columns.items()})
    out = out.where(out.notna(), None)
    order = {event_id: i for i, event_id in enumerate(events["event_id"])}
    out = out.iloc[np.argsort(out["event_id"].map(order).to_numpy(), kind="stable")].reset_index(drop=True)
    return out.astype({"round": np.int64})


def earlier(events: pd.DataFrame, since: Since) -> pd.DataFrame:
    """The events before a round number or a moment; none for None."""
    if since is None:
        return events.iloc[:0]
    if isinstance(since, bool) or not isinstance(since, int | np.integer | str | datetime):
        raise InputError(
            f"since must be a round number, a datetime or a text such as '2024-05-03T12:00'; got {since!r}."
        )
    if isinstance(since, int | np.integer):
        if since < 0:
            raise InputError(f"since must be a round number, 0 or more; got {since}.")
        return events[events["round"].cummax() < since]
    # Answers that came in later keep the time they were given at; the journal's order says when they came.
    return events[events["at"].cummax() < moment("since", since)]


def moment(name: str, value: str | datetime) -> str:
    """A time as events write it; one without a time zone is UTC already."""
    try:
        stamp = pd.Timestamp(value)
        if pd.isna(stamp):
            raise ValueError("it is empty")
        found = stamp.to_pydatetime(warn=False)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{name} must be a time such as '2024-05-03T12:00'; got {value!r} ({error}).") from error
    return str(found.isoformat(timespec="milliseconds"))


def _labels(dataset: Dataset, events: pd.DataFrame, *, weak: bool) -> pd.DataFrame:
    """The label of every sample after these events, and the event that it is from, if any."""
    columns = ["label", "annotator", "source", "at", "round", "why", "event_id"]
    people = journal.standing_labels(events)[columns].reindex(dataset.ids)
    names = np.array([*dataset.classes, None], dtype=object)
    given = pd.Series(names[dataset.labels], index=dataset.ids, dtype=object)
    if weak:
        machine = journal.standing_labels(events, weak=True)[columns].reindex(dataset.ids)
        blank = (people["event_id"].isna() & given.isna()).to_numpy()
        people = people.astype(object)
        people[blank] = machine.astype(object)[blank]
    people["label"] = people["label"].astype(object).where(people["event_id"].notna(), given)
    return people


def chosen(table: pd.DataFrame, rows: Rows, name: str) -> list[int]:
    """Positions in `table` of what a reviewer named: True for all, an annotator, sample ids, or rows of the table."""
    if isinstance(rows, bool):
        return list(range(len(table))) if rows else []
    if isinstance(rows, pd.DataFrame):
        if "sample_id" not in rows:
            raise InputError(f"{name} must be rows of wb.changes(); the frame has no column sample_id.")
        rows = [str(value) for value in rows["sample_id"]]
    if isinstance(rows, str):
        by, is_sample = table["annotator"].eq(rows), table["sample_id"].eq(rows)
        if by.any() and is_sample.any():
            raise InputError(f"{name}={rows!r} is an annotator and a sample; pass [{rows!r}] for the sample.")
        if by.any():
            return [int(i) for i in np.flatnonzero(by)]
        rows = [rows]
    named = list(rows) if is_iterable(rows) else [rows]
    if not all(isinstance(row, str) for row in named):
        raise InputError(
            f"{name} must be True, an annotator, sample ids or rows of wb.changes(); got {shown(rows)}. "
            "Nothing was written."
        )
    at = {sample_id: i for i, sample_id in enumerate(table["sample_id"])}
    unknown = [row for row in named if row not in at]
    if unknown:
        raise InputError(
            f"{name} must name annotators or samples of these changes; got {unknown[0]!r}. Nothing was written."
        )
    return sorted({at[row] for row in named})


def review(
    table: pd.DataFrame,
    current: pd.DataFrame,
    events: pd.DataFrame,
    *,
    approve: Rows,
    revert: Rows,
    reviewer: str,
    why: str,
) -> tuple[pd.DataFrame, list[dict[str, Any]], list[dict[str, Any]]]:
    """What becomes of each row, the notes that approve and the undos that revert (without id, time and round).

    table: the changes that were looked at. current: `changes` as they are now.
    """
    check_annotator(reviewer)
    check_texts({"why": why})
    missing = {"sample_id", "event_id", "annotator"} - set(table.columns)
    if missing:
        raise InputError(f"changes must be what wb.changes() returned; column {min(missing)!r} is missing.")
    table = table.reset_index(drop=True)
    good, bad = chosen(table, approve, "approve"), chosen(table, revert, "revert")
    both = sorted(set(good) & set(bad))
    if both:
        raise InputError(
            f"{table['sample_id'][both[0]]!r} is to be approved and reverted; decide. Nothing was written."
        )
    standing = current.set_index("sample_id")["event_id"].to_dict()
    said = journal.live(events)
    seconded = {(row.approved, row.annotator) for row in journal.approvals(events).itertuples()}
    notes: list[dict[str, Any]] = []
    undos: list[dict[str, Any]] = []
    outcomes: list[tuple[int, str, str | None]] = []
    for i in sorted(good + bad):
        row = table.iloc[i]
        event_id, author = row["event_id"], str(row["annotator"])
        if standing.get(row["sample_id"]) != event_id:
            outcomes.append((i, "not reviewed", "changed again since this list was made"))
        elif i in good and journal.same_person(author, reviewer):
            outcomes.append((i, "not reviewed", "its author cannot approve it; another person has to"))
        elif i in good and (event_id, reviewer) in seconded:
            outcomes.append((i, "approved before", None))
        elif i in good:
            text = f"{journal.APPROVAL}{event_id}" + (f": {why}" if why else "")
            notes.append({"sample_id": row["sample_id"], "why": text})
            outcomes.append((i, "approved", None))
        else:
            mine = said["sample_id"].eq(row["sample_id"]) & said["annotator"].eq(author) & said["kind"].eq("label")
            if not mine.any():
                outcomes.append((i, "not reviewed", "it is an undo; record the label that is right instead"))
                continue
            for event in said[mine].itertuples():
                text = why or f"reverts {event.label} by {author}"
                undos.append(
                    {"sample_id": row["sample_id"], "undoes": event.event_id, "source": event.source, "why": text}
                )
            outcomes.append((i, "reverted", None))
    frame = table.iloc[[i for i, _, _ in outcomes]].reset_index(drop=True)
    frame["outcome"] = pd.Series([outcome for _, outcome, _ in outcomes], dtype=object)
    frame["problem"] = pd.Series([problem for _, _, problem in outcomes], dtype=object)
    return frame, notes, undos


def events_of(rows: Sequence[dict[str, Any]], kind: str, *, annotator: str, at: str, number: int) -> list[LabelEvent]:
    """Note or undo events from the rows of `review`."""
    return [
        LabelEvent(
            event_id=uuid.uuid4().hex,
            kind=kind,  # type: ignore[arg-type]  # "note" or "undo"
            label=None,
            annotator=annotator,
            at=at,
            round=number,
            **{"source": "human", **row},
        )
        for row in rows
    ]
