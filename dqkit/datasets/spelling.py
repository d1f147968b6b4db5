"""Names of files that a table writes in another case or another form of Unicode than the disk has them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

Listings = dict[str, dict[str, list[str]]]


def as_on_disk(file: Path, listings: Listings, endings: Sequence[str] = ()) -> Path | None:
    """The one file whose path differs from `file` in case or Unicode form alone; None where there is none, or several.

    listings: what folders hold, filled as they are read, so that each is read once. endings: what the file's name may
    have besides where `file` has no ending.
    """
    current = Path(file.anchor) if file.is_absolute() else Path()
    for part in file.parts[1:] if file.is_absolute() else file.parts:
        if part == ".." or os.path.lexists(current / part):
            current /= part
            continue
        names = _listed(str(current), listings)
        alike = names.get(_key(part), [])
        if not alike and part == file.name and "." not in part:
            alike = [n for e in endings for n in names.get(_key(part + e), [])]
        if len(alike) != 1:
            return None
        current /= alike[0]
    return current


def _listed(folder: str, listings: Listings) -> dict[str, list[str]]:
    if folder not in listings:
        try:
            listings[folder] = _by_key(os.listdir(folder))
        except OSError:
            listings[folder] = {}
    return listings[folder]


def _by_key(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_key(name), []).append(name)
    return found


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
