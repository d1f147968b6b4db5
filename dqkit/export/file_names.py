"""Names of classes, splits and files as names that every file system can hold, and back again."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Collection, Iterable

# Windows refuses these, whatever stands after a dot.
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$", re.IGNORECASE)
_FORBIDDEN = set('<>:"/\\|?*%')
LONGEST = 120  # bytes: with a file's name and what a copy adds it stays under 255
# As a folder of a class these would be read as something else: a split, a part without labels, a system's leavings.
SPECIAL = frozenset(
    (
        *("train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval", "holdout"),
        *("unlabeled", "unlabelled", "unsup", "__macosx", "data", "images", "labels", "annotations"),
    )
)


def folder_names(names: Iterable[str], *, special: Collection[str] = ()) -> dict[str, str]:
    """Name -> folder name: distinct on every system, also where case does not count.

    What a file system refuses is written as %XX, the bytes of UTF-8 in hexadecimal, so that `unescaped` gives the name
    back; a name that is too long is cut and gets a digest.

    >>> folder_names(["cat", "Cat", "a/b", "CON", "end."])
    {'cat': 'cat', 'Cat': '%43at', 'a/b': 'a%2Fb', 'CON': '%43ON', 'end.': 'end%2E'}
    """
    taken: set[str] = set()
    found: dict[str, str] = {}
    for name in names:
        folder = escaped(name, special=special)
        if _key(folder) in taken:
            folder = cut(escaped(name[:1], everything=True) + escaped(name[1:]), name)
        if _key(folder) in taken:
            folder = cut(escaped(name, everything=True), name)
        taken.add(_key(folder))
        found[name] = folder
    return found


def escaped(name: str, *, special: Collection[str] = (), everything: bool = False) -> str:
    """One name as a name of a file or folder."""
    odd = everything or unicodedata.normalize("NFC", name) != name
    out = []
    for i, letter in enumerate(name):
        at_end = i == len(name) - 1 and letter in ". "
        at_start = i == 0 and letter in ". "
        bad = letter in _FORBIDDEN or unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        if everything or bad or at_end or at_start or (odd and not letter.isascii()):
            out.append(_hex(letter))
        else:
            out.append(letter)
    text = "".join(out)
    if text and (_DEVICES.match(text) or name.casefold() in special):
        text = _hex(name[0]) + text[1:]
    return cut(text or "%", name)


def unescaped(text: str) -> str:
    """The name that `escaped` was given, if it was not too long.

    >>> unescaped(escaped("100 % a/b."))
    '100 % a/b.'
    """
    if text == "%":
        return ""
    raw = re.sub(
        rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), text.encode("utf-8", "surrogateescape")
    )
    return raw.decode("utf-8", "surrogateescape")


def cut(text: str, name: str) -> str:
    """The text, or the start of it and a digest of the name where it has too many bytes."""
    raw = text.encode("utf-8", "surrogateescape")
    if len(raw) <= LONGEST:
        return text
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"{raw[:LONGEST].decode('utf-8', 'ignore').rstrip('. ')}~{digest}"


class FreeNames:
    """File names in one folder after another, none twice: a second `a.jpg` becomes `a-2.jpg`.

    Names that differ in case or ending alone are told apart too: some readers and systems do not.
    """

    def __init__(self) -> None:
        self._taken: dict[str, set[str]] = {}
        # The last number that a name got: patients' folders may hold 50,000 files of one name.
        self._numbers: dict[tuple[str, str], int] = {}

    def take(self, folder: str, wanted: str) -> str:
        """A free name in that folder, like the wanted one."""
        stem, ending = os.path.splitext(wanted)
        stem, ending = escaped(stem), "".join(c for c in ending if c.isascii() and (c.isalnum() or c == "."))
        taken = self._taken.setdefault(folder, set())
        name, place = stem, (folder, _key(stem))
        while _key(name) in taken:
            self._numbers[place] = self._numbers.get(place, 1) + 1
            name = f"{stem}-{self._numbers[place]}"
        taken.add(_key(name))
        return name + ending


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _hex(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogateescape"))
