"""The part of `Store` that keeps rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from dqkit.checks import kinds, takes
from dqkit.records import StoreError
from dqkit.store import leases, rounds
from dqkit.store.connected import Connected
from dqkit.store.locks import only_one
from dqkit.store.queue_rows import ROWS
from dqkit.store.rounds import Kept

KEPT = kinds.a(Kept, "a Kept")


class RoundRows(Connected):
    """Methods of `Store`."""

    @takes(number=kinds.whole, budget=kinds.whole, seed=kinds.whole, started=kinds.text, settings=kinds.json_mapping)
    def start_round(self, number: int, *, budget: int, seed: int, started: str, settings: dict[str, Any]) -> None:
        """Write down that a round has begun.

        Parameters
        ----------
        number
            Of the round.
        budget, seed, settings
            What it was told.
        started
            UTC, ISO 8601.

        Raises
        ------
        StoreError
            Where there is a round of that number.
        """
        values = {"budget": int(budget), "seed": int(seed), "started": started, "settings": settings}
        self.write(lambda connection: rounds.start(connection, self.number, number, values))

    @takes(number=kinds.whole, finished=kinds.text, metrics=kinds.json_mapping)
    def finish_round(self, number: int, *, finished: str, metrics: dict[str, Any]) -> None:
        """Write down that a round is complete.

        Parameters
        ----------
        number
            Of the round.
        finished
            UTC, ISO 8601.
        metrics
            Its figures.
        """
        self.write(lambda c: rounds.finish(c, self.number, number, finished=finished, metrics=metrics))

    @takes(number=kinds.whole)
    def drop_round(self, number: int) -> None:
        """Forget an unfinished round; a finished one stays. No label event is touched.

        Parameters
        ----------
        number
            Of the round.
        """
        self.write(lambda connection: rounds.drop(connection, self.number, number))

    def rounds(self) -> list[dict[str, Any]]:
        """Return every round.

        Returns
        -------
        list of dict
            Oldest first: round, status, budget, seed, started, finished, settings, metrics, and version: which files
            count, None where an older dqkit wrote them.
        """
        return self.read(lambda connection: rounds.table(connection, self.number))

    def newest_round(self) -> int:
        """Return the number of the newest finished round.

        Returns
        -------
        int
            1 or more; 0 before the first round.
        """
        return self.read(lambda connection: rounds.newest(connection, self.number))

    @takes(number=kinds.whole, rows=ROWS, kept=KEPT, finished=kinds.text, metrics=kinds.json_mapping)
    def commit_round(
        self,
        number: int,
        rows: Iterable[tuple[str, str, bool]],
        kept: Kept,
        *,
        finished: str,
        metrics: dict[str, Any],
    ) -> None:
        """Write down that a round is complete, with its queue and its files: all at once.

        Parameters
        ----------
        number, finished, metrics
            As in `finish_round`.
        rows
            As in `enqueue`.
        kept
            Its files.
        """
        known = list(rows)

        def work(connection: sa.Connection) -> None:
            leases.fill(connection, self.number, number, known)
            rounds.keep(connection, self.number, number, kept, content=self.is_server)
            rounds.finish(connection, self.number, number, finished=finished, metrics=metrics)

        self._write_kept(work, kept)

    @takes(number=kinds.whole, rows=ROWS, kept=KEPT)
    def commit_ranking(self, number: int, rows: Iterable[tuple[str, str, bool]], kept: Kept) -> None:
        """Put some rows in the place of a round's open rows, and name the files that go with them: all at once.

        Parameters
        ----------
        number, kept
            As in `commit_round`.
        rows
            As in `requeue`.
        """
        known = list(rows)

        def work(connection: sa.Connection) -> None:
            leases.refill(connection, self.number, number, known)
            rounds.keep(connection, self.number, number, kept, content=self.is_server)

        self._write_kept(work, kept)

    @takes(number=kinds.whole, kept=KEPT)
    def keep_files(self, number: int, kept: Kept) -> None:
        """Name the files of a round that count; a server's database holds them too, for those who did not run it.

        Parameters
        ----------
        number, kept
            As in `commit_round`.
        """
        self._write_kept(lambda c: rounds.keep(c, self.number, number, kept, content=self.is_server), kept)

    def _write_kept(self, work: Callable[[sa.Connection], None], kept: Kept) -> None:
        self.write(work)
        if self.is_server:
            rounds.note_version(kept.folder, kept.version)  # what lies here need not be fetched

    @takes(number=kinds.whole, folder=kinds.path)
    def fetch_files(self, number: int, folder: Path) -> bool:
        """Bring a round's files from a server's database.

        Parameters
        ----------
        number, folder
            As in `keep_files`. Files that are there already are left as they are.

        Returns
        -------
        bool
            Whether anything came.
        """
        if not self.is_server:
            return False

        def work(connection: sa.Connection) -> bool:
            version = rounds.kept_version(connection, self.number, number)
            if version is None or version == rounds.local_version(folder):
                return False
            rounds.fetch_files(connection, self.number, number, folder, version)
            return True

        return self.read(work)

    @takes(folder=kinds.path)
    @contextmanager
    def only_runner(self, folder: Path) -> Iterator[None]:
        """Hold the right to run a round of this workbench inside a `with` block.

        Parameters
        ----------
        folder
            Of the workbench.

        Yields
        ------
        None
            Nothing.

        Raises
        ------
        StoreError
            Where somebody else holds it, or the folder cannot be written to.

        Notes
        -----
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
