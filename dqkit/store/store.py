"""The system of record: label events that are never changed, the queue with leases, the rounds."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from types import TracebackType
from typing import Any

import pandas as pd
import sqlalchemy as sa

from dqkit.records import HUMAN_SOURCES, InputError, LabelEvent, StoreError
from dqkit.store import schema
from dqkit.store import seats as seating
from dqkit.store.schema import events, live, newest_round, queue, rounds, seats

LEASE_SECONDS = 900.0


class Store:
    """One workbench database; safe for several threads and several processes at once.

    url: an SQLAlchemy URL, e.g. "sqlite:////path/labels.sqlite". Every method that writes returns only when
    what it wrote is on disk, and writes all or nothing.
    """

    def __init__(self, url: str) -> None:
        self._engine = schema.connect(url)
        # Readers see the last commit without waiting for a writer, and make no writer wait.
        self._reader = self._engine.execution_options(reads_only=True)

    def close(self) -> None:
        """Release the database; the store cannot be used afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- label events

    def record(self, new: Sequence[LabelEvent]) -> int:
        """Append events and mark their samples in the queue; returns how many were new.

        An event whose `event_id` is already in the journal is left out, so sending again is harmless.
        """
        with self._engine.begin() as connection:
            known = _known_ids(connection, [event.event_id for event in new])
            fresh = list({event.event_id: event for event in new if event.event_id not in known}.values())
            if fresh:
                connection.execute(events.insert(), [_row(event) for event in fresh])
                for event in fresh:
                    if event.source != "weak" and event.kind in seating.STATE_AFTER:
                        seating.after_answer(connection, event.sample_id, event.kind)
            return len(fresh)

    def undo(self, event: LabelEvent) -> LabelEvent:
        """Withdraw the event that `event.undoes` names and reopen its sample; returns the undo as recorded.

        Raises `InputError` when that event is not in the journal. Undoing it a second time changes nothing.
        """
        with self._engine.begin() as connection:
            target = connection.execute(sa.select(events).where(events.c.event_id == event.undoes)).mappings().first()
            if target is None or target["kind"] == "undo":
                raise InputError(
                    f"undo must name a recorded decision; got event {event.undoes!r}. Nothing was changed."
                )
            before = connection.execute(sa.select(events).where(events.c.undoes == event.undoes)).mappings().first()
            if before is not None:
                return _event(before)
            if _known_ids(connection, [event.event_id]):
                raise InputError(f"event_id {event.event_id!r} stands for another event already; nothing was changed.")
            connection.execute(events.insert(), [_row(event)])
            if target["source"] != "weak":
                seating.settle(connection, target["sample_id"])
            return event

    def find(self, event_id: str) -> LabelEvent | None:
        """The event with this id, or None."""
        with self._reader.connect() as connection:
            row = connection.execute(sa.select(events).where(events.c.event_id == event_id)).mappings().first()
        return None if row is None else _event(row)

    def latest_live(self, annotator: str, *, limit: int, sources: Sequence[str] = HUMAN_SOURCES) -> list[LabelEvent]:
        """An annotator's newest decisions that are not undone, newest first."""
        query = (
            sa.select(events)
            .where(events.c.annotator == annotator, events.c.source.in_(sources), *live())
            .order_by(events.c.seq.desc())
            .limit(limit)
        )
        with self._reader.connect() as connection:
            return [_event(row) for row in connection.execute(query).mappings()]

    def events(self, *, sample_id: str | None = None) -> pd.DataFrame:
        """Every event (of one sample), oldest first, one row each, with the columns of `LabelEvent`."""
        query = sa.select(events).order_by(events.c.seq)
        if sample_id is not None:
            query = query.where(events.c.sample_id == sample_id)
        with self._reader.connect() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return pd.DataFrame(rows, columns=[c.name for c in events.columns]).drop(columns="seq")

    def current_labels(self, *, weak: bool) -> pd.DataFrame:
        """The newest live label event per sample, of people (weak=False) or of labelling functions (weak=True).

        Columns sample_id, event_id, label, source, annotator, at, round, why.
        """
        is_weak = events.c.source == "weak"
        newest = (
            sa.select(sa.func.max(events.c.seq))
            .where(events.c.kind == "label", is_weak if weak else ~is_weak, *live())
            .group_by(events.c.sample_id)
        )
        columns = ["sample_id", "event_id", "label", "source", "annotator", "at", "round", "why"]
        query = sa.select(*[events.c[name] for name in columns]).where(events.c.seq.in_(newest)).order_by(events.c.seq)
        with self._reader.connect() as connection:
            return pd.DataFrame([tuple(row) for row in connection.execute(query)], columns=columns)

    def human_votes(self, *, sample_ids: Sequence[str] | None = None) -> pd.DataFrame:
        """Each person's newest live label per sample (of at most 500 `sample_ids`): sample_id, annotator, label."""
        newest = (
            sa.select(sa.func.max(events.c.seq))
            .where(events.c.kind == "label", events.c.source != "weak", *live())
            .group_by(events.c.sample_id, events.c.annotator)
        )
        if sample_ids is not None:
            newest = newest.where(events.c.sample_id.in_(list(sample_ids)))
        query = sa.select(events.c.sample_id, events.c.annotator, events.c.label).where(events.c.seq.in_(newest))
        with self._reader.connect() as connection:
            rows = [tuple(row) for row in connection.execute(query.order_by(events.c.seq))]
        return pd.DataFrame(rows, columns=["sample_id", "annotator", "label"])

    def confirmations(self) -> pd.Series[int]:
        """By sample_id: how many live answers of people say the newest one; one person's count once a round."""
        columns = (events.c.sample_id, events.c.annotator, events.c.round, events.c.label)
        query = sa.select(*columns).where(events.c.kind == "label", events.c.source.in_(HUMAN_SOURCES), *live())
        with self._reader.connect() as connection:
            rows = [tuple(row) for row in connection.execute(query.order_by(events.c.seq))]
        said = pd.DataFrame(rows, columns=["sample_id", "annotator", "round", "label"])
        said = said.drop_duplicates(["sample_id", "annotator", "round"], keep="last")
        newest = said.drop_duplicates("sample_id", keep="last").set_index("sample_id")["label"]
        agree = said["label"] == said["sample_id"].map(newest)
        return agree.groupby(said["sample_id"]).sum().astype(int)

    def latest_decisions(self) -> pd.DataFrame:
        """The newest live decision of anybody (label, skip or flag) per sample: sample_id, kind, round."""
        newest = (
            sa.select(sa.func.max(events.c.seq))
            .where(events.c.kind.in_(("label", "skip", "flag")), events.c.source.in_(HUMAN_SOURCES), *live())
            .group_by(events.c.sample_id)
        )
        query = sa.select(events.c.sample_id, events.c.kind, events.c.round).where(events.c.seq.in_(newest))
        with self._reader.connect() as connection:
            rows = [tuple(row) for row in connection.execute(query.order_by(events.c.seq))]
        return pd.DataFrame(rows, columns=["sample_id", "kind", "round"])

    # --- queue

    def enqueue(self, round_number: int, rows: Iterable[tuple[str, str, bool]]) -> None:
        """Make (sample_id, action, control) rows, in this order, the queue of a round; its old queue is replaced."""
        values = [
            {"round": round_number, "sample_id": s, "position": i, "action": a, "control": bool(c), "state": "open"}
            for i, (s, a, c) in enumerate(rows)
        ]
        with self._engine.begin() as connection:
            connection.execute(queue.delete().where(queue.c.round == round_number))
            connection.execute(seats.delete().where(seats.c.round == round_number))
            if values:
                connection.execute(queue.insert(), values)

    def lease(
        self,
        n: int,
        annotator: str,
        *,
        exclude: Collection[str] = (),
        seconds: float = LEASE_SECONDS,
        only: Sequence[str] | None = None,
    ) -> list[str]:
        """Up to `n` open sample ids of the newest queue, in order, held for this annotator for `seconds`.

        A sample is passed over while as many others hold it or have answered it as people are wanted (one, unless
        `overlap` said otherwise), and when this person has answered it; one's own are handed out again.
        only: hand out none but these, in their order of the queue within each 500.
        """
        with self._engine.begin() as connection:
            return seating.hand_out(connection, n, annotator, exclude=exclude, seconds=seconds, only=only)

    def release(self, annotator: str) -> None:
        """Give back every lease of an annotator, so that others need not wait for it to run out."""
        with self._engine.begin() as connection:
            connection.execute(seats.delete().where(seats.c.annotator == annotator, ~seats.c.answered))

    def answered_by_others(self, sample_ids: Sequence[str], annotator: str) -> list[str]:
        """Those of at most 500 samples of the newest queue that somebody else has answered while more are wanted."""
        with self._reader.connect() as connection:
            query = sa.select(seats.c.sample_id).where(
                seats.c.round == newest_round(connection),
                seats.c.sample_id.in_(list(sample_ids)),
                seats.c.annotator != annotator,
                seats.c.answered,
            )
            return list(connection.execute(query.distinct()).scalars())

    def overlap(self, people: int, *, share: float = 1.0) -> None:
        """Let `share` of the newest queue's rows, evenly spread, want answers of `people` different persons each.

        The rest want one. Rows that have fewer answers than they want now are open again. Raises `InputError` unless
        people is a whole number of at least 1 and 0 < share <= 1.
        """
        if isinstance(people, bool) or not isinstance(people, int) or people < 1:
            raise InputError(f"overlap must be a whole number of people, at least 1; got {people!r}.")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise InputError(f"overlap_share must be a share above 0, up to 1; got {share!r}.")
        with self._engine.begin() as connection:
            seating.want(connection, people, share=float(share))

    def progress(self) -> tuple[int, int]:
        """How many answers the newest queue has, and how many it wants: its rows, each times the people wanted."""
        with self._reader.connect() as connection:
            return seating.counted(connection)

    def queue_states(self, round_number: int | None = None) -> pd.DataFrame:
        """The queue of a round (default the newest), in order: sample_id, action, control, state, wanted, leased_by.

        leased_by: who holds it now, ", " between several, None where nobody does.
        """
        names = ["sample_id", "action", "control", "state", "wanted"]
        with self._reader.connect() as connection:
            number = newest_round(connection) if round_number is None else round_number
            query = sa.select(*[queue.c[name] for name in names]).where(queue.c.round == number)
            rows = [tuple(row) for row in connection.execute(query.order_by(queue.c.position))]
            held = seating.holders(connection, number)
        table = pd.DataFrame(rows, columns=names)
        names_of = {sample_id: ", ".join(people) for sample_id, people in held.items()}
        table["leased_by"] = pd.Series([names_of.get(s) for s in table["sample_id"]], dtype=object)
        return table

    # --- rounds

    def start_round(self, number: int, *, budget: int, seed: int, started: str, settings: dict[str, Any]) -> None:
        """Write down that a round has begun; raises `StoreError` when that number exists."""
        values = {"budget": budget, "seed": seed, "started": started, "settings": json.dumps(settings, sort_keys=True)}
        try:
            with self._engine.begin() as connection:
                connection.execute(rounds.insert().values(round=number, status="running", metrics="{}", **values))
        except sa.exc.IntegrityError as error:
            raise StoreError(f"Round {number} exists already; another process may be running it.") from error

    def finish_round(self, number: int, *, finished: str, metrics: dict[str, Any]) -> None:
        """Write down that a round is complete, with its figures."""
        with self._engine.begin() as connection:
            connection.execute(
                rounds.update()
                .where(rounds.c.round == number)
                .values(status="done", finished=finished, metrics=json.dumps(metrics, allow_nan=False))
            )

    def drop_round(self, number: int) -> None:
        """Forget an unfinished round; a finished one stays. No label event is touched."""
        with self._engine.begin() as connection:
            connection.execute(rounds.delete().where(rounds.c.round == number, rounds.c.status == "running"))

    def rounds(self) -> list[dict[str, Any]]:
        """Every round, oldest first: round, status, budget, seed, started, finished, settings, metrics."""
        with self._reader.connect() as connection:
            rows = [dict(row) for row in connection.execute(sa.select(rounds).order_by(rounds.c.round)).mappings()]
        return [{**row, "settings": json.loads(row["settings"]), "metrics": json.loads(row["metrics"])} for row in rows]


def _known_ids(connection: sa.Connection, ids: list[str]) -> set[str]:
    known: set[str] = set()
    for start in range(0, len(ids), 500):  # SQLite bounds the number of parameters of one statement
        part = ids[start : start + 500]
        known |= set(connection.execute(sa.select(events.c.event_id).where(events.c.event_id.in_(part))).scalars())
    return known


def _row(event: LabelEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in LabelEvent.__dataclass_fields__}


def _event(row: Any) -> LabelEvent:
    return LabelEvent(**{name: row[name] for name in LabelEvent.__dataclass_fields__})
