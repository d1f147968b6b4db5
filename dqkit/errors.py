"""The errors that every stage raises; `dqkit.records` and `dqkit` name them too."""

from __future__ import annotations


class DqkitError(Exception):
    """Any error dqkit raises on purpose; catching it catches them all."""


class InputError(DqkitError, ValueError):
    """An argument, file or table breaks a rule; nothing was changed."""


class StoreError(DqkitError, RuntimeError):
    """A workbench folder cannot be created, opened or written."""


class MissingExtra(DqkitError, ImportError):
    """An optional dependency is missing or cannot start; the text names the command that mends it."""
