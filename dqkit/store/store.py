"""The system of record of a workbench: label events that are never changed, the queue with leases, the rounds."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import pandas as pd
import sqlalchemy as sa

from dqkit.records import HUMAN_SOURCES, InputError, LabelEvent, StoreError
from dqkit.store import assignments, engine, events, leases, rounds
from dqkit.store.address import parse, shown
from dqkit.store.failures import FAILURES, translated
from dqkit.store.locks import only_one
from dqkit.store.opening import UNCLAIMED, opened
from dqkit.store.transactions import Transactions

Found = TypeVar("Found")
LEASE_SECONDS = 900.0


class Store:
    """The journal of one workbench; safe for several threads, processes and, on a server, machines at once.

    Every method that writes returns only when what it wrote is on disk, and writes all or nothing.

    Parameters
    ----------
    url
        A URL such as ``sqlite:////path/labels.sqlite`` or ``postgresql://name@host/database``, or a `sqlalchemy.URL`.
    workbench
        The id of the workbench whose rows these are; a database may hold several.
    may_create
        Whether the database's tables and the workbench's row are made where they are missing.

    Raises
    ------
    StoreError
        From every method, where the database cannot be read or written, or was closed; the text says what to do.
    """

    def __init__(self, url: str | sa.URL, workbench: str = UNCLAIMED, *, may_create: bool = True) -> None:
        address = parse(url)
        self.url = shown(address)
        try:
            self._transactions = Transactions(engine.make(address, may_create=may_create))
        except FAILURES as error:
            raise translated(error, address, doing="opened") from error
        try:
            self.number = opened(self._transactions, workbench, may_create=may_create)
        except BaseException:
            self.close()
            raise

    @property
    def is_server(self) -> bool:
        """Whether a server keeps the journal, for people on several machines."""
        return self._transactions.is_server

    @property
    def _engine(self) -> sa.Engine:
        return self._transactions.engine

    def close(self) -> None:
        """Release the database; the store cannot be used afterwards."""
        self._transactions.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, work: Callable[[sa.Connection], Found]) -> Found:
        """What `work` returns, committed; it may be called again after a lost connection."""
        return self._transactions.write(work)

    def read(self, work: Callable[[sa.Connection], Found]) -> Found:
        """What `work` returns of the last commit, or of the moment that `reading` holds."""
        return self._transactions.read(work)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let every reading of this thread inside the block see one and the same moment."""
        with self._transactions.reading():
            yield

    # --- label events

    def record(self, new: Sequence[LabelEvent]) -> int:
        """Append events and mark their samples in the queue.

        Parameters
        ----------
        new
            An event whose `event_id` is already in the journal is left out, so sending again is harmless.

        Returns
        -------
        int
            How many were new.
        """

        def work(connection: sa.Connection) -> int:
            fresh = events.append(connection, self.number, new)
            for event in fresh:
                if event.source != "weak" and event.kind in assignments.STATE_AFTER:
                    assignments.after_answer(connection, self.number, event.sample_id, event.kind)
            return len(fresh)

        return self.write(work)

    def undo(self, event: LabelEvent) -> LabelEvent:
        """Withdraw one event and reopen its sample.

        Parameters
        ----------
        event
            `event.undoes` names what is withdrawn. Undoing it a second time changes nothing.

        Returns
        -------
        LabelEvent
            The undo as recorded.

        Raises
        ------
        InputError
            Where the event is not in the journal.
        """

        def work(connection: sa.Connection) -> LabelEvent:
            stands, withdrawn = events.append_undo(connection, self.number, event)
            if withdrawn is not None and withdrawn.source != "weak":
                assignments.settle(connection, self.number, withdrawn.sample_id)
            return stands

        return self.write(work)

    def undo_all(self, undos: Sequence[LabelEvent]) -> list[LabelEvent]:
        """Append undo events in one transaction and reopen their samples; returns those that were new.

        What somebody else withdrew in the meantime is passed over. Raises `InputError` where an undo names no recorded
        decision; then nothing was written.
        """
        attempts = 0

        def work(connection: sa.Connection) -> list[LabelEvent]:
            nonlocal attempts
            attempts += 1
            # After a lost connection, what the first attempt wrote counts as new.
            stand = events.append_undos(connection, self.number, undos, again=attempts > 1)
            for sample_id in sorted({event.sample_id for event in stand}):
                assignments.settle(connection, self.number, sample_id)
            return stand

        return self.write(work)

    def find(self, event_id: str) -> LabelEvent | None:
        """The event with this id, or None."""
        return self.read(lambda connection: events.find(connection, self.number, event_id))

    def latest_live(self, annotator: str, *, limit: int, sources: Sequence[str] = HUMAN_SOURCES) -> list[LabelEvent]:
        """An annotator's newest decisions that are not undone, newest first."""
        return self.read(lambda c: events.latest_live(c, self.number, annotator, limit=limit, sources=sources))

    def live_decisions(
        self, annotator: str, *, since: str | None = None, until: str | None = None, round_number: int | None = None
    ) -> list[LabelEvent]:
        """A person's decisions that are not undone, oldest first.

        since, until: bounds on `at`, both included, in its own form (UTC, ISO 8601, milliseconds).
        """
        return self.read(
            lambda c: events.live_decisions(
                c, self.number, annotator, since=since, until=until, round_number=round_number
            )
        )

    def events(self, *, sample_id: str | None = None) -> pd.DataFrame:
        """Return every event, oldest first.

        Parameters
        ----------
        sample_id
            Of this sample alone.

        Returns
        -------
        DataFrame
            One row each, with the columns of `LabelEvent`.
        """
        return self.read(lambda connection: events.table(connection, self.number, sample_id=sample_id))

    def current_labels(self, *, weak: bool) -> pd.DataFrame:
        """Return the newest live label event of every sample that has one.

        Parameters
        ----------
        weak
            False for those of people, True for those of labelling functions.

        Returns
        -------
        DataFrame
            sample_id, event_id, label, source, annotator, at, round, why.
        """
        return self.read(lambda connection: events.current_labels(connection, self.number, weak=weak))

    def human_votes(self, *, sample_ids: Sequence[str] | None = None) -> pd.DataFrame:
        """Each person's newest live label per sample (of at most 500 `sample_ids`): sample_id, annotator, label."""
        return self.read(lambda connection: events.human_votes(connection, self.number, sample_ids=sample_ids))

    def confirmations(self) -> pd.Series[int]:
        """By sample_id: how many live answers of people say the newest one; one person's count once a round."""
        return self.read(lambda connection: events.confirmations(connection, self.number))

    def latest_decisions(self) -> pd.DataFrame:
        """The newest live decision of anybody (label, skip or flag) per sample: sample_id, kind, round."""
        return self.read(lambda connection: events.latest_decisions(connection, self.number))

    # --- queue

    def enqueue(self, round_number: int, rows: Iterable[tuple[str, str, bool]]) -> None:
        """Make (sample_id, action, control) rows, in this order, the queue of a round; its old queue is replaced."""
        known = list(rows)
        self.write(lambda connection: leases.fill(connection, self.number, round_number, known))

    def requeue(self, round_number: int, rows: Iterable[tuple[str, str, bool]]) -> None:
        """Put (sample_id, action, control) rows, in this order, in the place of a round's open rows.

        Answered rows keep their state and come first; a row that was answered while the new order was made stays
        answered. Leases on rows that are still in the queue are kept, and how many people they want.
        """
        known = list(rows)
        self.write(lambda connection: leases.refill(connection, self.number, round_number, known))

    def lease(
        self,
        n: int,
        annotator: str,
        *,
        exclude: Collection[str] = (),
        seconds: float = LEASE_SECONDS,
        only: Sequence[str] | None = None,
    ) -> list[str]:
        """Hold open samples of the newest queue for an annotator.

        Parameters
        ----------
        n
            At most so many.
        annotator
            Who will answer.
        exclude
            Ids that are not wanted.
        seconds
            How long they are held.
        only
            Hand out none but these, in their order of the queue within each 500.

        Returns
        -------
        list of str
            Sample ids, in order. A sample is passed over while as many others hold it or have answered it as people are
            wanted, and when this person has answered it; one's own are handed out again.
        """
        return self.write(
            lambda c: leases.hand_out(c, self.number, n, annotator, exclude=exclude, seconds=seconds, only=only)
        )

    def release(self, annotator: str) -> None:
        """Give back every lease of an annotator, so that others need not wait for it to run out."""
        self.write(lambda connection: assignments.release(connection, self.number, annotator))

    def answered_by_others(self, sample_ids: Sequence[str], annotator: str) -> list[str]:
        """Those of at most 500 samples of the newest queue that somebody else has answered while more are wanted."""
        names = list(sample_ids)
        return self.read(lambda c: assignments.answered_by_others(c, self.number, names, annotator))

    def overlap(self, people: int, *, share: float = 1.0) -> None:
        """Ask for answers of several people, for a part of the newest queue. The rest of the rows want one.

        Parameters
        ----------
        people
            How many different persons each of these rows wants.
        share
            For this share of the rows, evenly spread, above 0 and at most 1.

        Raises
        ------
        InputError
            On a number out of range.

        Notes
        -----
        Rows that have fewer answers than they want now are open again.
        """
        if isinstance(people, bool) or not isinstance(people, int) or people < 1:
            raise InputError(f"overlap must be a whole number of people, at least 1; got {people!r}.")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise InputError(f"overlap_share must be a share above 0, up to 1; got {share!r}.")
        self.write(lambda connection: assignments.want(connection, self.number, people, share=float(share)))

    def progress(self) -> tuple[int, int]:
        """How many answers the newest queue has, and how many it wants: its rows, each times the people wanted."""
        return self.read(lambda connection: assignments.counted(connection, self.number))

    def queue_states(self, round_number: int | None = None) -> pd.DataFrame:
        """The queue of a round (default the newest), in order: sample_id, action, control, state, wanted, leased_by.

        leased_by: who holds it now, ", " between several, None where nobody does.
        """
        return self.read(lambda connection: leases.states(connection, self.number, round_number))

    # --- rounds

    def start_round(self, number: int, *, budget: int, seed: int, started: str, settings: dict[str, Any]) -> None:
        """Write down that a round has begun; raises `StoreError` when that number exists."""
        values = {"budget": int(budget), "seed": int(seed), "started": started, "settings": settings}
        self.write(lambda connection: rounds.start(connection, self.number, number, values))

    def finish_round(self, number: int, *, finished: str, metrics: dict[str, Any]) -> None:
        """Write down that a round is complete, with its figures."""
        self.write(lambda c: rounds.finish(c, self.number, number, finished=finished, metrics=metrics))

    def drop_round(self, number: int) -> None:
        """Forget an unfinished round; a finished one stays. No label event is touched."""
        self.write(lambda connection: rounds.drop(connection, self.number, number))

    def rounds(self) -> list[dict[str, Any]]:
        """Every round, oldest first: round, status, budget, seed, started, finished, settings, metrics."""
        return self.read(lambda connection: rounds.table(connection, self.number))

    def keep_files(self, number: int, folder: Path) -> None:
        """On a server: put a round's files into the database, for those who did not run it. Else nothing."""
        if not self.is_server:
            return
        version = uuid.uuid4().hex
        self.write(lambda connection: rounds.keep_files(connection, self.number, number, folder, version))
        rounds.note_version(folder, version)

    def fetch_files(self, number: int, folder: Path) -> bool:
        """On a server: bring a round's files into `folder` unless they are there; returns whether anything came."""
        if not self.is_server:
            return False

        def work(connection: sa.Connection) -> bool:
            version = rounds.kept_version(connection, self.number, number)
            if version is None or version == rounds.local_version(folder):
                return False
            rounds.fetch_files(connection, self.number, number, folder, version)
            return True

        return self.read(work)

    @contextmanager
    def only_runner(self, folder: Path) -> Iterator[None]:
        """Hold the right to run a round of this workbench, whose folder this is; raises `StoreError` where it is taken.

        On a server it is an advisory lock, which the server frees when this process or its connection ends.
        """
        try:
            (folder / "rounds").mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(f"The folder {str(folder / 'rounds')!r} cannot be made: {error}.") from error
        with ExitStack() as held:
            held.enter_context(only_one(folder / "rounds" / ".lock", doing="running a round"))
            if self.is_server:
                held.enter_context(self._transactions.alone(self.number))
            yield
