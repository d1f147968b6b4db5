"""The system of record of a workbench: label events that are never changed, the queue with leases, the rounds."""

from __future__ import annotations

from dqkit.store.label_rows import LabelRows
from dqkit.store.queue_rows import QueueRows
from dqkit.store.round_rows import RoundRows


class Store(LabelRows, QueueRows, RoundRows):
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
