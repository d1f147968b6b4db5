"""Images in folders, in the layouts that training programs and FiftyOne read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dqkit.export.file_names import SPECIAL, folder_names
from dqkit.export.pictures import place, with_pictures
from dqkit.export.selection import Chosen
from dqkit.records import UNLABELED, size_columns

UNLABELED_FOLDER = "unlabeled"


def class_folders(root: Path, chosen: Chosen, *, way: str, progress: bool) -> tuple[Chosen, dict[str, Any]]:
    """`<split>/<class>/<file>`; what has no label is in `unlabeled/`, and in `<split>/unlabeled/` outside train."""
    chosen = with_pictures(chosen)
    classes, splits = _names(chosen)
    folders = [
        f"{splits[split]}/{classes[chosen.dataset.classes[code]]}"
        if code != UNLABELED
        else (UNLABELED_FOLDER if split == "train" else f"{splits[split]}/{UNLABELED_FOLDER}")
        for split, code in zip(chosen.table["split"], chosen.codes, strict=True)
    ]
    files = place(root, chosen, folders, way=way, progress=progress)
    return chosen, _record(chosen, files, classes, splits)


def yolo(root: Path, chosen: Chosen, *, way: str, progress: bool) -> tuple[Chosen, dict[str, Any]]:
    """`<split>/<class>/<file>` and `names.yaml`, the class of each number: folders sorted by name, as YOLO reads them.

    YOLO takes every folder for a class, so that samples without a label are left out, and numbers the folders of each
    split by themselves, so that every split has a folder for every class, empty or not. Its word for the split
    "validation" or "valid" is "val".
    """
    chosen = with_pictures(chosen.without(chosen.codes == UNLABELED, "unlabeled"))
    classes, splits = _names(chosen)
    for name in splits:
        if name.casefold() in {"valid", "validation"} and "val" not in splits.values():
            splits[name] = "val"
    folders = [
        f"{splits[split]}/{classes[chosen.dataset.classes[code]]}"
        for split, code in zip(chosen.table["split"], chosen.codes, strict=True)
    ]
    files = place(root, chosen, folders, way=way, progress=progress)
    for split in splits.values():
        for folder in classes.values():
            (root / split / folder).mkdir(parents=True, exist_ok=True)
    lines = [f"  {i}: {json.dumps(folder, ensure_ascii=False)}" for i, folder in enumerate(sorted(classes.values()))]
    # A JSON text is a YAML text too.
    (root / "names.yaml").write_text("\n".join(["names:", *lines]) + "\n", encoding="utf-8")
    return chosen, _record(chosen, files, classes, splits)


def coco(root: Path, chosen: Chosen, *, way: str, progress: bool) -> tuple[Chosen, dict[str, Any]]:
    """`data/<split>/<file>` and `labels.json`; with several splits also a `labels_<split>.json` each."""
    chosen = with_pictures(chosen)
    _, splits = _names(chosen)
    files = place(
        root, chosen, [f"data/{splits[split]}" for split in chosen.table["split"]], way=way, progress=progress
    )
    told = coco_json(chosen, [name.removeprefix("data/") for name in files])
    _dump(root / "labels.json", told)
    if len(splits) > 1:
        for split, folder in splits.items():
            images = [image for image in told["images"] if image["split"] == split]
            own = {image["id"] for image in images}
            annotations = [a for a in told["annotations"] if a["image_id"] in own]
            _dump(root / f"labels_{folder}.json", {**told, "images": images, "annotations": annotations})
    return chosen, _record(chosen, files, {}, splits)


def coco_json(chosen: Chosen, files: Sequence[str]) -> dict[str, Any]:
    """COCO's lists: images, categories (ids from 1) and annotations, whose box is the whole image."""
    sizes = _sizes(chosen)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    rows = zip(chosen.table["sample_id"], chosen.table["split"], chosen.codes, files, sizes, strict=True)
    for number, (sample_id, split, code, name, (width, height)) in enumerate(rows, start=1):
        image = {"id": number, "file_name": name, "width": width, "height": height}
        images.append({**image, "sample_id": sample_id, "split": split})
        if code != UNLABELED:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(code) + 1,
                    "bbox": [0, 0, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                }
            )
    return {
        "info": {"description": chosen.dataset.name, "contributor": "dqkit"},
        "licenses": [],
        "images": images,
        "categories": [
            {"id": i + 1, "name": name, "supercategory": ""} for i, name in enumerate(chosen.dataset.classes)
        ],
        "annotations": annotations,
    }


def fiftyone(root: Path, chosen: Chosen, *, way: str, progress: bool) -> tuple[Chosen, dict[str, Any]]:
    """A `FiftyOneImageClassificationDataset`: `data/<split>/<file>` and `labels.json`.

    Each label carries sample_id, split, source and annotator as attributes. Written without FiftyOne or its database.
    """
    chosen = with_pictures(chosen)
    _, splits = _names(chosen)
    files = place(
        root, chosen, [f"data/{splits[split]}" for split in chosen.table["split"]], way=way, progress=progress
    )
    columns = ("sample_id", "split", "source", "annotator", "given_label")
    labels: dict[str, Any] = {}
    for name, code, *values in zip(files, chosen.codes, *(chosen.table[c] for c in columns), strict=True):
        known = {column: value for column, value in zip(columns, values, strict=True) if value is not None}
        # FiftyOne finds an image by its path below data/, without the ending.
        key = name.removeprefix("data/").rsplit(".", 1)[0] if "." in name.rsplit("/", 1)[-1] else name[len("data/") :]
        labels[key] = None if code == UNLABELED else {"label": int(code), "attributes": known}
    _dump(root / "labels.json", {"classes": list(chosen.dataset.classes), "labels": labels})
    return chosen, _record(chosen, files, {}, splits)


def _names(chosen: Chosen) -> tuple[dict[str, str], dict[str, str]]:
    """Folder names of the classes and of the splits that occur."""
    splits = list(dict.fromkeys(str(split) for split in chosen.table["split"]))
    return folder_names(chosen.dataset.classes, special=SPECIAL), folder_names(splits, special=(UNLABELED_FOLDER,))


def _record(chosen: Chosen, files: Sequence[str], classes: dict[str, str], splits: dict[str, str]) -> dict[str, Any]:
    """What it takes to read the folder back: which class a folder stands for, which sample a file is."""
    return {
        "classes": list(chosen.dataset.classes),
        "folders": {folder: name for name, folder in classes.items()},
        "splits": {folder: name for name, folder in splits.items()},
        "samples": dict(zip(files, chosen.table["sample_id"], strict=True)),
    }


def _sizes(chosen: Chosen) -> list[tuple[int, int]]:
    """Width and height of each original."""
    dataset = chosen.dataset
    if dataset.paths is None:
        height, width = np.shape(dataset.content)[1:3]
        return [(int(width), int(height))] * len(chosen)
    columns = size_columns(dataset.metadata.columns)
    if columns is None:
        return [_measured(str(dataset.paths[i])) for i in chosen.at]
    sizes = dataset.metadata[list(columns)].iloc[chosen.at].fillna(0).astype(int)
    return [(int(width), int(height)) for width, height in sizes.itertuples(index=False)]


def _measured(file: str) -> tuple[int, int]:
    from PIL import Image

    with Image.open(file) as image:
        return image.width, image.height


def _dump(file: Path, value: Any) -> None:
    with file.open("w", encoding="utf-8") as out:
        # dumps is written in C; dump is not, and takes many times as long.
        out.write(json.dumps(value, ensure_ascii=False, allow_nan=False))
