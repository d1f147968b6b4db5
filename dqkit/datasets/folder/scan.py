"""Every file below a folder, listed once: pictures as a tree, all others counted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from dqkit.datasets.folder.files import has_picture_name, is_hidden, is_picture, own_output
from dqkit.files import text_of

Status = os.stat_result | None


@dataclass
class LeftOut:
    """How much of each kind is left out, with the first of each kind as an example."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, path: str, count: int = 1) -> None:
        """Count one more; path: relative to the folder that is read."""
        if count:
            self.counts[kind] = self.counts.get(kind, 0) + count
            self.examples.setdefault(kind, text_of(path.replace(os.sep, "/")))


@dataclass(eq=False)
class Folder:
    """One folder: its pictures (name, status; None for a link that leads nowhere), its other files, its folders.

    inside: the names from the folder that is read down to this one. total: readable pictures here and below.
    """

    path: str
    inside: tuple[str, ...]
    pictures: list[tuple[str, Status]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    total: int = 0

    @property
    def name(self) -> str:
        return self.inside[-1] if self.inside else os.path.basename(self.path)

    @property
    def relative(self) -> str:
        return "/".join(self.inside)

    @property
    def filled(self) -> list[Folder]:
        """The folders in it that hold pictures, here or further down."""
        return [folder for folder in self.folders if folder.total]

    def below(self) -> Iterator[Folder]:
        """This folder and all below it."""
        waiting = [self]
        while waiting:
            folder = waiting.pop()
            yield folder
            waiting += reversed(folder.folders)


def scan(root: str) -> tuple[Folder, LeftOut, str | None]:
    """The tree below `root`, what is left out of it, and what dqkit wrote at the root itself, if anything.

    Notes
    -----
    Each folder is read once, however many links lead to it, so that links in a circle end. Real folders come first:
    a link to one of them is left out and counted. A picture costs one call of the file system, its status.
    """
    left = LeftOut()
    tree = Folder(root, ())
    seen = {identity(root)}
    waiting: list[Folder] = [tree]
    links: list[tuple[Folder, str]] = []
    own_at_root = None
    while waiting or links:
        if not waiting:
            parent, name = links.pop(0)
            child = Folder(os.path.join(parent.path, name), (*parent.inside, name))
            if not _is_new(child, seen, left, "linked"):
                continue
            parent.folders.append(child)
            parent.folders.sort(key=lambda f: f.name)
            waiting = [child]
        folder = waiting.pop()
        entries = _entries(folder, left)
        own = own_output(folder.path, {entry.name for entry in entries})
        if folder is tree:
            own_at_root = own
        elif own is not None:
            left.add("own", folder.relative, _count_files(folder.path))
            continue
        for entry in entries:
            child = Folder(entry.path, (*folder.inside, entry.name))
            if not _is_folder(entry):
                _take_file(folder, entry, left)
            elif is_hidden(entry.name):
                left.add("hidden", child.relative, 1 if entry.is_symlink() else _count_files(entry.path))
            elif entry.is_symlink():
                links.append((folder, entry.name))
            elif _is_new(child, seen, left, "linked"):
                folder.folders.append(child)
                waiting.append(child)
    for folder in reversed(list(tree.below())):
        here = sum(1 for _, status in folder.pictures if status is None or status.st_size)
        folder.total = here + sum(inner.total for inner in folder.folders)
    return tree, left, own_at_root


def identity(path: str) -> tuple[int, int] | str:
    """What two paths of one folder share; the path itself where the system tells nothing."""
    try:
        status = os.stat(path)
    except OSError:
        return path
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _is_new(folder: Folder, seen: set[tuple[int, int] | str], left: LeftOut, kind: str) -> bool:
    which = identity(folder.path)
    if which in seen:
        left.add(kind, folder.relative)
        return False
    seen.add(which)
    return True


def _entries(folder: Folder, left: LeftOut) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder.path) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        left.add("closed", folder.relative or folder.name)
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def _take_file(folder: Folder, entry: os.DirEntry[str], left: LeftOut) -> None:
    where = "/".join((*folder.inside, entry.name))
    if is_hidden(entry.name):
        left.add("hidden", where)
        return
    try:
        regular, status = entry.is_file(), entry.stat()
    except OSError:
        regular, status = False, None
    if status is None and has_picture_name(entry.name):
        # A link that leads nowhere is no file, yet its owner believes it is: it is kept, as an unreadable sample.
        folder.pictures.append((entry.name, None))
    elif not regular or status is None:
        left.add("special", where)
    elif not status.st_size and not has_picture_name(entry.name):
        left.add("empty", where)
    elif is_picture(entry.path, entry.name):
        folder.pictures.append((entry.name, status))
    else:
        folder.others.append(entry.name)
        left.add("no picture", where)


def _count_files(path: str) -> int:
    """How many files lie below a folder, without following links."""
    return sum(len(files) + sum(os.path.islink(os.path.join(at, d)) for d in dirs) for at, dirs, files in os.walk(path))
