"""Who may talk to a server on this machine: its own pages and programs that know its key, and nobody else.

`Gate` stands in front of any ASGI application. It knows nothing of what it protects.
"""

from __future__ import annotations

from dqkit.guard.gate import ENTER, HEADER, Gate
from dqkit.guard.tickets import Tickets, new_key, new_ticket

__all__ = ["ENTER", "HEADER", "Gate", "Tickets", "entrance", "new_key", "new_ticket"]


def entrance() -> str:
    """The script that a protected page runs first: it enters with the ticket of its address and sends the key along."""
    from importlib.resources import files

    return (files(__package__) / "entrance.js").read_text("utf-8")
