"""The part of `Store` that keeps label events."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import sqlalchemy as sa

from dqkit.checks import kinds, takes
from dqkit.records import HUMAN_SOURCES, LabelEvent, arguments
from dqkit.store import assignments, events
from dqkit.store.connected import Connected


class LabelRows(Connected):
    """Methods of `Store`."""

    @takes(new=arguments.events)
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

    @takes(event=arguments.event)
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

    @takes(undos=arguments.events)
    def undo_all(self, undos: Sequence[LabelEvent]) -> list[LabelEvent]:
        """Append undo events in one transaction and reopen their samples.

        Parameters
        ----------
        undos
            What somebody else withdrew in the meantime is passed over.

        Returns
        -------
        list of LabelEvent
            Those that were new.

        Raises
        ------
        InputError
            Where an undo names no recorded decision; then nothing was written.
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

    @takes(event_id=kinds.text)
    def find(self, event_id: str) -> LabelEvent | None:
        """Return one event.

        Parameters
        ----------
        event_id
            Of the event.

        Returns
        -------
        LabelEvent or None
            None where there is none.
        """
        return self.read(lambda connection: events.find(connection, self.number, event_id))

    @takes(annotator=kinds.text, limit=kinds.whole, sources=kinds.texts)
    def latest_live(self, annotator: str, *, limit: int, sources: Sequence[str] = HUMAN_SOURCES) -> list[LabelEvent]:
        """Return an annotator's newest decisions that are not undone.

        Parameters
        ----------
        annotator
            Whose decisions.
        limit
            At most so many.
        sources
            Of these sources alone.

        Returns
        -------
        list of LabelEvent
            Newest first.
        """
        return self.read(lambda c: events.latest_live(c, self.number, annotator, limit=limit, sources=sources))

    @takes(
        annotator=kinds.text,
        since=kinds.optional(kinds.text),
        until=kinds.optional(kinds.text),
        round_number=kinds.optional(kinds.whole),
    )
    def live_decisions(
        self, annotator: str, *, since: str | None = None, until: str | None = None, round_number: int | None = None
    ) -> list[LabelEvent]:
        """Return a person's decisions that are not undone.

        Parameters
        ----------
        annotator
            Whose decisions.
        since, until
            Bounds on `at`, both included, in its own form (UTC, ISO 8601, milliseconds).
        round_number
            Of this round alone.

        Returns
        -------
        list of LabelEvent
            Oldest first.
        """
        return self.read(
            lambda c: events.live_decisions(
                c, self.number, annotator, since=since, until=until, round_number=round_number
            )
        )

    @takes(sample_id=kinds.optional(kinds.text))
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

    @takes(weak=kinds.flag)
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

    @takes(sample_ids=kinds.optional(kinds.texts))
    def human_votes(self, *, sample_ids: Sequence[str] | None = None) -> pd.DataFrame:
        """Return each person's newest live label of each sample.

        Parameters
        ----------
        sample_ids
            Of these samples alone, at most 500.

        Returns
        -------
        DataFrame
            sample_id, annotator, label.
        """
        return self.read(lambda connection: events.human_votes(connection, self.number, sample_ids=sample_ids))

    def confirmations(self) -> pd.Series[int]:
        """Count the live answers of people that say the same as the newest one.

        Returns
        -------
        Series of int
            By sample_id. The answers of one person count once a round.
        """
        return self.read(lambda connection: events.confirmations(connection, self.number))

    def latest_decisions(self) -> pd.DataFrame:
        """Return the newest live decision (label, skip or flag) of each sample, whoever made it.

        Returns
        -------
        DataFrame
            sample_id, kind, round.
        """
        return self.read(lambda connection: events.latest_decisions(connection, self.number))
