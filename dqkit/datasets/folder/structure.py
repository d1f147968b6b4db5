"""Which folders are splits and which are classes, by their names and by what lies in them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from dqkit.datasets.folder.roles import UNLABELED_SPLIT, role_within, split_role
from dqkit.datasets.folder.scan import Folder
from dqkit.files import text_of

Split = tuple[Folder, str]

# Folders that are put around pictures and name no class.
_GENERIC_TEXT = """
image images img imgs photo photos picture pictures pic pics jpg jpeg jpegs jpgs png pngs frames rgb data
dataset raw files all jpegimages
"""
GENERIC = frozenset(_GENERIC_TEXT.split())
# What goes into a test folder whose classes are not told.
_UNTOLD = GENERIC | {"unknown", "unk", "none", "dummy", "class", "any"}
# Pictures of answers, never a split of their own.
_MASKS_TEXT = """
mask masks groundtruth gt annotation annotations label labels segmentation segmentations seg trimap trimaps
segmentationclass segmentationobject
"""
_MASKS = frozenset(_MASKS_TEXT.split())
_MOST_SPLITS = 5
_SERIES = re.compile(r"(.*?[^\W\d_])[ _.-]*[0-9]{1,6}|(.*?[^\W\d_])[ _.-]+[A-Za-z]|(?:19|20)[0-9]{2}")
# A split and a class in one name: train_cat, trainA; cat-test.
_SPLIT_FIRST = re.compile(r"(?P<split>[A-Za-z]+?)(?:[ _.-]+(?P<label>.*[^\W_].*)|(?P<letter>[A-Z]))")
_SPLIT_LAST = re.compile(r"(?P<label>.*[^\W_].*?)[ _.-]+(?P<split>[A-Za-z]+)")
_CLASS_WORDS = frozenset(["class", "cls", "label", "category", "cat", "c", "n", "type", "grade", "level"])


def key(name: str) -> str:
    """What a class is called: its folder's name as text, in the composed form of Unicode (NFC).

    macOS writes the decomposed form and other systems the composed one; both are one class.
    """
    return unicodedata.normalize("NFC", text_of(name))


def is_generic(folder: Folder) -> bool:
    """Whether a folder's name says that pictures are in it, and nothing of what they show."""
    return _plain(folder.name) in GENERIC


def names_classes(kids: Iterable[Folder], wanted: frozenset[str] | None) -> bool:
    """Whether one of the folders bears the name of a class that is asked for."""
    return wanted is not None and any(key(kid.name) in wanted for kid in kids)


def wrapper_in(folder: Folder, wanted: frozenset[str] | None) -> Folder | None:
    """The folder to read in the place of this one: alone in it, as a zip unpacks it, or of a generic name ("images")
    beside folders that hold no folders themselves."""
    kids = folder.filled
    if names_classes(kids, wanted) or any(split_role(kid.name) for kid in kids):
        return None
    if len(kids) == 1:
        alone = kids[0]
        flat = wanted is not None and (is_generic(alone) or alone.name == folder.name)
        return alone if alone.filled or flat else None
    deep = [kid for kid in kids if kid.filled]
    return deep[0] if len(deep) == 1 and is_generic(deep[0]) and len(deep[0].filled) > 1 else None


def split_folders(kids: Sequence[Folder], wanted: frozenset[str] | None) -> list[Split]:
    """The folders that are splits and what each stands for; none where the folders are classes."""
    roles = {id(kid): split_role(kid.name) for kid in kids}
    named = [kid for kid in kids if roles[id(kid)] not in (None, UNLABELED_SPLIT)]
    others = [kid for kid in kids if roles[id(kid)] is None]
    deep = [kid for kid in named if class_folders(kid)]
    if named and not others:
        alike: list[Folder] = []
    elif deep:
        if _is_one_class_of_many(deep, others):
            return []
        known = {key(inner.name) for kid in deep for inner in class_folders(kid)}
        alike = [kid for kid in others if _plain(kid.name) not in _MASKS and _share(kid, known) >= 0.5]
    else:
        alike = _alike(others, wanted)
        if not alike:
            return []
    chosen = {id(kid) for kid in alike}
    return [
        (kid, roles[id(kid)] or role_within(kid.name) or key(kid.name))
        for kid in kids
        if roles[id(kid)] or id(kid) in chosen
    ]


def splits_inside(kids: Sequence[Folder], wanted: frozenset[str] | None) -> bool:
    """Whether each folder holds splits of its own: `cat/train/...`, `cat/test/...`."""
    roles = [{role for _, role in own_splits(kid) if role != UNLABELED_SPLIT} for kid in kids]
    return wanted is None and len(kids) > 1 and all(roles) and len(set().union(*roles)) > 1


def own_splits(folder: Folder) -> list[Split]:
    """The splits among the folders in a folder, by their names."""
    return [(kid, role) for kid in folder.filled if (role := split_role(kid.name)) is not None]


def split_and_class(kids: Sequence[Folder], wanted: frozenset[str] | None) -> list[tuple[Folder, str, str]]:
    """Folders called by split and class at once (train_cat, test_cat; trainA, testA): each with its split and class.

    None where one is called otherwise or holds folders, or where most classes are in one split alone, as in test_kit,
    test_drive.
    """
    found: list[tuple[Folder, str, str]] = []
    for kid in kids:
        name = key(kid.name)
        parsed = [m for m in (_SPLIT_FIRST.fullmatch(name), _SPLIT_LAST.fullmatch(name)) if m is not None]
        parts = [(split_role(m["split"]), m.groupdict().get("letter") or m["label"]) for m in parsed]
        known = [(role, label) for role, label in parts if role not in (None, UNLABELED_SPLIT)]
        if len(known) != 1 or kid.filled or split_role(name) is not None or split_role(known[0][1]) is not None:
            return []
        found.append((kid, str(known[0][0]), known[0][1]))
    splits_of: dict[str, set[str]] = {}
    for _, role, label in found:
        splits_of.setdefault(label, set()).add(role)
    shared = [label for label, roles in splits_of.items() if len(roles) > 1]
    told = wanted is None or bool(wanted & set(splits_of))
    return found if told and len(shared) > 1 and 2 * len(shared) >= len(splits_of) else []


def hold_same_classes(splits: Sequence[Split]) -> bool:
    """Whether splits bear the same class names, two at least, so that the folders around them name no class."""
    counts = Counter(key(kid.name) for split, _ in splits for kid in class_folders(split))
    shared = {name for name, count in counts.items() if count > 1}
    return len(shared) > 1 and all(_share(split, shared) >= 0.5 for split, _ in splits if class_folders(split))


def class_folders(split: Folder) -> list[Folder]:
    """The class folders of a split, found through folders that are alone in their own (train/train/cat)."""
    return innermost(split).filled


def innermost(split: Folder) -> Folder:
    """The folder of a split that holds its class folders, or its pictures where there are none."""
    folder = split
    while len(folder.filled) == 1:
        alone = folder.filled[0]
        if not alone.filled and _plain(alone.name) not in _UNTOLD and split_role(alone.name) is None:
            break
        folder = alone
    return folder


def _is_one_class_of_many(deep: Sequence[Folder], others: Sequence[Folder]) -> bool:
    """Whether the one folder called as a split is a class (trains beside planes and cars), with folders in it."""
    if len(deep) > 1 or len(others) < 2:
        return False
    inside = {key(inner.name) for inner in class_folders(deep[0])}
    rest = sum(kid.total for kid in others)
    return deep[0].total < 3 * rest and not any(_share(kid, inside) >= 0.5 for kid in others)


def _alike(kids: Sequence[Folder], wanted: frozenset[str] | None) -> list[Folder]:
    """The folders that are splits by their structure alone: those whose folders bear the same class names."""
    if wanted is not None:
        return [kid for kid in kids if names_classes(class_folders(kid), wanted)]
    names = [{key(f.name) for f in class_folders(kid) if not is_generic(f) and not split_role(f.name)} for kid in kids]
    deep = [(kid, found) for kid, found in zip(kids, names, strict=True) if found]
    counts = Counter(name for _, found in deep for name in found)
    shared = {name for name, count in counts.items() if count > 1}
    if len(deep) < 2 or len(shared) < 2 or len(kids) >= 2 * len(deep):
        return []
    if any(2 * len(found & shared) < len(found) for _, found in deep):
        return []
    if not _is_series(kid.name for kid, _ in deep):
        # Many folders with the same few parts are classes (breeds/{front,back}), and so are those with numbered parts
        # (benign/{patient1,patient2}).
        numbered = all(name.isdigit() for name in shared) or _is_series(shared)
        if numbered or len(deep) > max(len(shared), _MOST_SPLITS):
            return []
    own = sum(len(kid.pictures) for kid, _ in deep)
    return [kid for kid, _ in deep] if 10 * own < sum(kid.total for kid, _ in deep) else []


def _is_series(names: Iterable[str]) -> bool:
    """Whether all names are one word with a number or letter (part1, part2; site_A, site_B), or years."""
    found = [_SERIES.fullmatch(name) for name in names]
    stems = {(match[1] or match[2] or "").casefold() for match in found if match}
    return all(found) and len(stems) == 1 and not stems & _CLASS_WORDS


def _share(folder: Folder, names: set[str]) -> float:
    found = {key(inner.name) for inner in class_folders(folder)}
    return len(found & names) / len(found) if found else 0.0


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.casefold())
