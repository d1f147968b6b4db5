"""Transactions on a journal: whole or not at all, tried again where that is safe, refused in dqkit's own words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import sqlalchemy as sa

from dqkit.records import StoreError
from dqkit.store.address import shown
from dqkit.store.failures import FAILURES, may_pass, state, translated

Found = TypeVar("Found")
PATIENCE = 30.0  # seconds that a server may take to come back
PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0)
COLLISIONS = 3  # how often two people may write the same new row at the same moment
DUPLICATE = "23505"
RUNNING = 0x64716B69  # "dqki": with a workbench's number, the advisory lock of its rounds


class Transactions:
    """Reading and writing through one engine; safe for several threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        # Readers see the last commit without waiting for a writer, and make no writer wait.
        self._reader = engine.execution_options(reads_only=True)
        self._held = threading.local()
        self._closed = False

    @property
    def is_server(self) -> bool:
        """Whether a server keeps the journal, for people on several machines."""
        return self.engine.dialect.name != "sqlite"

    def close(self) -> None:
        """Release the database; every later transaction is refused."""
        self._closed = True
        self.engine.dispose()

    def write(
        self, work: Callable[[sa.Connection], Found], *, doing: str = "written", patience: float = PATIENCE
    ) -> Found:
        """What `work` returns, committed. `work` may be called again, so its outcome must not depend on how often."""

        def once() -> Found:
            with self.engine.begin() as connection:
                return work(connection)

        return self._tried(once, doing, patience=patience)

    def read(self, work: Callable[[sa.Connection], Found]) -> Found:
        """What `work` returns of the last commit, or of the moment that `reading` holds in this thread."""
        held: sa.Connection | None = getattr(self._held, "connection", None)

        def once() -> Found:
            if held is not None:
                return work(held)
            with self._reader.connect() as connection:
                return work(connection)

        return self._tried(once, "read", again=held is None)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let every reading of this thread see one and the same moment."""
        if getattr(self._held, "connection", None) is not None:
            yield
            return
        connection = self._tried(self._begun, "read")
        self._held.connection = connection
        try:
            yield
        finally:
            self._held.connection = None
            connection.close()

    def _begun(self) -> sa.Connection:
        connection = self._reader.connect()
        try:
            connection.execute(sa.text("SELECT value FROM about"))  # the first query fixes the moment
        except BaseException:
            connection.close()
            raise
        return connection

    def _tried(self, once: Callable[[], Found], doing: str, *, again: bool = True, patience: float = PATIENCE) -> Found:
        collisions, pauses, end = 0, iter(PAUSES), time.monotonic() + patience
        while True:
            if self._closed:
                raise StoreError(
                    f"The journal {shown(self.engine.url)} was closed; open the workbench again with "
                    "dqkit.Workbench.open(path). Nothing was changed."
                )
            try:
                return once()
            except FAILURES as error:
                collisions += state(error) == DUPLICATE
                collided = state(error) == DUPLICATE and collisions <= COLLISIONS
                if not (again and (collided or (may_pass(error) and time.monotonic() < end))):
                    raise translated(error, self.engine.url, doing=doing) from error
                if not collided:
                    time.sleep(next(pauses, PAUSES[-1]))

    @contextmanager
    def alone(self, number: int) -> Iterator[None]:
        """Hold a server's advisory lock for a workbench, on a connection of its own; `StoreError` where it is held."""
        ask = sa.select(sa.func.pg_try_advisory_lock(RUNNING, number))

        def taken() -> tuple[sa.Connection, bool]:
            connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            try:
                return connection, bool(connection.execute(ask).scalar_one())
            except BaseException:
                connection.close()
                raise

        connection, ours = self._tried(taken, "written")
        try:
            if not ours:
                raise StoreError("Another process is running a round of this workbench; wait for it to end.")
            yield
        finally:
            connection.invalidate()  # the lock ends with its connection, whether or not the server is still there
            connection.close()
