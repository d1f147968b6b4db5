"""Layouts of other tasks (boxes, masks): they are named, so that their folders are not taken for classes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dqkit.datasets.folder.roles import split_role
from dqkit.datasets.folder.scan import Folder
from dqkit.datasets.folder.structure import is_generic

_MOST_FOLDERS = 5000
_ANSWERS = frozenset(["annotations", "annotation", "labels", "label", "anns", "ann", "bboxes", "boxes", "xml", "xmls"])
_MASKS = _ANSWERS | {"masks", "mask", "groundtruth", "ground_truth", "gt", "segmentation", "segmentationclass"}


@dataclass(frozen=True)
class Foreign:
    """A layout of another task.

    kind: its name. pictures: where its pictures are. sign: the file or folder that says so.
    """

    kind: str
    pictures: str
    sign: str


def foreign_layout(root: Folder) -> Foreign | None:
    """The layout of another task that a tree has, or None.

    Notes
    -----
    Answers in files or folders beside pictures are such a sign only where the pictures lie in no class folders.
    """
    alone = {id(root)}
    for count, folder in enumerate(root.below()):
        if count >= _MOST_FOLDERS:
            return None
        if len(folder.filled) == 1:
            alone.add(id(folder.filled[0]))
        found = _among_folders(folder)
        if found is None and (id(folder) in alone or _is_frame(folder)):
            found = _beside_pictures(folder)
        if found is not None:
            return found
    return None


def _among_folders(folder: Folder) -> Foreign | None:
    """Pictures in one folder and answers in another."""
    pictures = [kid for kid in folder.filled if _is_frame(kid) and _is_flat(kid)]
    answers = [kid for kid in folder.folders if kid.name.casefold() in _ANSWERS]
    if folder.pictures and not folder.filled:
        pictures = [folder]
    if not pictures or any(not _is_frame(kid) and kid.name.casefold() not in _MASKS for kid in folder.filled):
        return None
    first = pictures[0].relative or "."
    for kid in answers:
        suffixes = {os.path.splitext(name)[1].casefold(): f"{below.relative}/{name}" for below, name in _others(kid)}
        for suffix, kind in ((".xml", "Pascal VOC"), (".txt", "YOLO"), (".json", "COCO")):
            if suffix in suffixes:
                return Foreign(kind, first, suffixes[suffix])
    names = {kid.name.casefold() for kid in folder.folders}
    if "jpegimages" in names and names & {"annotations", "imagesets"}:
        return Foreign("Pascal VOC", first, f"{folder.relative}/JPEGImages".lstrip("/"))
    for kid in folder.filled:
        if kid.name.casefold() in _MASKS and kid not in pictures:
            stems = set(_stems(pictures))
            own = _stems([kid])
            if 2 * sum(_bare(stem) in stems or stem in stems for stem in own) >= len(own):
                return Foreign("segmentation masks", first, kid.relative)
    return None


def _beside_pictures(folder: Folder) -> Foreign | None:
    """Answers in the same folder as the pictures: one file for all of them, or one beside each."""
    if not folder.pictures or folder.filled:
        return None
    where = folder.relative or "."
    for name in folder.others:
        low = name.casefold()
        if low.endswith(".json") and ("coco" in low or low.startswith(("instances", "annotations", "_annotations"))):
            return Foreign("COCO", where, f"{where}/{name}")
        if low.startswith("_annotations."):
            return Foreign("boxes in a table", where, f"{where}/{name}")
    stems: set[str] = set()
    for suffix, kind in ((".xml", "Pascal VOC"), (".txt", "YOLO"), (".json", "LabelMe")):
        beside = [name for name in folder.others if name.casefold().endswith(suffix)]
        if 2 * len(beside) < len(folder.pictures):
            continue
        stems = stems or {os.path.splitext(name)[0] for name, _ in folder.pictures}
        matched = [name for name in beside if os.path.splitext(name)[0] in stems]
        if 2 * len(matched) >= len(stems) and (kind != "YOLO" or _holds_boxes(os.path.join(folder.path, matched[0]))):
            return Foreign(kind, where, f"{where}/{matched[0]}")
    return None


def _holds_boxes(path: str) -> bool:
    """Whether a text file holds rows of five numbers and more, as YOLO writes boxes, and no words."""
    try:
        with open(path, encoding="utf-8") as file:
            rows = [line.split() for line in file.read(4096).splitlines()[:20]]
        return all(len([float(word) for word in row]) >= 5 for row in rows if row)
    except (OSError, ValueError):
        return False


def _is_frame(folder: Folder) -> bool:
    """Whether a folder's name names no class: that of a split, or "images" and the like."""
    return split_role(folder.name) is not None or is_generic(folder)


def _is_flat(folder: Folder) -> bool:
    """Whether no class folder is in it: only folders of splits, or one more of pictures."""
    return all(_is_frame(kid) for below in folder.below() for kid in below.filled)


def _others(folder: Folder) -> Iterator[tuple[Folder, str]]:
    for below in folder.below():
        for name in below.others:
            yield below, name


def _stems(folders: Iterable[Folder]) -> list[str]:
    """The names of all pictures below, without their suffixes."""
    return [os.path.splitext(name)[0] for folder in folders for below in folder.below() for name, _ in below.pictures]


def _bare(stem: str) -> str:
    for ending in ("_mask", "-mask", "_gt", "_seg", "_label", "_labelids", "_segmentation"):
        stem = stem.removesuffix(ending)
    return stem


def tables_beside(names: Iterable[str]) -> list[str]:
    """The files among these that may hold labels in a table."""
    endings = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx")
    return [name for name in names if name.casefold().endswith(endings)]
