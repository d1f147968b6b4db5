"""Ports of this machine under both addresses of "localhost": who has one of them could answer for the other."""

from __future__ import annotations

import os
import socket

LOOPBACK_6 = "::1"


def can_bind(address: str, port: int) -> bool:
    """Whether a server of ours could listen there now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            if os.name == "posix":  # as servers do; on Windows it would take a port from who has it
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError:
        return False
    return True


def is_ours_alone(port: int) -> bool:
    """Whether nobody has the port under the second address; true where this machine has no such address."""
    return can_bind(LOOPBACK_6, port) or not can_bind(LOOPBACK_6, 0)
