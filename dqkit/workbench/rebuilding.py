"""A damaged workbench made whole again from its journal and the originals."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.checks import kinds, takes
from dqkit.export import journal
from dqkit.files import replace, write_array, write_json
from dqkit.records import PROBLEM_COLUMNS, Dataset, InputError, Predictions, StoreError, arguments
from dqkit.workbench import project, project_file
from dqkit.workbench.adding import known_to, state_of_parts

WHOLE, REBUILT, LOST = "whole", "rebuilt", "lost"


@dataclass
class Findings:
    """What became of each file, in order."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, file: str, state: str, how: str = "") -> None:
        """One file: whole, rebuilt or lost, and how or why."""
        self.rows.append((file, state, how))

    def was_rebuilt(self, file: str) -> bool:
        """Whether this one was made again."""
        return any((name, state) == (file, REBUILT) for name, state, _ in self.rows)

    def table(self) -> pd.DataFrame:
        """file, state, how."""
        return pd.DataFrame(self.rows, columns=["file", "state", "how"])


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
    from dqkit.workbench.bench import Workbench

    found = Findings()
    made = dataset is not None and _reads(lambda: project.read(project.folder_of(path))) is None
    if made and dataset is not None:
        project_file.make(project.folder_of(path), dataset)
    with Workbench.open(path) as bench:
        how = "from the journal and the dataset; title, description and tags are lost" if made else ""
        found.add("project.json", REBUILT if made else WHOLE, how)
        found.add("journal", WHOLE)
        events = bench.store.events()
        folder = bench.path / "dataset"
        folder.mkdir(exist_ok=True)
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
                _round(bench.path, about, dataset, events, bench.store.queue_states(number), found, progress)
                if REBUILT in {state for _, state, _ in found.rows[before:]}:
                    bench.store.keep_files(number, bench.path / "rounds" / f"{number:04d}")
    return found.table()


def _reads(read: Callable[[], Any]) -> Any | None:
    """What is read, or None where the file is missing or damaged."""
    try:
        return read()
    except (StoreError, OSError, ValueError, KeyError, EOFError, TypeError):
        return None


def _samples(
    folder: Path, about: dict[str, Any], events: pd.DataFrame, dataset: Dataset | None, found: Findings
) -> bool:
    file = folder / "samples.parquet"
    table = _reads(lambda: pd.read_parquet(file))
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
    later = _reads(lambda: [pd.read_parquet(part / "samples.parquet")["sample_id"] for part in project.parts(folder)])
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
    pixels = _reads(lambda: np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)) if image else None
    metadata = _reads(lambda: pd.read_parquet(folder / "metadata.parquet"))
    problems = _reads(lambda: pd.read_parquet(folder / "problems.parquet"))
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
        table = _reads(lambda: pd.read_parquet(folder / "table.parquet"))
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
        shape = _reads(lambda: _shape(folder / "images.npy"))
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


def _round(
    path: Path,
    about: dict[str, Any],
    dataset: Dataset,
    events: pd.DataFrame,
    states: pd.DataFrame,
    found: Findings,
    progress: bool,
) -> None:
    """The files of one round: labels from the journal, predictions trained again, signals and queue from both."""
    from dqkit.findings import Audit, find
    from dqkit.findings import save as save_findings
    from dqkit.rounds.drawn import drawn_rows
    from dqkit.rounds.result import (
        read_findings,
        read_groups,
        read_neighbors,
        read_predictions,
        read_summary,
        write_predictions,
    )
    from dqkit.rounds.settings import as_json, without_columns
    from dqkit.rounds.snapshot import Snapshot, under_labels

    number = int(about["round"])
    dataset = without_columns(dataset, about["settings"].get("exclude", ()))
    folder, name = path / "rounds" / f"{number:04d}", f"rounds/{number:04d}"
    folder.mkdir(parents=True, exist_ok=True)
    labels = _reads(lambda: pd.read_parquet(folder / "labels.parquet"))
    if labels is None:
        # A colleague's answer that came in after the round keeps the time it was given at.
        earlier = events["at"].lt(about["started"]) & events["round"].lt(number)
        labels = labels_at(dataset, events[earlier])
        kept = labels
        replace(folder / "labels.parquet", lambda partial: kept.to_parquet(partial))
        found.add(f"{name}/labels.parquet", REBUILT, "from the journal, as it was when the round began")
    else:
        found.add(f"{name}/labels.parquet", WHOLE)
    names = labels["label"].reindex(dataset.ids)
    given = names.where(~labels["source"].eq("weak").reindex(dataset.ids, fill_value=False), None)
    predictions = _reads(lambda: read_predictions(folder))
    groups = _reads(lambda: read_groups(folder, dataset.ids))
    state, how = WHOLE, ""
    if predictions is not None and "predictions" not in about["settings"] and not (folder / "checks.parquet").exists():
        predictions = None  # what the checks of the training found is made by training alone
    if predictions is None:
        own = {"estimators", "predictions", "engine"} | ({"groups"} if groups is None else set())
        unknown = sorted(own & set(about["settings"]))
        if unknown:
            found.add(f"{name}/predictions", LOST, f"they came from your own {unknown[0]}; run another round")
            return
        predictions = _trained(under_labels(dataset, names), about, path, groups, progress)
        write_predictions(folder, predictions)
        state, how = REBUILT, "trained again with the settings of the round"
    found.add(f"{name}/predictions", state, how)
    signals = _reads(lambda: pd.read_parquet(folder / "signals.parquet"))
    summary = _reads(lambda: json.loads((folder / "summary.json").read_text(encoding="utf-8")))
    broken = predictions.features is not None and _reads(lambda: read_neighbors(folder)) is None
    if signals is None or summary is None or broken or state == REBUILT:
        from dqkit.datasets.pixels.sharpness import sharpness
        from dqkit.rounds.doubt import wrong_probability
        from dqkit.signals import signal_table

        told = dataset if groups is None else dataclasses.replace(dataset, groups=groups)
        soft = sharpness(dataset)
        computed = signal_table(under_labels(told, given), predictions, seed=int(about["seed"]), sharpness=soft)
        unseen = ~dataset.is_test & dataset.is_usable & labels["source"].reindex(dataset.ids).eq("given").to_numpy()
        signals = computed.table.assign(wrong_probability=wrong_probability(computed.table, unseen))
        replace(folder / "signals.parquet", lambda partial: signals.to_parquet(partial))
        write_json(folder / "summary.json", as_json(computed.summary))
        if computed.neighbors is not None:
            write_array(folder / "neighbors.npy", computed.neighbors.indices)
        found.add(f"{name}/signals", REBUILT, "from the predictions and labels of the round")
    else:
        found.add(f"{name}/signals", WHOLE)
    if not _reads(lambda: read_findings(folder)) or found.was_rebuilt(f"{name}/signals"):
        known = Audit.of(
            dataset,
            labels=labels,
            predictions=predictions,
            signals=signals,
            summary=read_summary(folder),
            neighbors=read_neighbors(folder),
        )
        save_findings(folder / "findings", find(known))
        found.add(f"{name}/findings", REBUILT, "from the signals of the round")
    else:
        found.add(f"{name}/findings", WHOLE)
    if _reads(lambda: pd.read_parquet(folder / "queue.parquet")) is None:
        queue = _queue(states, signals, predictions)
        replace(folder / "queue.parquet", lambda partial: queue.to_parquet(partial, index=False))
        found.add(f"{name}/queue.parquet", REBUILT, "its order from the journal; scores and reasons from the signals")
    else:
        found.add(f"{name}/queue.parquet", WHOLE)
    if _reads(lambda: pd.read_parquet(folder / "drawn.parquet")) is None:
        queue = pd.read_parquet(folder / "queue.parquet")
        drawn = drawn_rows(queue, signals, labels, Snapshot(dataset, labels).in_play)
        replace(folder / "drawn.parquet", lambda partial: drawn.to_parquet(partial))
        found.add(f"{name}/drawn.parquet", REBUILT, "from the queue and the signals of the round")
    else:
        found.add(f"{name}/drawn.parquet", WHOLE)


def labels_at(dataset: Dataset, events: pd.DataFrame) -> pd.DataFrame:
    """The labels after these events, as `Workbench.labels` gives them."""
    from dqkit.rounds.snapshot import current_labels

    weak, people = (journal.standing_labels(events, weak=weak).reset_index() for weak in (True, False))
    return current_labels(dataset, weak, people)


def _trained(dataset: Dataset, about: dict[str, Any], path: Path, groups: Any, progress: bool) -> Any:
    from dqkit.baselines import cross_val_predictions, too_few_labels, untrained_predictions

    told, seed, kept = about["settings"], int(about["seed"]), path / "checkpoints"
    network = told.get("network")
    if isinstance(network, str):
        network = {"True": True, "False": False}.get(network, int(network) if network.isdigit() else None)
    minutes = told.get("budget_minutes")
    same: dict[str, Any] = {
        "checkpoint_dir": kept,
        "pretrained": False if told.get("pretrained") == "False" else told.get("pretrained"),
        "budget_minutes": None if minutes is None else float(minutes),
        "progress": progress,
    }
    if too_few_labels(dataset) is not None:
        return untrained_predictions(dataset, seed, **same)
    again = "anyway" if told.get("finetune") else False  # what was allowed once, without a GPU too
    plan = {"groups": groups, "network": network, "imbalance": told.get("imbalance"), "finetune": again}
    return cross_val_predictions(dataset, None, int(told.get("folds", 5)), seed, **plan, **same)


def _queue(states: pd.DataFrame, signals: pd.DataFrame, predictions: Predictions) -> pd.DataFrame:
    from dqkit.acquisition.queue.proposals import proposals

    known = signals.reindex(states["sample_id"])
    doubt = known.get("wrong_probability", known["label_score"]).where(
        known["given_label"].notna(), known["least_confidence"]
    )
    rows = pd.DataFrame({"wrong": doubt, "expected": known["suggested_label"].astype(object)})
    proposed = proposals(rows, known["given_label"], predictions if predictions.is_trained else None)
    reasons = known["reasons"].fillna("") if "reasons" in known else pd.Series("", index=known.index)
    return pd.DataFrame(
        {
            "sample_id": states["sample_id"].to_numpy(dtype=object),
            "action": states["action"].to_numpy(dtype=object),
            "score": known["label_score"].fillna(0).to_numpy(dtype=float),
            "suggested_label": proposed["suggested_label"].to_numpy(dtype=object),
            "reasons": [reason or "its place in the queue is known, the reason is not" for reason in reasons],
            "control": states["control"].to_numpy(dtype=bool),
            **{name: proposed[name].to_numpy() for name in ("probability", "proposal", "other_label")},
        }
    )
