"""The part of `Store` that keeps rounds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from dqkit.checks import kinds, takes
from dqkit.records import StoreError
from dqkit.store import rounds
from dqkit.store.connected import Connected
from dqkit.store.locks import only_one


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
            Oldest first: round, status, budget, seed, started, finished, settings, metrics.
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

    @takes(number=kinds.whole, folder=kinds.path)
    def keep_files(self, number: int, folder: Path) -> None:
        """Put a round's files into a server's database, for those who did not run it; else do nothing.

        Parameters
        ----------
        number
            Of the round.
        folder
            Its files.
        """
        if not self.is_server:
            return
        version = uuid.uuid4().hex
        self.write(lambda connection: rounds.keep_files(connection, self.number, number, folder, version))
        rounds.note_version(folder, version)

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
