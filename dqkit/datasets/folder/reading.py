"""What was understood of a folder and what was left out of it, in one or two sentences."""

from __future__ import annotations

from collections import Counter

from dqkit.datasets.folder.layout import Layout
from dqkit.datasets.folder.roles import UNLABELED_SPLIT
from dqkit.datasets.folder.scan import LeftOut

# kind -> one of them, several of them
_KINDS = {
    "no picture": ("file that is no picture", "files that are no pictures"),
    "loose": ("loose picture", "loose pictures"),
    "outside": ("picture outside the splits and classes", "pictures outside the splits and classes"),
    "hidden": ("hidden or system file", "hidden or system files"),
    "empty": ("empty file", "empty files"),
    "own": ("file that dqkit wrote", "files that dqkit wrote"),
    "special": ("link that leads nowhere or special file", "links that lead nowhere or special files"),
    "linked": ("link to a folder that is read already", "links to folders that are read already"),
    "closed": ("folder that cannot be opened", "folders that cannot be opened"),
    "no class": ("folder without a picture", "folders without pictures"),
}
# Pictures among what is left out: their owner may miss them.
MISSED = ("loose", "outside", "closed")
_SHOWN = 8


def describe(layout: Layout, left: LeftOut, *, classes: int, broken: int, groups: str = "") -> str:
    """The reading of a folder; broken: samples that cannot be read; groups: a clause on the groups."""
    counts = Counter(sample.split for sample in layout.samples)
    n, bare = len(layout.samples), sum(sample.label is None for sample in layout.samples)
    parts = [f"{counted(classes, 'class', 'classes')}, {counted(n, 'picture')}"]
    if layout.splits:
        parts[0] = f"{counted(len(counts), 'split')} ({_splits(layout, counts)}) x {parts[0]}"
    if layout.descended:
        parts[0] += f" in {layout.descended!r}"
    if bare:
        parts.append(f"{bare:,} without a label")
    if broken:
        parts.append(f"{broken:,} cannot be read")
    if groups:
        parts.append(groups)
    said = ", ".join(parts)
    if left.counts:
        said += f"; left out: {left_out(left)}"
    notes = []
    if layout.parts:
        are = "is" if layout.parts == 1 else "are"
        notes.append(f"{counted(layout.parts, 'folder')} inside class folders {are} read as part of them.")
    if layout.odd:
        notes.append(odd_classes(layout))
    return " ".join([said + ".", *notes])


def left_out(left: LeftOut) -> str:
    """What is left out, as a list in words, with an example of each kind."""
    said = []
    for kind, words in _KINDS.items():
        count = left.counts.get(kind, 0)
        if count:
            said.append(f"{counted(count, *words)} ({'such as ' if count > 1 else ''}{left.examples[kind]!r})")
    return ", ".join(said)


def odd_classes(layout: Layout) -> str:
    """A sentence on class folders that are called as splits."""
    names = ", ".join(map(repr, layout.odd[:_SHOWN]))
    one = len(layout.odd) == 1
    return (
        f"{names} {'is' if one else 'are'} read as {'a class' if one else 'classes'}, because other class folders lie "
        f"beside {'it' if one else 'them'}; if {'it is a split' if one else 'they are splits'}, pass classes=[...] "
        "with the class names."
    )


def counted(count: int, one: str, several: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "class", "classes"), counted(1204, "picture")
    ('1 class', '1,204 pictures')
    """
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def _splits(layout: Layout, counts: Counter[str]) -> str:
    said = []
    for split, count in list(counts.items())[:_SHOWN]:
        folders = [name for name, role in layout.splits.items() if role == split and name != split]
        said.append(f"{split} {count:,}" + (f" from {', '.join(map(repr, folders))}" if folders else ""))
    if len(counts) > _SHOWN:
        said.append("...")
    bare = [name for name, role in layout.splits.items() if role == UNLABELED_SPLIT]
    return ", ".join(said) + (f"; {', '.join(map(repr, bare))} without labels" if bare else "")
