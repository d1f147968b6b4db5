"""Where the originals of a workbench are now: their paths were written on one machine and may be read on another."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.datasets.paths import local_path
from dqkit.files import write_json
from dqkit.records import InputError

Paths = NDArray[np.object_]
PROJECT_FILE = "project.json"


def common_root(paths: Paths) -> str:
    """Return the folder that all files lie below, as it was written on either system; "" where there is none.

    >>> common_root(np.array(["C:\\\\photos\\\\can\\\\1.png", "C:\\\\photos\\\\jar\\\\2.png"]))
    'C:\\\\photos'
    >>> common_root(np.array(["/a/b/1.png", None, "/a/c/2.png"])), common_root(np.array([None]))
    ('/a', '')
    """
    parents = [_pure(str(path)).parent for path in paths if path]
    if not parents or not all(parent.is_absolute() for parent in parents) or len({type(p) for p in parents}) > 1:
        return ""
    parts = [parent.parts for parent in set(parents)]
    same = 0
    while all(len(p) > same for p in parts) and len({p[same] for p in parts}) == 1:
        same += 1
    return str(type(parents[0])(*parts[0][:same])) if same else ""


def moved(paths: Paths, old: str, new: Path) -> Paths:
    """Return the paths below the folder `old` as paths below `new`, in the form of this system."""
    return np.array([None if not path else _below(str(path), old, new) for path in paths], dtype=object)


def found(paths: Paths, folder: Path, about: dict[str, Any]) -> Paths:
    """Return the paths where the originals are now.

    They are below the folder that `Workbench.open(root=...)` named last, or where they were, or as far from the folder
    of the workbench as when it was made; where none of these is there, the paths stay as they are.
    """
    old = common_root(paths)
    named = about.get("root")
    if named and old and os.path.isdir(named):
        there = moved(paths, old, Path(named))
        if any(path and os.path.isfile(path) for path in there):
            return there
    if not old or os.path.isdir(old):
        return paths
    beside = about.get("originals")
    if beside:
        place = Path(os.path.normpath(folder / str(beside)))
        if place.is_dir():
            return moved(paths, old, place)
    return paths


def beside(folder: Path, paths: Paths | None) -> str | None:
    """Return the way from the folder of a workbench to its originals, with "/"; None where there is none."""
    old = "" if paths is None else common_root(paths)
    if not old:
        return None
    try:
        return Path(os.path.relpath(old, folder)).as_posix()
    except ValueError:  # another drive
        return None


def remember(folder: Path, about: dict[str, Any], paths: Paths | None, root: str | os.PathLike[str]) -> dict[str, Any]:
    """Note in project.json where the originals are now.

    Parameters
    ----------
    folder : Path
        Of the workbench.
    about : dict
        What project.json says.
    paths : ndarray of str or None
        As they were written when the workbench was made.
    root : path
        The folder that they lie below now.

    Returns
    -------
    dict
        What project.json says now. In a folder that cannot be written it holds for this time only.

    Raises
    ------
    InputError
        Where the samples are no files, or none of them lies below `root`.
    """
    place = local_path("root", root).resolve()
    old = "" if paths is None else common_root(paths)
    if paths is None or not old:
        raise InputError(f"root must be left out: the samples of {str(folder)!r} have no files below one folder.")
    now = [path for path in moved(paths, old, place) if path]
    if not any(os.path.isfile(path) for path in now):
        raise InputError(
            f"root must be the folder that holds the originals, once {old!r}; {str(place)!r} holds none of the "
            f"{len(now):,} files, such as {str(Path(now[0]).relative_to(place))!r}. Nothing was changed."
        )
    told = {**about, "root": str(place)}
    with suppress(OSError):  # a folder that can only be read
        write_json(folder / PROJECT_FILE, told)
    return told


def _pure(path: str) -> PurePosixPath | PureWindowsPath:
    is_windows = re.match(r"[A-Za-z]:[\\/]|\\\\", path)
    return PureWindowsPath(path) if is_windows else PurePosixPath(path)


def _below(path: str, old: str, new: Path) -> str:
    pure = _pure(path)
    try:
        return str(new.joinpath(*pure.relative_to(old).parts))
    except ValueError:
        return path
