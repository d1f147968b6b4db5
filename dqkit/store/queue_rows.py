"""The part of `Store` that keeps the queue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pandas as pd

from dqkit.checks import kinds, number, shown, takes
from dqkit.records import InputError
from dqkit.store import assignments, leases
from dqkit.store.connected import Connected

LEASE_SECONDS = 900.0


def _row(name: str, value: Any) -> tuple[str, str, bool]:
    """A rule: one row of a queue."""
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise InputError(f"{name} must be (sample_id, action, control); got {shown(value)}.")
    sample_id, action, control = value
    if type(sample_id) is str and sample_id.isascii() and type(action) is str and type(control) is bool:
        return sample_id, action, control
    return kinds.text(f"{name}[0]", sample_id), kinds.text(f"{name}[1]", action), kinds.flag(f"{name}[2]", control)


ROWS = kinds.each(_row, "rows")


class QueueRows(Connected):
    """Methods of `Store`."""

    @takes(round_number=kinds.whole, rows=ROWS)
    def enqueue(self, round_number: int, rows: Iterable[tuple[str, str, bool]]) -> None:
        """Make some rows the queue of a round; its old queue is replaced.

        Parameters
        ----------
        round_number
            The round.
        rows
            (sample_id, action, control), in the order of the queue.
        """
        known = list(rows)
        self.write(lambda connection: leases.fill(connection, self.number, round_number, known))

    @takes(round_number=kinds.whole, rows=ROWS)
    def requeue(self, round_number: int, rows: Iterable[tuple[str, str, bool]]) -> None:
        """Put some rows in the place of a round's open rows.

        Parameters
        ----------
        round_number, rows
            As in `enqueue`.

        Notes
        -----
        Answered rows keep their state and come first; a row that was answered while the new order was made stays
        answered. Leases on rows that are still in the queue are kept, and how many people they want.
        """
        known = list(rows)
        self.write(lambda connection: leases.refill(connection, self.number, round_number, known))

    @takes(n=kinds.whole, annotator=kinds.text, exclude=kinds.texts, seconds=number, only=kinds.optional(kinds.texts))
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

    @takes(annotator=kinds.text)
    def release(self, annotator: str) -> None:
        """Give back every lease of an annotator, so that others need not wait for it to run out.

        Parameters
        ----------
        annotator
            Who will not answer now.
        """
        self.write(lambda connection: assignments.release(connection, self.number, annotator))

    @takes(sample_ids=kinds.texts, annotator=kinds.text)
    def answered_by_others(self, sample_ids: Sequence[str], annotator: str) -> list[str]:
        """Find the samples of the newest queue that somebody else has answered while more answers are wanted.

        Parameters
        ----------
        sample_ids
            Where to look: at most 500.
        annotator
            Who asks.

        Returns
        -------
        list of str
            Those of `sample_ids` that it holds of.
        """
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
        """Count the answers to the newest queue.

        Returns
        -------
        (int, int)
            How many it has, and how many it wants: its rows, each times the people wanted.
        """
        return self.read(lambda connection: assignments.counted(connection, self.number))

    @takes(round_number=kinds.optional(kinds.whole))
    def queue_states(self, round_number: int | None = None) -> pd.DataFrame:
        """Return the queue of a round.

        Parameters
        ----------
        round_number
            The round; the newest where None.

        Returns
        -------
        DataFrame
            In order: sample_id, action, control, state, wanted, and leased_by: who holds it now, ", " between several,
            None where nobody does.
        """
        return self.read(lambda connection: leases.states(connection, self.number, round_number))
