"""`from_folder`: the pictures of a folder as a `Dataset`."""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.datasets.assemble import Columns, GivenLabels, Samples, assemble
from dqkit.datasets.class_names import class_names
from dqkit.datasets.folder.detection import Foreign, foreign_layout, tables_beside
from dqkit.datasets.folder.exported import export_record, exported_classes, exported_ids, exported_layout
from dqkit.datasets.folder.layout import Layout, Sample, recognise
from dqkit.datasets.folder.reading import MISSED, counted, describe, left_out, odd_classes
from dqkit.datasets.folder.roles import split_role
from dqkit.datasets.folder.scan import Folder, LeftOut, scan
from dqkit.datasets.folder.structure import GENERIC, key
from dqkit.datasets.groups import groups_by_pattern
from dqkit.datasets.paths import local_path
from dqkit.datasets.pixels import SIDE, decode
from dqkit.files import text_of
from dqkit.records import TEST_SPLIT, Dataset, InputError

UNLABELED_FOLDER = "unlabeled"
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz")


def from_folder(
    folder: str | os.PathLike[str],
    *,
    classes: Sequence[str] | Mapping[Any, Any] | None = None,
    groups: str | re.Pattern[str] | None = None,
    side: int = SIDE,
    progress: bool = True,
) -> Dataset:
    """A `Dataset` of pictures, a folder per class: `folder/<class>/<file>`, or `folder/<split>/<class>/<file>`.

    Parameters
    ----------
    folder : str or path
        `~` is the user's home. `folder/unlabeled/<file>` has no label.
    classes : sequence of str or dict, optional
        The class names, in order, or {name of a folder: class name}; by default the folders' names. With them no class
        folder is needed, and pictures that lie beside class folders have no label: this is how labelling starts from
        nothing.
    groups : str or re.Pattern, optional
        Which samples belong together (a patient, a video): a regular expression on the path below `folder` whose
        first group names it, or "folder" for the folders inside class folders. Kept in `Dataset.groups`.
    side : int
        Pixels are decoded once to (n, side, side, 3).
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    Dataset
        Ids are paths below `folder`, with "/". Its `reading` says which splits and classes were understood and counts
        every file that was left out. The metadata hold the width and height of the originals.

    Raises
    ------
    InputError
        When the folder does not exist, is laid out for another task (VOC, YOLO, COCO, masks), holds fewer than two
        classes, a class folder that is none of `classes`, or no readable picture.

    Notes
    -----
    Splits are known by name in many spellings, or because the folders in them bear the same class names; names such
    as testing, holdout and eval stand for "test". A picture that cannot be read stays in the dataset as a fatal
    problem. A warning says when pictures are left out.
    """
    root = _existing(folder)
    tree, left, own = scan(os.path.realpath(root))
    if own == "workbench":
        raise InputError(
            f"folder must hold pictures; {str(root)!r} is a workbench. Open it with dqkit.Workbench.open(path)."
        )
    told = None if classes is None else class_names(classes)
    asked = None if told is None else list(dict.fromkeys([*told.names, *(told.values or ())]))
    wanted = None if asked is None else frozenset(key(name) for name in asked)
    record = export_record(tree)
    foreign = None if record else foreign_layout(tree)
    if foreign is not None and not (asked and foreign.pictures == "."):
        raise InputError(_refusal(root, foreign))
    layout = exported_layout(tree, record, left) if record else recognise(tree, wanted, left)
    samples = layout.samples
    if not samples:
        raise InputError(_nothing(root, tree, left))
    found = class_order({sample.label for sample in samples if sample.label is not None})
    named = exported_classes(found, record) if record else found
    names = named if told is None else list(told.names)
    _check_classes(root, tree, layout, found if told is not None else named, asked)
    ids = exported_ids(_ids(samples), record) if record else _ids(samples)
    together, said = _groups(groups, samples, ids)
    paths = [os.path.join(tree.path, *sample.inside) for sample in samples]
    decoded = decode(paths, side=side, progress=progress)
    failures = decoded.failures
    if len(failures) == len(samples):
        raise InputError(f"folder must hold readable images; none of {len(paths)} files is one. First: {failures[0]}")
    _warn(layout, left)
    spelled = {**{key(name): name for name in names}, **{name: name for name in names}}
    if told is not None and told.values is not None:
        by_value = {key(value): name for value, name in zip(told.values, told.names, strict=True)}
        spelled = by_value if set(found) <= set(by_value) else {**by_value, **spelled}
    return assemble(
        Samples(decoded.pixels, "image", paths, decoded.window, decoded.problems(ids)),
        GivenLabels(np.array([None if s.label is None else spelled[s.label] for s in samples], dtype=object), names),
        Columns(
            ids=ids,
            split=[sample.split for sample in samples],
            metadata=pd.DataFrame(decoded.sizes, columns=["width", "height"]),
            groups=None if together is None else np.array(together, dtype=object),
        ),
        reading=describe(layout, left, classes=len(names), broken=len(failures), groups=said),
        name=text_of(os.path.basename(tree.path)) or "folder",
    )


def class_order(names: set[str]) -> list[str]:
    """Class names in order: by value where all are whole numbers, else by their text.

    >>> class_order({"10", "9", "0"}), class_order({"b", "a", "10", "9"})
    (['0', '9', '10'], ['10', '9', 'a', 'b'])
    """
    if all(re.fullmatch(r"-?[0-9]{1,18}", name, re.ASCII) for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def _existing(folder: str | os.PathLike[str]) -> Path:
    root = local_path("folder", folder)
    if root.is_dir():
        return root
    if root.is_file():
        unpack = "Unpack it first." if root.suffix.casefold() in _ARCHIVES else "A table goes to dqkit.from_table."
        raise InputError(f"folder must be an existing folder; {str(root)!r} is a file. {unpack}")
    raise InputError(f"folder must be an existing folder; got {str(root)!r}. Check the path (now in {os.getcwd()}).")


def _check_classes(root: Path, tree: Folder, layout: Layout, found: list[str], asked: list[str] | None) -> None:
    """Raise `InputError` where there are fewer than two classes, or one that is not asked for."""
    if asked is None and len(found) < 2:
        has = f"only the class {found[0]!r}" if found else "no class folder"
        hints = ["Pass classes=[...] with the class names to label from nothing."]
        if tables := tables_beside(tree.others):
            hints.insert(0, f"Are the labels in {tables[0]!r}? Then use dqkit.from_table(..., image=..., label=...).")
        if layout.splits and not found:
            has += f" in {', '.join(map(repr, layout.splits))}, which are read as splits"
        raise InputError(
            f"folder must hold at least two class folders; {text_of(str(root))!r} has {has}. {' '.join(hints)}"
        )
    if any(not name.strip() for name in found):
        raise InputError(f"folder must hold class folders of visible names; {text_of(str(root))!r} has one of spaces.")
    strange = [] if asked is None else [name for name in found if name not in {key(name) for name in asked}]
    if strange:
        raise InputError(
            f"classes must name every class folder; {text_of(str(root))!r} has {strange[0]!r}, which is none of "
            f"{asked}. Add it, or call the folder {UNLABELED_FOLDER!r} if its files have no label."
        )


def _refusal(root: Path, foreign: Foreign) -> str:
    inner = str(root if foreign.pictures == "." else root / foreign.pictures)
    return (
        f"folder must hold a folder for each class; {text_of(str(root))!r} is laid out as {foreign.kind} "
        f"({text_of(foreign.sign)!r}), with answers inside pictures, and dqkit classifies whole pictures. Make a table "
        "with a row for each picture and the columns file and label, and call dqkit.from_table('labels.csv', "
        "image='file', label='label'). To label from nothing, call "
        f"dqkit.from_folder({text_of(inner)!r}, classes=[...]) with the class names."
    )


def _nothing(root: Path, tree: Folder, left: LeftOut) -> str:
    said = f"folder must hold <class>/<picture file>; {text_of(str(root))!r} has no picture in a class folder"
    if left.counts:
        said += f". Left out: {left_out(left)}"
    if left.counts.get("loose"):
        said += ". Pass classes=[...] with the class names to label from nothing"
    if tables := tables_beside(tree.others):
        said += f". Are the labels in {tables[0]!r}? Then use dqkit.from_table(..., image=..., label=...)"
    return said + "."


def _ids(samples: Sequence[Sample]) -> list[str]:
    """The path of each sample as text; where two names of odd bytes read alike, the later one gets a number."""
    plain = ["/".join(sample.inside) for sample in samples]
    ids = [text_of(path) for path in plain]
    counts = Counter(ids)
    if len(counts) == len(ids):
        return ids
    taken = set(plain)
    out = []
    for path, name in zip(plain, ids, strict=True):
        number, chosen = 1, name
        while path != name and chosen in taken:
            number += 1
            chosen = f"{name} ({number})"
        taken.add(chosen)
        out.append(chosen)
    return out


def _groups(
    groups: str | re.Pattern[str] | None, samples: Sequence[Sample], ids: Sequence[str]
) -> tuple[list[str | None] | None, str]:
    """The group of each sample, and what the reading says of them."""
    if groups is None:
        return None, ""
    if not isinstance(groups, str | re.Pattern):
        raise InputError(f"groups must be a regular expression or 'folder'; got {type(groups).__name__}.")
    if groups == "folder":
        found = [_inner_folder(sample) for sample in samples]
        if not any(found):
            raise InputError(
                "groups='folder' needs folders inside the class folders; there are none. Name the group by a regular "
                f"expression on the path instead. The first path is {ids[0]!r}."
            )
    else:
        found = groups_by_pattern(groups, ids)
    alone = sum(name is None for name in found)
    said = f"{counted(len(set(found) - {None}), 'group')}" + (f" and {alone:,} without one" if alone else "")
    return found, said


def _inner_folder(sample: Sample) -> str | None:
    """The first folder inside the class folder that is not called "images" and the like."""
    between = sample.inside[sample.base : -1]
    return next((text_of(name) for name in between if name.casefold() not in GENERIC), None)


def _warn(layout: Layout, left: LeftOut) -> None:
    missed = LeftOut({kind: left.counts[kind] for kind in MISSED if kind in left.counts}, left.examples)
    if missed.counts:
        warnings.warn(
            f"{left_out(missed)}: left out. Put pictures into class folders, or into a folder "
            f"{UNLABELED_FOLDER!r} if they have no label.",
            stacklevel=3,
        )
    if any(split_role(name) == TEST_SPLIT for name in layout.odd):
        warnings.warn(odd_classes(layout), stacklevel=3)
