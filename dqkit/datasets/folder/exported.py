"""A folder that `Workbench.export` wrote: its record says which class a folder stands for, which sample a file is."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from dqkit.datasets.folder.layout import Layout, Sample
from dqkit.datasets.folder.roles import TRAIN
from dqkit.datasets.folder.scan import Folder, LeftOut

RECORD = "dqkit-export.json"
FORMATS = ("folder", "yolo")
UNLABELED_FOLDER = "unlabeled"


def export_record(tree: Folder) -> dict[str, Any] | None:
    """What the record in the folder says, or None where there is none that can be used."""
    if RECORD not in tree.others:
        return None
    try:
        with open(os.path.join(tree.path, RECORD), encoding="utf-8") as file:
            record = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("dqkit") != "export" or record.get("format") not in FORMATS:
        return None
    tables = all(isinstance(record.get(name), dict) for name in ("folders", "splits", "samples"))
    return record if tables and isinstance(record.get("classes"), list) else None


def exported_layout(tree: Folder, record: Mapping[str, Any], left: LeftOut) -> Layout:
    """The layout by the record; a class folder that it does not know is a class of that name."""
    out = Layout(splits={folder: split for folder, split in record["splits"].items() if folder in _names(tree)})
    for folder in tree.below():
        if not folder.inside:
            if folder.pictures:
                left.add("loose", folder.pictures[0][0], len(folder.pictures))
            continue
        first, *more = folder.inside
        if first == UNLABELED_FOLDER:
            split, label, base = TRAIN, None, 1
        else:
            split = record["splits"].get(first, first)
            label = record["folders"].get(more[0], more[0]) if more and more[0] != UNLABELED_FOLDER else None
            base = min(len(folder.inside), 2)
        out.samples += [Sample((*folder.inside, name), status, split, label, base) for name, status in folder.pictures]
    out.samples.sort(key=lambda sample: sample.inside)
    own = sum(name == RECORD or name == "names.yaml" for name in tree.others)
    rest = left.counts.pop("no picture", 0) - own
    if rest > 0:
        left.counts["no picture"] = rest
    return out


def exported_ids(ids: Sequence[str], record: Mapping[str, Any]) -> list[str]:
    """The samples' own ids for the files that were exported; the paths as they are where two would be one."""
    known = [record["samples"].get(path, path) for path in ids]
    return known if len(set(known)) == len(known) else list(ids)


def exported_classes(found: Sequence[str], record: Mapping[str, Any]) -> list[str]:
    """The classes in the order that they had, also those without a sample, and what was added since."""
    had = [str(name) for name in record["classes"]]
    return [*had, *(name for name in found if name not in had)]


def _names(tree: Folder) -> set[str]:
    return {folder.name for folder in tree.folders}
