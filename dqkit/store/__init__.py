"""The workbench database: label events, the queue with its leases, the rounds."""

from dqkit.store.store import Store

__all__ = ["Store"]
