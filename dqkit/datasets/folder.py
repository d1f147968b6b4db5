"""A `Dataset` from a folder of class folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dqkit.datasets.assemble import assemble
from dqkit.datasets.pixels import SIDE, decode
from dqkit.records import Dataset, InputError

UNLABELED_FOLDER = "unlabeled"
SPLIT_FOLDERS = frozenset({"train", "test", "val", "valid", "validation"})


def from_folder(
    folder: str | os.PathLike[str],
    *,
    classes: Sequence[str] | None = None,
    side: int = SIDE,
    progress: bool = True,
) -> Dataset:
    """A `Dataset` of images, a folder per class: `folder/<class>/<file>`; `folder/unlabeled/<file>` has no label.

    A folder of splits is understood too: `folder/train/<class>/<file>` beside `folder/test/<class>/<file>`.
    classes: the class names, in order; left out, those of the class folders. With them no class folder is needed, and
    files that lie in `folder` itself have no label: this is how labelling starts from nothing.
    Ids are paths relative to the folder, with "/". Pixels are decoded once to (n, side, side, 3);
    the metadata hold the width and height of the originals.
    Files that are no readable image stay in the dataset as fatal problems; hidden files are passed over.
    Raises `InputError` when the folder does not exist, holds fewer than two classes, a class folder that is none of
    `classes`, or no readable image.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"folder must be an existing folder; got {str(root)!r}. Check the path (now in {Path.cwd()}).")
    samples = list(_samples(root, loose=classes is not None))
    if not samples:
        raise InputError(f"folder must hold <class>/<image file>; {str(root)!r} has no file inside a class folder.")
    labels = [label for _, label, _ in samples]
    files = [file for _, _, file in samples]
    found = sorted({label for label in labels if label is not None})
    if classes is None and len(found) < 2:
        has = f"only the class {found[0]!r}" if found else "no class"
        raise InputError(
            f"folder must hold at least two class folders; {str(root)!r} has {has}. "
            "Pass classes=[...] with the class names to label from nothing."
        )
    names = found if classes is None else [str(name) for name in classes]
    strange = [name for name in found if name not in names]
    if strange:
        raise InputError(
            f"classes must name every class folder; {str(root)!r} has {strange[0]!r}, which is none of {names}. "
            f"Add it, or call the folder {UNLABELED_FOLDER!r} if its files have no label."
        )
    ids = [file.relative_to(root).as_posix() for file in files]
    decoded = decode(files, side=side, progress=progress)
    failures = decoded.failures
    if len(failures) == len(files):
        raise InputError(f"folder must hold readable images; none of {len(files)} files is one. First: {failures[0]}")
    return assemble(
        decoded.pixels,
        np.array(labels, dtype=object),
        modality="image",
        classes=names,
        ids=ids,
        split=[split for split, _, _ in samples],
        metadata=pd.DataFrame(decoded.sizes, columns=["width", "height"]),
        paths=[str(file.resolve()) for file in files],
        problems=[(ids[i], "unreadable", message, True) for i, message in sorted(failures.items())],
        name=root.resolve().name,
    )


def _samples(root: Path, *, loose: bool) -> Iterator[tuple[str, str | None, Path]]:
    """(split, class name or None, file), sorted by path; loose: files in the root itself first, without a label."""
    if loose:
        yield from (("train", None, file) for file in sorted(root.iterdir()) if _is_sample(file, root))
    inner = _folders(root)
    names = {d.name for d in inner}
    in_splits = "train" in names and names <= SPLIT_FOLDERS | {UNLABELED_FOLDER} and bool(_folders(root / "train"))
    for d in inner:
        if not in_splits or d.name == UNLABELED_FOLDER:
            yield from _class_files("train", d)
        else:
            for inside in _folders(d):
                yield from _class_files(d.name, inside)


def _class_files(split: str, folder: Path) -> Iterator[tuple[str, str | None, Path]]:
    label = None if folder.name == UNLABELED_FOLDER else folder.name
    for file in sorted(folder.rglob("*")):
        if _is_sample(file, folder):
            yield split, label, file


def _is_sample(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    # A link that leads nowhere is no file, yet its owner believes it is: it is kept, as an unreadable sample.
    return (file.is_file() or file.is_symlink()) and not hidden and not file.is_dir()


def _folders(folder: Path) -> list[Path]:
    return sorted(d for d in folder.iterdir() if d.is_dir() and not d.name.startswith("."))
