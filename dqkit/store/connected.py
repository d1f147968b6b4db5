"""The part of `Store` that holds the connection to the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar

import sqlalchemy as sa

from dqkit.checks import kinds, takes
from dqkit.store import engine
from dqkit.store.address import parse, shown
from dqkit.store.failures import FAILURES, translated
from dqkit.store.opening import UNCLAIMED, opened
from dqkit.store.transactions import Transactions

Found = TypeVar("Found")


class Connected:
    """Methods of `Store`."""

    @takes(workbench=kinds.text, may_create=kinds.flag)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, work: Callable[[sa.Connection], Found]) -> Found:
        """Change the journal, all or nothing.

        Parameters
        ----------
        work
            Takes a `sqlalchemy.Connection`. It may be called again after a lost connection.

        Returns
        -------
        object
            What `work` returns; it is on disk by then.
        """
        return self._transactions.write(work)

    def read(self, work: Callable[[sa.Connection], Found]) -> Found:
        """Read the journal as of the last commit, or of the moment that `reading` holds.

        Parameters
        ----------
        work
            Takes a `sqlalchemy.Connection`.

        Returns
        -------
        object
            What `work` returns.
        """
        return self._transactions.read(work)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let every reading of this thread inside a `with` block see one and the same moment.

        Yields
        ------
        None
            Nothing.
        """
        with self._transactions.reading():
            yield
