"""Exports that state a label for every sample, read back: folders, COCO, FiftyOne, arrays, Hugging Face."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from dqkit.export.file_names import unescaped
from dqkit.export.image_folders import UNLABELED_FOLDER
from dqkit.export.journal import PEOPLE
from dqkit.export.publishing import RECORD, read_record
from dqkit.records import InputError


def read(path: Path) -> list[dict[str, Any]]:
    """The fields of an `Answer` for every sample that the export holds; see `Workbench.apply`.

    In a folder of class folders a file that was moved to another class is an answer.
    """
    record = read_record(path)
    if record is None:
        raise InputError(f"{str(path)!r} was not written by wb.export: it holds no {RECORD}. Nothing was written.")
    created = str(record["created"])
    if record["format"] in ("folder", "yolo"):
        return list(_class_folders(path, record, created))
    if record["format"] == "coco":
        return of_coco(json.loads((path / "labels.json").read_text(encoding="utf-8")), created)
    if record["format"] == "fiftyone":
        return list(_fiftyone(path, record, created))
    if record["format"] == "torch":
        return read_arrays(path / "arrays.npz", created)
    return list(_huggingface(path))


def _stated(sample_id: str, label: str | None, created: str | None, **more: Any) -> dict[str, Any]:
    return {"sample_id": sample_id, "label": label, "as_of": created, "asserted": False, **more}


def _class_folders(path: Path, record: dict[str, Any], created: str) -> Iterator[dict[str, Any]]:
    samples: dict[str, str] = record["samples"]
    found = [
        (Path(folder) / name).relative_to(path).as_posix()
        for folder, _, names in os.walk(path)
        for name in sorted(names)
        if not name.startswith(".")
    ]
    known = {name for name in found if name in samples}
    # A moved file keeps its name; it is told by that where only one of that name has gone.
    gone: dict[str, list[str]] = {}
    for name, sample_id in samples.items():
        if name not in known:
            gone.setdefault(name.rsplit("/", 1)[-1], []).append(sample_id)
    own = {*record["written"], RECORD}
    for name in sorted(found):
        if name not in known and name in own:
            continue
        folder = name.rsplit("/", 2)[-2] if "/" in name else ""
        label = None if folder in ("", UNLABELED_FOLDER) else record["folders"].get(folder, unescaped(folder))
        if name in known:
            yield _stated(samples[name], label, created)
            continue
        candidates = gone.get(name.rsplit("/", 1)[-1], [])
        if len(candidates) == 1:
            yield _stated(candidates[0], label, None)  # moved after the export was made, and by hand
        else:
            why = "several files of this name were moved" if candidates else "no file of this name was exported"
            yield _stated(name, label, created, problem=why)


def of_coco(told: dict[str, Any], created: str | None) -> list[dict[str, Any]]:
    """The categories of the images in COCO's lists."""
    names = {category["id"]: str(category["name"]) for category in told["categories"]}
    labels: dict[Any, list[str]] = {}
    for annotation in told["annotations"]:
        labels.setdefault(annotation["image_id"], []).append(names[annotation["category_id"]])
    rows = []
    for image in told["images"]:
        own = sorted(set(labels.get(image["id"], [])))
        problem = f"several categories: {', '.join(own)}" if len(own) > 1 else None
        sample_id = str(image.get("sample_id", image["file_name"]))
        rows.append(_stated(sample_id, own[0] if len(own) == 1 else None, created, problem=problem))
    return rows


def _fiftyone(path: Path, record: dict[str, Any], created: str) -> Iterator[dict[str, Any]]:
    told = json.loads((path / "labels.json").read_text(encoding="utf-8"))
    by_key = {os.path.splitext(name.removeprefix("data/"))[0]: sample for name, sample in record["samples"].items()}
    for key, target in told["labels"].items():
        label = target.get("label") if isinstance(target, dict) else target
        name = told["classes"][label] if isinstance(label, int) else label
        yield _stated(by_key.get(key, key), name, created)


def written(file: Path) -> str:
    """When a file was last written: its labels are no younger."""
    return datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="milliseconds")


def read_arrays(file: Path, created: str | None = None) -> list[dict[str, Any]]:
    """ids and labels of a NumPy export."""
    with np.load(file, allow_pickle=False) as held:
        ids, labels, classes = held["ids"], held["labels"], held["classes"]
    created = created or written(file)
    return [
        _stated(str(sample_id), str(classes[code]) if code >= 0 else None, created)
        for sample_id, code in zip(ids, labels, strict=True)
    ]


def _huggingface(path: Path) -> Iterator[dict[str, Any]]:
    from datasets import load_from_disk

    for part in load_from_disk(str(path)).values():
        names = part.features["label"].names
        kept = ["sample_id", "label", "source", "annotator", "at", "why", "event_id"]
        for row in part.select_columns(kept):
            if row["source"] in PEOPLE:
                label = None if row["label"] is None else names[row["label"]]
                yield {**row, "label": label, "why": row["why"] or "", "as_of": row["at"]}
