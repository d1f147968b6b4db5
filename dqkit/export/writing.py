"""One call for every format: choose the rows, write them beside, put them in place."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dqkit.checks import kinds, takes
from dqkit.export import arrays, huggingface, image_folders, label_studio, publishing, tables
from dqkit.export.pictures import WAYS, with_pictures
from dqkit.export.selection import Chosen, Material, choose
from dqkit.files import text_of
from dqkit.records import InputError

FILES = ("csv", "parquet", "cleanlab", "label_studio", "numpy")
IMAGE_FOLDERS: dict[str, Callable[..., tuple[Chosen, dict[str, Any]]]] = {
    "folder": image_folders.class_folders,
    "yolo": image_folders.yolo,
    "coco": image_folders.coco,
    "fiftyone": image_folders.fiftyone,
}
FORMATS = (
    "csv",
    "parquet",
    "folder",
    "huggingface",
    "label_studio",
    "coco",
    "yolo",
    "fiftyone",
    "numpy",
    "torch",
    "cleanlab",
)
# An ending that says another format than the one asked for.
ENDINGS = {
    ".parquet": ("parquet", "cleanlab"),
    ".pq": ("parquet", "cleanlab"),
    ".csv": ("csv", "cleanlab"),
    ".npz": ("numpy",),
}
ENDINGS[".json"] = ("label_studio", "coco")
# What these name is none of the formats; a program that opens such a file would be misled.
OTHER_ENDINGS = (".xlsx", ".xls", ".ods", ".zip", ".tar", ".npy", ".feather", ".jsonl", ".pkl", ".h5")
# Formats that name the images by their paths.
NAMES_PATHS = ("csv", "parquet", "huggingface", "label_studio")


@dataclass(frozen=True)
class Options:
    """What an export is asked to be; see `Workbench.export`."""

    labels: str = "all"
    weak: bool = False
    drop: Sequence[str] = ()
    overwrite: bool = False
    files: str = "copy"
    spreadsheet: bool = False
    progress: bool = True


@dataclass(frozen=True, repr=False)
class Exported:
    """What an export wrote: where, how many rows, how many were left out for what reason, and what else to know."""

    path: Path
    format: str
    rows: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        left_out = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in self.dropped.items() if count)
        said = f"Exported {self.rows:,} row{'' if self.rows == 1 else 's'} as {self.format} to {str(self.path)!r}"
        none = ", ".join(reason.replace("_", " ") for reason, count in self.dropped.items() if not count)
        said += f"; left out: {left_out}." if left_out else "; nothing was left out."
        said += f" None was left out as {none}." if none and left_out else ""
        return " ".join([said, *self.notes])


@takes(
    material=kinds.a(Material, "a Material, such as Material.of returns"),
    format=kinds.text,
    options=kinds.optional(kinds.a(Options, "Options")),
    forbidden=kinds.each(kinds.path, "folders"),
)
def export(
    material: Material,
    path: str | os.PathLike[str],
    format: str = "csv",
    options: Options | None = None,
    *,
    forbidden: Sequence[Path] = (),
) -> Exported:
    """Write the corrected dataset; whole or not at all.

    Parameters
    ----------
    material
        The dataset, its current labels, the journal and the signals.
    path
        The file or folder to write.
    format
        One of `FORMATS`.
    options
        Which rows, and how; see `Options`.
    forbidden
        Folders that must stay as they are, such as those of the originals.

    Returns
    -------
    Exported
        Path, rows, what was left out.

    Raises
    ------
    InputError
        For an unknown option, a format that cannot hold this dataset, or a path that is taken.
    StoreError
        Where the path cannot be written.
    """
    asked = options or Options()
    if format not in FORMATS:
        raise InputError(f"format must be one of {', '.join(FORMATS)}; got {format!r}.")
    if asked.files not in WAYS:
        raise InputError(f"files must be one of {', '.join(WAYS)}; got {asked.files!r}.")
    if format in IMAGE_FOLDERS and material.dataset.modality != "image":
        raise InputError(
            f"format={format!r} holds images, and these are {material.dataset.modality} samples. "
            "Use csv, parquet, huggingface, label_studio, numpy or torch."
        )
    if format == "cleanlab" and material.signals is None:
        raise InputError("format='cleanlab' needs the signals of a round; run wb.run_round() first.")
    out = publishing.target(path, forbidden=forbidden)
    ending = out.suffix.lower()
    if ending in ENDINGS and format not in ENDINGS[ending]:
        raise InputError(
            f"path ends in {ending}, but format is {format!r}. Pass format={ENDINGS[ending][0]!r}, or another path."
        )
    if ending in OTHER_ENDINGS or (ending == ".gz" and format not in ("csv", "cleanlab")):
        raise InputError(
            f"path ends in {ending}, which format={format!r} does not write. Name another path. Nothing was written."
        )
    chosen = choose(material, labels=asked.labels, weak=asked.weak, drop=asked.drop)
    if not len(chosen):
        raise InputError(f"nothing is left to export; left out: {dict(chosen.dropped)}. Nothing was written.")
    if format in FILES or (format == "coco" and ending == ".json"):
        written, notes = _file(material, chosen, out, format, asked)
    else:
        written, notes = _folder(chosen, out, format, asked)
    notes.extend(_escaped_paths(written) if format in NAMES_PATHS or ending == ".json" else ())
    return Exported(out, format, len(written), dict(written.dropped), tuple(notes))


def _escaped_paths(chosen: Chosen) -> Iterator[str]:
    paths = [] if chosen.dataset.paths is None else [str(chosen.dataset.paths[i]) for i in chosen.at]
    count = sum(text_of(path) != path for path in paths)
    if count:
        yield (
            f"The path of {count:,} image{'' if count == 1 else 's'} is no UTF-8; its other bytes are written as \\xNN."
        )


def _file(material: Material, chosen: Chosen, out: Path, format: str, asked: Options) -> tuple[Chosen, list[str]]:
    kept = chosen
    notes: list[str] = []
    renamed: dict[str, str] = {}
    compressed = out.name.lower().endswith(".gz")
    parquet = format == "parquet" or (format == "cleanlab" and out.suffix.lower() in {".parquet", ".pq"})
    write: Callable[[Path], Any]
    if format in ("csv", "parquet", "cleanlab"):
        if format == "cleanlab":
            table = tables.cleanlab_table(material, chosen)
        else:
            table, renamed = tables.full_table(chosen)
        if renamed:
            notes.append("Renamed columns: " + ", ".join(f"{old!r} to {new!r}" for old, new in renamed.items()) + ".")

        def write(partial: Path) -> None:
            if parquet:
                tables.write_parquet(table, partial)
            else:
                tables.write_csv(table, partial, compressed=compressed, spreadsheet=asked.spreadsheet)

    elif format == "numpy":

        def write(partial: Path) -> None:
            arrays.write_numpy(chosen, partial)

    elif format == "label_studio":
        kept, rows = label_studio.tasks(chosen)

        def write(partial: Path) -> None:
            _dump(partial, rows)

        notes.append("dqkit.export.label_studio.config(classes, modality) gives the interface to paste there.")
    else:
        kept = with_pictures(chosen)
        if kept.dataset.paths is None:
            raise InputError(
                f"path must name a folder: the images are arrays and have to be written too; got {out.name!r}."
            )
        told = image_folders.coco_json(kept, [text_of(Path(str(kept.dataset.paths[i])).as_posix()) for i in kept.at])

        def write(partial: Path) -> None:
            _dump(partial, told)

    publishing.file(out, write, overwrite=asked.overwrite)
    return kept, notes


def _folder(chosen: Chosen, out: Path, format: str, asked: Options) -> tuple[Chosen, list[str]]:
    held: list[Chosen] = []

    def write(partial: Path) -> dict[str, Any]:
        kept = chosen
        record: dict[str, Any]
        if format in IMAGE_FOLDERS:
            kept, record = IMAGE_FOLDERS[format](partial, chosen, way=asked.files, progress=asked.progress)
        elif format == "huggingface":
            kept, record = huggingface.write(partial, chosen)
        else:
            record = arrays.write_torch(partial, chosen)
        held.append(kept)
        created = datetime.now(UTC).isoformat(timespec="milliseconds")
        return {"format": format, "created": created, "rows": len(kept), **record}

    publishing.folder(out, write, overwrite=asked.overwrite)
    return held[0], []


def _dump(file: Path, value: Any) -> None:
    with file.open("w", encoding="utf-8") as out:
        # dumps is written in C; dump is not, and takes many times as long.
        out.write(json.dumps(value, ensure_ascii=False, allow_nan=False))
