"""What an export is made of, and which folders it must not touch."""

from __future__ import annotations

import os
from pathlib import Path

from dqkit.export import Exported, Material, Options, export
from dqkit.records import Dataset


def write_export(
    material: Material, path: str | os.PathLike[str], format: str, options: Options, *, workbench: Path
) -> Exported:
    """See `Workbench.export`."""
    return export(material, path, format, options, forbidden=[workbench, *source_folders(material.dataset)])


def source_folders(dataset: Dataset) -> list[Path]:
    """The folders that the originals lie in: their common root where the ids are paths below one, else each."""
    if dataset.paths is None:
        return []
    roots = set()
    for sample_id, path in zip(dataset.ids, dataset.paths, strict=True):
        if not path:
            continue
        file, below = os.path.abspath(str(path)), os.sep + str(sample_id).replace("/", os.sep)
        roots.add(file[: -len(below)] if file.endswith(below) else os.path.dirname(file))
    return sorted(Path(root).resolve() for root in roots if root)
