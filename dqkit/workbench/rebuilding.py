"""A damaged workbench made whole again from its journal and the originals."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.checks import kinds, takes
from dqkit.files import make_folder, replace, write_array
from dqkit.records import PROBLEM_COLUMNS, Dataset, InputError, arguments
from dqkit.workbench import project, project_file
from dqkit.workbench.adding import known_to, state_of_parts
from dqkit.workbench.remaking import LOST, REBUILT, WHOLE, Findings, reads, remake

FILES = ("samples.parquet", "metadata.parquet", "problems.parquet", "table.parquet", "images.npy")  # of the dataset


@takes(dataset=kinds.optional(arguments.dataset), progress=kinds.flag)
def rebuild(path: str | os.PathLike[str], dataset: Dataset | None = None, *, progress: bool = True) -> pd.DataFrame:
    """Make again what is missing or damaged in a workbench's folder.

    Parameters
    ----------
    path
        The folder of the workbench. Its journal must be there: nothing else holds what it says.
    dataset
        The dataset as it was loaded at first, from the originals, where project.json, samples.parquet or a table was
        lost.
    progress
        Whether progress bars are shown.

    Returns
    -------
    DataFrame
        One row a file: file, state ("whole", "rebuilt" or "lost") and how it was made again, or what is missing.

    Raises
    ------
    StoreError
        Where there is no workbench, or its journal is gone.
    InputError
        Where `dataset` is not the one of this workbench.
    """
    from dqkit.rounds.parts import MANIFEST, manifest, put_aside
    from dqkit.workbench.bench import Workbench
    from dqkit.workbench.running import sealed

    found = Findings()
    made = dataset is not None and reads(lambda: project.read(project.folder_of(path))) is None
    if made and dataset is not None:
        project_file.make(project.folder_of(path), dataset)
    with Workbench.open(path) as bench:
        how = "from the journal and the dataset; title, description and tags are lost" if made else ""
        found.add("project.json", REBUILT if made else WHOLE, how)
        found.add("journal", WHOLE)
        events = bench.store.events()
        folder = bench.path / "dataset"
        make_folder(folder)
        put_aside(folder, *FILES)
        if not _samples(folder, bench.about, events, dataset, found):
            return found.table()
        _content(folder, bench.about, dataset, found, progress)
        for name, whole in state_of_parts(folder, bench.about):
            found.add(name, WHOLE if whole else LOST, "" if whole else "take it away and call wb.add again")
    # Opened anew, with the dataset that is whole now.
    with Workbench.open(path) as bench:
        if LOST in {state for _, state, _ in found.rows}:
            return found.table()
        for about in bench.store.rounds():
            if about["status"] == "done":
                number = int(about["round"])
                before = len(found.rows)
                dataset = known_to(bench.state, number)
                remake(bench.path, about, dataset, events, bench.store.queue_states(number), found, progress)
                became = {state for _, state, _ in found.rows[before:]}
                place = bench.path / "rounds" / f"{number:04d}"
                if LOST not in became and (REBUILT in became or manifest(place) is None):
                    if manifest(place) is None:
                        put_aside(place, MANIFEST)
                        found.add(f"rounds/{place.name}/{MANIFEST}", REBUILT, "from the files of the round")
                    bench.store.keep_files(number, sealed(place))
    return found.table()


def _samples(
    folder: Path, about: dict[str, Any], events: pd.DataFrame, dataset: Dataset | None, found: Findings
) -> bool:
    file = folder / "samples.parquet"
    table = reads(lambda: project.read_table(file))
    if table is not None and {"sample_id", "label", "split"} <= set(table.columns):
        if dataset is not None and list(dataset.ids) != list(table["sample_id"]):
            raise InputError(
                "dataset must be the one that the workbench was made of; its ids are others. Nothing was changed."
            )
        found.add("dataset/samples.parquet", WHOLE)
        return True
    if dataset is None:
        found.add(
            "dataset/samples.parquet",
            LOST,
            "it held the ids and given labels; load the originals again and pass them: rebuild(path, dataset)",
        )
        return False
    later = reads(lambda: [pd.read_parquet(part / "samples.parquet")["sample_id"] for part in project.parts(folder)])
    strange = set(events["sample_id"]).difference(dataset.ids, *(later or []))
    if strange or dataset.modality != about["modality"] or list(dataset.classes) != list(about["classes"]):
        what = (
            f"the journal speaks of {min(strange)!r}"
            if strange
            else f"it has {about['modality']} samples of {about['classes']}"
        )
        raise InputError(f"dataset must be the one that the workbench was made of; {what}. Nothing was changed.")
    from dqkit.workbench.project import samples_table

    replace(file, lambda partial: samples_table(dataset).to_parquet(partial, index=False))
    found.add("dataset/samples.parquet", REBUILT, "from the dataset that was passed")
    return True


def _content(folder: Path, about: dict[str, Any], dataset: Dataset | None, found: Findings, progress: bool) -> None:
    from dqkit.workbench import roots
    from dqkit.workbench.project import plain_columns, written_paths

    samples = pd.read_parquet(folder / "samples.parquet")
    n, image = len(samples), about["modality"] == "image"
    written = written_paths(samples) if image else None
    paths = None if written is None else [Path(p) for p in roots.found(written, folder.parent, about)]
    pixels = reads(lambda: np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)) if image else None
    metadata = reads(lambda: project.read_table(folder / "metadata.parquet"))
    problems = reads(lambda: project.read_table(folder / "problems.parquet"))
    whole = {
        "images.npy": not image or (pixels is not None and len(pixels) == n),
        "metadata.parquet": metadata is not None and len(metadata) == n,
        "problems.parquet": problems is not None and set(PROBLEM_COLUMNS) <= set(problems.columns),
    }
    decoded = None
    if paths is not None and dataset is None and not all(whole.values()):
        decoded = _decoded(paths, pixels, folder, progress)
    if image:
        _one(found, "images.npy", whole, _pixels(dataset, decoded, folder), "the images came from memory, not files")
    elif about["modality"] == "table":
        table = reads(lambda: project.read_table(folder / "table.parquet"))
        make = None
        if dataset is not None:
            make = lambda: replace(  # noqa: E731 - one expression, used once
                folder / "table.parquet", lambda p: plain_columns(dataset.content).to_parquet(p, index=False)
            )
        _one(
            found,
            "table.parquet",
            {"table.parquet": table is not None and len(table) == n},
            make,
            "it held the rows; pass the dataset loaded again",
        )
    ids = pd.Index(samples["sample_id"], name="sample_id")
    if not whole["metadata.parquet"]:
        rows, how = pd.DataFrame(index=ids), "empty: its columns are lost"
        if dataset is not None:
            rows, how = dataset.metadata, "from the dataset that was passed"
        elif decoded is not None:
            rows = pd.DataFrame(decoded.sizes, columns=["width", "height"], index=ids)
            how = "sizes from the originals; other columns are lost"
        replace(folder / "metadata.parquet", lambda partial: plain_columns(rows).to_parquet(partial))
        found.add("dataset/metadata.parquet", REBUILT, how)
    else:
        found.add("dataset/metadata.parquet", WHOLE)
    if not whole["problems.parquet"]:
        kept, how = _problems(dataset, decoded, samples)
        replace(folder / "problems.parquet", lambda partial: kept.to_parquet(partial, index=False))
        found.add("dataset/problems.parquet", REBUILT, how)
    else:
        found.add("dataset/problems.parquet", WHOLE)


def _one(found: Findings, name: str, whole: dict[str, bool], make: Callable[[], Any] | None, lost: str) -> None:
    if whole[name]:
        found.add(f"dataset/{name}", WHOLE)
    elif make is None:
        found.add(f"dataset/{name}", LOST, lost)
    else:
        make()
        found.add(f"dataset/{name}", REBUILT, "from the originals")


def _pixels(dataset: Dataset | None, decoded: Any, folder: Path) -> Callable[[], Any] | None:
    content = dataset.content if dataset is not None else None if decoded is None else decoded.pixels
    if content is None or (decoded is not None and len(decoded.failures) == len(decoded.pixels)):
        return None
    return lambda: write_array(folder / "images.npy", content)


def _decoded(paths: list[Path], pixels: Any, folder: Path, progress: bool) -> Any:
    from dqkit.datasets.pixels import SIDE, decode

    side = SIDE if pixels is None else pixels.shape[1]
    if pixels is None:  # a file that was cut still says its shape
        shape = reads(lambda: _shape(folder / "images.npy"))
        side = SIDE if shape is None else shape[1]
    return decode(paths, side=side, progress=progress)


def _shape(file: Path) -> tuple[int, ...]:
    with file.open("rb") as opened:
        version = np.lib.format.read_magic(opened)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape: tuple[int, ...] = read(opened)[0]
        return shape


def _problems(dataset: Dataset | None, decoded: Any, samples: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    if dataset is not None:
        return dataset.problems, "from the dataset that was passed"
    rows: list[tuple[str, str, str, bool]] = []
    if decoded is not None:
        ids = samples["sample_id"].tolist()
        rows = [(ids[i], "unreadable", message, True) for i, message in sorted(decoded.failures.items())]
    table = pd.DataFrame(rows, columns=list(PROBLEM_COLUMNS)).astype({"fatal": bool})
    return table, "from the originals" if decoded is not None else "empty: what loading had found is lost"
