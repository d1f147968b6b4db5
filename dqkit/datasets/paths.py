"""Paths as people write them, and names of files as text that can be written down."""

from __future__ import annotations

import os
from pathlib import Path

from dqkit.checks import kinds
from dqkit.records import InputError


def local_path(what: str, value: object) -> Path:
    """The path that `value` names, with `~` as the user's home; `what` names the argument in messages.

    Raises `InputError` for what is no text and no `pathlib.Path`, is empty, holds a NUL or what no file system can
    hold, or names an unknown home.
    """
    path = kinds.path(what, value)
    try:
        return path.expanduser()
    except RuntimeError as error:
        # A folder whose own name starts with "~" is no home folder.
        if os.path.lexists(path):
            return path
        raise InputError(
            f"{what} must be a path; {str(path)!r} starts with an unknown home folder ({error})."
        ) from error
