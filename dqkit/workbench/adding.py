"""New samples for a workbench: each addition is a folder of its own, which is there whole or not at all.

Samples are appended, so that a round, the queue and the journal speak of what they spoke of: a round knows the first so
many samples, and a position keeps its sample.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.datasets.assemble import sample_names
from dqkit.datasets.pixels.brought import sync_kept
from dqkit.export.publishing import clear_left, partial_of
from dqkit.files import make_folder, move_folder, write_json
from dqkit.near_copies.identical import content_keys
from dqkit.records import UNLABELED, Dataset, InputError, StoreError, arguments
from dqkit.rounds.result import read_table
from dqkit.workbench import project, roots
from dqkit.workbench.state import State

NEW, KNOWN, CHANGED = "new", "known", "changed"
BLOCK = 4096


def add(state: State, dataset: Dataset) -> pd.DataFrame:
    """See `Workbench.add`."""
    arguments.dataset("dataset", dataset)
    with state.store.only_runner(state.path):
        state.refresh()
        present = state.dataset
        _check(present, dataset)
        outcome = _compared(present, dataset)
        fresh = np.flatnonzero(outcome["state"] == NEW)
        if len(fresh):
            added = _renamed(dataset.take(fresh), outcome["sample_id"].to_numpy(dtype=object)[fresh])
            _write(state, present, _coded(added, present.classes))
            state.reload()
    return outcome


def _check(present: Dataset, dataset: Dataset) -> None:
    if dataset.modality != present.modality:
        raise InputError(
            f"dataset must hold {present.modality} samples, as the workbench does; got {dataset.modality}. "
            "Nothing was changed."
        )
    strange = [name for name in dataset.classes if name not in present.classes]
    if strange:
        raise InputError(
            f"dataset must have classes of the workbench, {', '.join(map(repr, present.classes))}; got {strange[0]!r} "
            f"too. Add it first: wb.add_class({strange[0]!r}, annotator=...). Nothing was changed."
        )
    if present.modality == "image" and np.shape(dataset.content)[1:] != np.shape(present.content)[1:]:
        raise InputError(
            f"dataset must hold pictures of {np.shape(present.content)[1:]} pixels, as the workbench does; got "
            f"{np.shape(dataset.content)[1:]}. Load them in the same way. Nothing was changed."
        )
    if present.modality == "table":
        ours, theirs = (list(map(str, d.content.columns)) for d in (present, dataset))
        if ours != theirs:
            raise InputError(
                f"dataset must have the feature columns of the workbench, {', '.join(ours)}; got {', '.join(theirs)}. "
                "Nothing was changed."
            )


def _renamed(dataset: Dataset, ids: NDArray[np.object_]) -> Dataset:
    """The same samples under other ids, also in what is known by id."""
    if np.array_equal(dataset.ids, ids):
        return dataset
    names = dict(zip(dataset.ids, ids, strict=True))
    problems = dataset.problems.assign(sample_id=[names[i] for i in dataset.problems["sample_id"]])
    return replace(dataset, ids=ids, metadata=dataset.metadata.set_axis(ids, axis=0), problems=problems)


def _coded(dataset: Dataset, classes: tuple[str, ...]) -> Dataset:
    """The same labels as positions in the classes of the workbench."""
    code = np.array([*(classes.index(name) for name in dataset.classes), UNLABELED], dtype=np.int64)
    truth = None if dataset.true_labels is None else code[dataset.true_labels]
    return replace(dataset, classes=classes, labels=code[dataset.labels], true_labels=truth)


def _compared(present: Dataset, dataset: Dataset) -> pd.DataFrame:
    """What each sample is: new; known, its content is there under this id or another; changed, its id has another.

    Row numbers, which stand for ids where there are none, say nothing of a sample: such samples are known by their
    content alone, and new ones get the next numbers.
    """
    numbered = np.array_equal(dataset.ids, sample_names(None, n=len(dataset)))
    taken, following = set(map(str, present.ids)), itertools.count(len(present))
    keys = dict[Any, str]()
    by_id: dict[str, Any] = {}
    for sample_id, key in zip(present.ids, content_keys(present), strict=True):
        keys.setdefault(key, str(sample_id))
        by_id[str(sample_id)] = key
    rows = []
    for sample_id, key, usable in zip(dataset.ids, content_keys(dataset), dataset.is_usable, strict=True):
        own = None if numbered else by_id.get(str(sample_id))
        if own is not None:
            rows.append((sample_id, KNOWN, "") if own == key else (sample_id, CHANGED, "its content is another now"))
        elif usable and key in keys:
            rows.append((sample_id, KNOWN, f"the same content as {keys[key]!r}"))
        else:
            name, why = str(sample_id), ""
            if numbered:
                name = next(name for name in map("{:07d}".format, following) if name not in taken)
                why = f"row {sample_id} has no id of its own; it is called {name!r}"
            rows.append((name, NEW, why))
            keys.setdefault(key, name)
    return pd.DataFrame(rows, columns=["sample_id", "state", "why"])


def _write(state: State, present: Dataset, fresh: Dataset) -> None:
    folder = state.path / "dataset" / project.ADDED
    number = 1 + max((int(part.name) for part in project.parts(folder.parent)), default=0)
    place = folder / f"{number:04d}"
    partial = partial_of(place)
    try:
        clear_left(place)
        make_folder(partial)
        # Of pictures one file holds all, so that they are mapped and not read.
        project.save_tables(partial, fresh)
        write_json(partial / project.PART_FILE, {"originals": roots.beside(state.path, fresh.paths)}, durable=False)
        sync_kept(fresh.paths)
        if fresh.modality == "image":
            _join(partial / "images.npy", present.content, fresh.content)
        move_folder(partial, place)
    except OSError as error:
        raise StoreError(
            f"The samples cannot be added to {str(state.path)!r}: {error}. Nothing was changed."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _join(file: Path, *pictures: NDArray[np.uint8]) -> None:
    total = sum(len(some) for some in pictures)
    out = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=(total, *pictures[0].shape[1:]))
    at = 0
    for some in pictures:
        for block in _blocks(some):
            out[at : at + len(block)] = block
            at += len(block)
    out.flush()


def _blocks(pictures: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(pictures), BLOCK):
        yield np.asarray(pictures[start : start + BLOCK])


def state_of_parts(folder: Path, about: dict[str, Any]) -> list[tuple[str, bool]]:
    """The additions of a dataset's folder by their place in it, and whether each can be read."""
    out = []
    for part in project.parts(folder):
        try:
            project.load_part(part, about, folder.parent)
            whole = True
        except (StoreError, OSError, ValueError, KeyError, EOFError, TypeError):
            whole = False
        out.append((f"dataset/{project.ADDED}/{part.name}", whole))
    return out


def known_to(state: State, number: int) -> Dataset:
    """The samples that a round knew, by one of its files; later ones were added since."""
    for name in ("labels.parquet", "signals.parquet"):
        try:
            size = len(read_table(state.path / "rounds" / f"{number:04d}" / name))
        except StoreError:
            continue
        if size <= len(state.dataset):
            return state.dataset_of(size)
    return state.dataset
