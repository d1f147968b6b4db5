"""The workbench folder: what it is about (project.json) and its dataset, in open formats."""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.datasets.paths import local_path
from dqkit.datasets.pixels.brought import sync_kept
from dqkit.export.publishing import clear_left, partial_of
from dqkit.files import make_folder, move_folder, write_json
from dqkit.records import Dataset, InputError, StoreError
from dqkit.store import Store
from dqkit.store.address import PASSWORD_VARIABLE, has_password, parse, shown, sqlite_file
from dqkit.workbench import roots
from dqkit.workbench.roots import PROJECT_FILE as PROJECT_FILE

FORMAT = 1
ADDED, PART_FILE = "added", "part.json"
DATABASE_FILE = "labels.sqlite"


def journal(folder: Path, about: dict[str, Any], *, store_url: str | None, may_create: bool) -> Store:
    """The journal of a workbench: where `store_url` says, else where project.json says, else a file in the folder.

    Raises `StoreError` where its rows are not there and must not be made, or the database cannot be opened.
    """
    if store_url is None and not about["store_url"]:
        address = sqlite_file(folder / DATABASE_FILE)
    elif store_url is not None:
        address = parse(store_url)
    else:
        address = parse(about["store_url"], stored=True)
        if has_password(address):
            warnings.warn(
                f"{str(folder / PROJECT_FILE)!r} holds the password of {shown(address)}, as an older dqkit wrote it. "
                f"Whoever sees the folder can read it. Delete it there; set {PASSWORD_VARIABLE} or use ~/.pgpass.",
                stacklevel=3,
            )
    return Store(address, about["id"], may_create=may_create)


def folder_of(path: str | os.PathLike[str]) -> Path:
    """The folder that `path` names, absolute; raises `InputError` for what is no path."""
    try:
        return local_path("path", path).resolve()
    except (OSError, RuntimeError) as error:  # too long a name; links in a circle
        raise InputError(f"path must be the path of a folder; got {str(path)!r} ({error}).") from error


def create(
    folder: Path, dataset: Dataset, *, title: str, description: str, tags: Sequence[str], store_url: str | None
) -> dict[str, Any]:
    """Make the folder whole or not at all; returns what project.json says. Raises `StoreError` if it is in use."""
    try:
        in_use = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise StoreError(f"The workbench folder {str(folder)!r} cannot be used: {error}.") from error
    if in_use:
        raise StoreError(
            f"{str(folder)!r} exists and is not an empty folder. Open it with dqkit.Workbench.open({str(folder)!r}) "
            "or choose another path. Nothing was changed."
        )
    about = {
        "dqkit": "workbench",
        "format": FORMAT,
        "id": uuid.uuid4().hex,
        "title": title,
        "description": description,
        "tags": list(tags),
        "created": now(),
        "name": dataset.name,
        "modality": dataset.modality,
        "classes": list(dataset.classes),
        "store_url": None if store_url is None else shown(parse(store_url)),
        "reading": dataset.reading,
        "window": None if dataset.window is None else list(dataset.window),
        "originals": roots.beside(folder, dataset.paths),
    }
    partial = partial_of(folder)
    try:
        clear_left(folder)
        make_folder(partial)
        _save_dataset(partial / "dataset", dataset)
        (partial / "rounds").mkdir()
        write_json(partial / PROJECT_FILE, about, durable=False)
        sync_kept(dataset.paths)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same is said when it is opened under its name
            # The folder never stands without its journal: it could neither be opened nor made again.
            journal(partial, about, store_url=store_url, may_create=True).close()
        if folder.exists():
            folder.rmdir()
        move_folder(partial, folder)
    except OSError as error:
        raise StoreError(f"The workbench folder {str(folder)!r} cannot be written: {error}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return about


def read(folder: Path) -> dict[str, Any]:
    """What project.json says; raises `StoreError` where there is no workbench or a newer one."""
    file = folder / PROJECT_FILE
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if (folder / DATABASE_FILE).is_file():
            raise StoreError(f"{str(file)!r} is missing. {_again(folder)}") from error
        raise StoreError(
            f"{str(folder)!r} holds no workbench ({PROJECT_FILE} is missing). "
            "Make one with dqkit.Workbench.create(path, dataset), or check the path."
        ) from error
    except (OSError, ValueError) as error:
        raise StoreError(f"{str(file)!r} cannot be read: {error}. {_again(folder)}") from error
    if not isinstance(about, dict) or about.get("dqkit") != "workbench":
        raise StoreError(f"{str(file)!r} was not written by dqkit. {_again(folder)}")
    missing = {"format", "id", "title", "classes", "modality", "store_url"} - set(about)
    if missing or not isinstance(about["format"], int):
        what = ", ".join(sorted(missing)) or "format"
        raise StoreError(f"{str(file)!r} is damaged: {what} is missing or no number. {_again(folder)}")
    if about["format"] > FORMAT:
        raise StoreError(
            f"{str(folder)!r} was written by a newer dqkit (format {about['format']}); this one reads up to format "
            f"{FORMAT}. Upgrade dqkit (pip install --upgrade dqkit) to open it. Nothing was changed."
        )
    return about


def _again(folder: Path) -> str:
    """How project.json is made again, where the journal is in the folder."""
    if not (folder / DATABASE_FILE).is_file():
        return f"Bring {PROJECT_FILE} back from a copy."
    return (
        "The labels are in the journal beside it and are not touched. Bring the file back from a copy, or make it "
        f"again from the journal and the originals: dqkit rebuild {str(folder)!r} --source ORIGINALS"
    )


def samples_table(dataset: Dataset) -> pd.DataFrame:
    """What samples.parquet holds: ids, given labels, splits, paths and texts."""
    samples = pd.DataFrame({"sample_id": dataset.ids, "label": dataset.labels, "split": dataset.split})
    if dataset.paths is not None:
        samples["path"] = _storable(dataset.paths)
    if dataset.groups is not None:
        samples["group"] = dataset.groups
    if dataset.true_labels is not None:
        samples["true_label"] = dataset.true_labels
    if dataset.modality == "text":
        samples["text"] = dataset.content
    return samples


def _save_dataset(folder: Path, dataset: Dataset) -> None:
    folder.mkdir()
    save_tables(folder, dataset)
    if dataset.modality == "image":
        np.save(folder / "images.npy", dataset.content, allow_pickle=False)


def save_tables(folder: Path, dataset: Dataset) -> None:
    """Write everything of a dataset but its pictures."""
    samples = samples_table(dataset)
    samples.to_parquet(folder / "samples.parquet", index=False)
    plain_columns(dataset.metadata).to_parquet(folder / "metadata.parquet")
    dataset.problems.to_parquet(folder / "problems.parquet", index=False)
    if dataset.modality == "table":
        plain_columns(dataset.content).to_parquet(folder / "table.parquet", index=False)


def load_dataset(folder: Path, about: dict[str, Any]) -> Dataset:
    """The dataset of a workbench with what was added to it; images are mapped, not read."""
    added = [load_part(part, about, folder.parent) for part in parts(folder)]
    first = load_part(folder, about, folder.parent)
    return _joined([first, *added]) if added else first


def parts(folder: Path) -> list[Path]:
    """The additions in a dataset's folder, in order; see `dqkit.workbench.adding`."""
    return sorted(path for path in (folder / ADDED).glob("[0-9]*") if path.is_dir())


def _joined(some: list[Dataset]) -> Dataset:
    """One dataset of several, in order. The file of pictures of the last part holds those of all."""
    first, last = some[0], some[-1]
    if first.modality == "table":
        content: Any = pd.concat([part.content for part in some], ignore_index=True)
    else:
        content = last.content if first.modality == "image" else np.concatenate([part.content for part in some])

    def joined(name: str, missing: Any) -> Any:
        values = [getattr(part, name) for part in some]
        if all(value is None for value in values):
            return None
        pairs = zip(values, some, strict=True)
        return np.concatenate([np.full(len(p), missing, dtype=object) if v is None else v for v, p in pairs])

    known = all(part.true_labels is not None for part in some)
    return replace(
        first,
        ids=np.concatenate([part.ids for part in some]),
        labels=np.concatenate([part.labels for part in some]),
        content=content,
        split=np.concatenate([part.split for part in some]),
        metadata=pd.concat([part.metadata for part in some]),
        paths=joined("paths", None),
        groups=joined("groups", None),
        true_labels=np.concatenate([part.true_labels for part in some]) if known else None,
        problems=pd.concat([part.problems for part in some], ignore_index=True),
    )


def load_part(folder: Path, about: dict[str, Any], workbench: Path) -> Dataset:
    """The samples that the workbench was made of, or those of one addition."""
    samples = read_table(folder / "samples.parquet")
    paths = written_paths(samples)
    file = folder / PART_FILE
    own = {**about, **(json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {})}
    if about["modality"] == "image":
        content: Any = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
    elif about["modality"] == "text":
        content = samples["text"].to_numpy(dtype=object)
    else:
        content = read_table(folder / "table.parquet")
    return Dataset(
        ids=samples["sample_id"].to_numpy(dtype=object),
        labels=samples["label"].to_numpy(dtype=np.int64),
        classes=tuple(about["classes"]),
        modality=about["modality"],
        content=content,
        split=samples["split"].to_numpy(dtype=object),
        metadata=read_table(folder / "metadata.parquet"),
        paths=None if paths is None else roots.found(paths, workbench, about if folder.parent == workbench else own),
        true_labels=samples["true_label"].to_numpy(dtype=np.int64) if "true_label" in samples else None,
        problems=read_table(folder / "problems.parquet"),
        name=about["name"],
        reading=about.get("reading", ""),
        groups=_groups(samples),
        window=None if about.get("window") is None else tuple(about["window"]),
    )


def read_table(file: Path) -> pd.DataFrame:
    """A Parquet file; an empty folder in its place, which pandas reads as an empty table, is an `OSError`."""
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder is in its place", str(file))
    return pd.read_parquet(file)


def _storable(paths: np.ndarray) -> np.ndarray:
    """The paths, as bytes where one of them is no UTF-8: a file's name may hold any bytes, a text column may not."""
    try:
        "".join(path or "" for path in paths).encode("utf-8")
    except UnicodeEncodeError:
        return np.array([path if path is None else os.fsencode(path) for path in paths], dtype=object)
    return paths


def with_root(folder: Path, about: dict[str, Any], root: str | os.PathLike[str]) -> dict[str, Any]:
    """What project.json says once it knows where the originals are now; see `roots.remember`."""
    try:
        samples = pd.read_parquet(folder / "dataset" / "samples.parquet")
    except (OSError, ValueError) as error:
        raise StoreError(f"The workbench {str(folder)!r} is damaged: {error}.") from error
    return roots.remember(folder, about, written_paths(samples), root)


def written_paths(samples: pd.DataFrame) -> np.ndarray | None:
    """The paths of the originals as they were written when the workbench was made."""
    return _readable(samples["path"]) if "path" in samples else None


def _readable(column: pd.Series) -> np.ndarray:
    """None for a sample without a file, which pandas may read back as not-a-number."""
    return np.array([os.fsdecode(path) if isinstance(path, str | bytes) else None for path in column], dtype=object)


def _groups(samples: pd.DataFrame) -> np.ndarray | None:
    """The column of groups with None where one is missing, or None where there is no such column."""
    if "group" not in samples:
        return None
    values = samples["group"].astype(object)
    return np.asarray(values.where(values.notna(), None), dtype=object)


def plain_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Columns of mixed objects as text, and column names as strings, since Parquet holds one type a column."""
    out = table.rename(columns=str)
    for name in [name for name, dtype in out.dtypes.items() if isinstance(dtype, pd.SparseDtype)]:
        out[name] = np.asarray(out[name])  # Parquet knows no sparse columns
    for name in [name for name, dtype in out.dtypes.items() if dtype.kind == "O"]:
        values = out[name]
        if not all(isinstance(v, str) for v in values.dropna()):
            out[name] = [None if pd.api.types.is_scalar(v) and pd.isna(v) else str(v) for v in values]
    return out


def now() -> str:
    """The time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
