"""Which sample each picture is: its split and its class, from the folders it lies in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dqkit.datasets.folder.roles import TRAIN, UNLABELED_SPLIT, VAL, split_role
from dqkit.datasets.folder.scan import Folder, LeftOut, Status
from dqkit.datasets.folder.structure import (
    Split,
    class_folders,
    hold_same_classes,
    innermost,
    key,
    names_classes,
    own_splits,
    split_and_class,
    split_folders,
    splits_inside,
    wrapper_in,
)
from dqkit.files import text_of
from dqkit.records import TEST_SPLIT, InputError


@dataclass(frozen=True)
class Sample:
    """One picture: where it lies below the folder that is read, its file status, its split and its class if told.

    base: how many parts of `inside` lead to the folder of its class, or of its split where it has no class.
    """

    inside: tuple[str, ...]
    status: Status
    split: str
    label: str | None
    base: int


@dataclass
class Layout:
    """What the tree says: the samples in order, and how the folders were taken.

    splits: the split that each split folder, by its own name, stands for. descended: the path of the folder that was
    read in the place of the one that was named. parts: folders inside class folders. odd: class folders that are
    called as splits.
    """

    samples: list[Sample] = field(default_factory=list)
    splits: dict[str, str] = field(default_factory=dict)
    descended: str = ""
    parts: int = 0
    odd: list[str] = field(default_factory=list)


def recognise(root: Folder, wanted: frozenset[str] | None, left: LeftOut) -> Layout:
    """The layout below `root`; wanted: the class names (as `key` gives them), or None where the folders name them.

    Every picture is a sample or is counted in `left`.
    """
    out = Layout()
    top = root
    while (inner := wrapper_in(top, wanted)) is not None:
        _beside(top, wanted, out, left)
        for kid in top.filled:
            if kid is not inner:
                _leave(kid, "outside", left)
        out.descended = inner.relative
        top = inner
    _beside(top, wanted, out, left)
    kids = top.filled
    if names_classes(kids, wanted):
        _take_classes(kids, TRAIN, wanted, out)
    elif both := split_and_class(kids, wanted):
        for kid, role, label in both:
            out.splits[text_of(kid.name)] = role
            out.samples += _all_below(kid, role, label)
    elif splits := split_folders(kids, wanted):
        _take_splits(splits, wanted, out, left)
        chosen = {id(split) for split, _ in splits}
        for kid in kids:
            if id(kid) not in chosen:
                _leave(kid, "outside", left)
    elif splits_inside(kids, wanted):
        _take_inner_splits(kids, out, left)
    else:
        _take_classes(kids, TRAIN, wanted, out)
        out.parts = sum(len(kid.filled) for kid in kids)
        out.odd = [text_of(kid.name) for kid in kids if split_role(kid.name) not in (None, UNLABELED_SPLIT)]
    return out


def _beside(folder: Folder, wanted: frozenset[str] | None, out: Layout, left: LeftOut) -> None:
    """Pictures that lie beside class folders: samples without a label where class names are given, else left out."""
    if wanted is None:
        _leave_pictures(folder, "loose", left)
    else:
        out.samples += _samples(folder, TRAIN, None)
    _count_empty(folder, left)


def _take_splits(splits: Sequence[Split], wanted: frozenset[str] | None, out: Layout, left: LeftOut) -> None:
    outer = {id(split) for split, _ in splits}
    splits = [inner for split, role in splits for inner in _opened(split, role, wanted, left, alone=len(splits) == 1)]
    classes_of = {id(split): {key(kid.name) for kid in class_folders(split)} for split, _ in splits}
    for split, role in splits:
        elsewhere = set().union(*(found for at, found in classes_of.items() if at != id(split)))
        out.splits[text_of(split.name if id(split) in outer else split.relative)] = role
        if role == UNLABELED_SPLIT:
            out.samples += _all_below(split, TRAIN, None)
        else:
            _take_split(split, role, elsewhere, wanted, out, left)


def _opened(split: Folder, role: str, wanted: frozenset[str] | None, left: LeftOut, *, alone: bool) -> list[Split]:
    """The splits inside a split that holds nothing else, such as train/{train,val}/cat, or the split itself.

    Raises `InputError` for folds with a train and a test folder each.
    """
    top = innermost(split)
    own = own_splits(top)
    if len(own) < len(top.filled) or len({inner for _, inner in own}) < 2 or role == UNLABELED_SPLIT:
        return [(split, role)]
    if names_classes(top.filled, wanted):
        return [(split, role)]
    fold = role not in (TRAIN, VAL, TEST_SPLIT)
    if fold and not alone:
        first, second = (text_of(kid.name) for kid, _ in own[:2])
        raise InputError(
            f"folder must hold each picture in one split; the fold {text_of(split.name)!r} has its own {first!r} and "
            f"{second!r}, so a picture is trained on in one fold and held out in another. Load one fold: "
            f"from_folder(<folder>/{text_of(split.relative)!r})."
        )
    if not all(class_folders(kid) for kid, _ in own):
        return [(split, role)]
    for folder in {id(f): f for f in (split, top)}.values():
        _leave_pictures(folder, "loose" if wanted is None else "outside", left)
        _count_empty(folder, left)
    return own if role == TRAIN or fold else [(kid, role) for kid, _ in own]


def _take_split(
    split: Folder, role: str, elsewhere: set[str], wanted: frozenset[str] | None, out: Layout, left: LeftOut
) -> None:
    """The samples of one split folder: by its class folders, or without a label where it has none."""
    top = innermost(split)
    if len(split.filled) == 1 and key(split.filled[0].name) in elsewhere:
        top = split  # the one class that it has, perhaps with folders in it
    folder = split
    while True:
        if top.filled and wanted is None:
            _leave_pictures(folder, "loose", left)
        else:
            out.samples += _samples(folder, role, None)
        _count_empty(folder, left)
        if folder is top:
            break
        folder = folder.filled[0]
    _take_classes(top.filled, role, wanted, out)


def _take_inner_splits(kids: Sequence[Folder], out: Layout, left: LeftOut) -> None:
    """`<class>/<split>/...`, or `<source>/<split>/<class>/...` where the splits bear the same class names."""
    splits = [split for kid in kids for split in own_splits(kid)]
    chosen = {id(split) for split, _ in splits}
    sources = hold_same_classes(splits)
    for kid in kids:
        _leave_pictures(kid, "loose", left)
        _count_empty(kid, left)
        for inner in kid.filled:
            if id(inner) not in chosen:
                _leave(inner, "outside", left)
    if sources:
        _take_splits(splits, None, out, left)
        return
    for kid in kids:
        for inner, role in own_splits(kid):
            out.splits[text_of(inner.name)] = role
            told = role != UNLABELED_SPLIT
            out.samples += _all_below(inner, role if told else TRAIN, key(kid.name) if told else None)


def _take_classes(kids: Iterable[Folder], split: str, wanted: frozenset[str] | None, out: Layout) -> None:
    for kid in kids:
        role = None if wanted is not None and key(kid.name) in wanted else split_role(kid.name)
        if role == UNLABELED_SPLIT:
            out.samples += _all_below(kid, split, None)
        elif role is not None and wanted is not None:
            # A split beside the classes that are asked for; its pictures have no label.
            out.samples += _all_below(kid, role, None)
        else:
            out.samples += _all_below(kid, split, key(kid.name))


def _all_below(folder: Folder, split: str, label: str | None) -> list[Sample]:
    base = len(folder.inside)
    found = [sample for below in folder.below() for sample in _samples(below, split, label, base)]
    return sorted(found, key=lambda sample: sample.inside)


def _samples(folder: Folder, split: str, label: str | None, base: int | None = None) -> list[Sample]:
    at = len(folder.inside) if base is None else base
    return [Sample((*folder.inside, name), status, split, label, at) for name, status in folder.pictures]


def _leave(folder: Folder, kind: str, left: LeftOut) -> None:
    for below in folder.below():
        _leave_pictures(below, kind, left)


def _leave_pictures(folder: Folder, kind: str, left: LeftOut) -> None:
    if folder.pictures:
        left.add(kind, "/".join((*folder.inside, folder.pictures[0][0])), len(folder.pictures))


def _count_empty(folder: Folder, left: LeftOut) -> None:
    """A folder without a picture that has content is no class; pictures without a byte in it are counted."""
    for kid in folder.folders:
        if not kid.total:
            left.add("no class", kid.relative)
            _leave(kid, "empty", left)
