"""Paths as people write them, and names of files as text that can be written down."""

from __future__ import annotations

import os
from pathlib import Path

from dqkit.records import InputError


def local_path(what: str, value: object) -> Path:
    """The path that `value` names, with `~` as the user's home; `what` names the argument in messages.

    Raises `InputError` for what is no text and no `pathlib.Path`, is empty, holds a NUL or names an unknown home.
    """
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes) or not str(value).strip():
        raise InputError(f"{what} must be a path, a text or a pathlib.Path; got {value!r}.")
    path = Path(value)
    if "\0" in str(path):
        raise InputError(f"{what} must be a path without a NUL character; got {str(path)!r}.")
    try:
        return path.expanduser()
    except RuntimeError as error:
        # A folder whose own name starts with "~" is no home folder.
        if os.path.lexists(path):
            return path
        raise InputError(
            f"{what} must be a path; {str(path)!r} starts with an unknown home folder ({error})."
        ) from error
