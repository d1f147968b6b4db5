"""The files of a round made again, from the journal, the dataset and those that are whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.datasets.groups import group_names_of
from dqkit.export import journal
from dqkit.files import make_folder, write_array, write_json
from dqkit.records import Dataset, Predictions, StoreError

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


def reads(read: Callable[[], Any]) -> Any | None:
    """What is read, or None where the file is missing or damaged."""
    try:
        return read()
    except (StoreError, OSError, ValueError, KeyError, EOFError, TypeError):
        return None


def remake(
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
    from dqkit.rounds.parts import files_in, holds, put_aside, renew, settle
    from dqkit.rounds.result import (
        PREDICTIONS,
        SIGNALS,
        read_findings,
        read_labels,
        read_neighbors,
        read_predictions,
        read_summary,
        read_table,
        write_predictions,
        write_table,
    )
    from dqkit.rounds.settings import as_json, without_columns
    from dqkit.rounds.snapshot import Snapshot, under_labels

    number = int(about["round"])
    dataset = without_columns(dataset, about["settings"].get("exclude", ()))
    folder, name = path / "rounds" / f"{number:04d}", f"rounds/{number:04d}"
    make_folder(folder)
    settle(folder, about["version"])
    labels = reads(lambda: read_labels(folder))
    if labels is None:
        # A colleague's answer that came in after the round keeps the time it was given at.
        earlier = events["at"].lt(about["started"]) & events["round"].lt(number)
        labels = labels_at(dataset, events[earlier])
        put_aside(folder, "labels.parquet")
        write_table(folder / "labels.parquet", labels)
        renew(folder, "labels.parquet")
        found.add(f"{name}/labels.parquet", REBUILT, "from the journal, as it was when the round began")
    else:
        found.add(f"{name}/labels.parquet", WHOLE)
    names = labels["label"].reindex(dataset.ids)
    given = names.where(~labels["source"].eq("weak").reindex(dataset.ids, fill_value=False), None)
    predictions = reads(lambda: read_predictions(folder))
    groups = _groups(folder, dataset, about["settings"].get("groups"), found)
    state, how = WHOLE, ""
    if predictions is not None and "predictions" not in about["settings"] and not holds(folder, "checks.parquet"):
        predictions = None  # what the checks of the training found is made by training alone
    if predictions is None:
        own = {"estimators", "predictions", "engine"} | ({"groups"} if groups is None else set())
        unknown = sorted(own & set(about["settings"]))
        if unknown:
            found.add(f"{name}/predictions", LOST, f"they came from your own {unknown[0]}; run another round")
            return
        predictions = _trained(under_labels(dataset, names), about, path, groups, progress)
        put_aside(folder, *PREDICTIONS)
        write_predictions(folder, predictions)
        renew(folder, *PREDICTIONS)
        state, how = REBUILT, "trained again with the settings of the round"
    found.add(f"{name}/predictions", state, how)
    signals = reads(lambda: read_table(folder / "signals.parquet"))
    summary = reads(lambda: read_summary(folder))
    broken = predictions.features is not None and reads(lambda: read_neighbors(folder)) is None
    if signals is None or summary is None or broken or state == REBUILT:
        from dqkit.datasets.pixels.sharpness import sharpness
        from dqkit.rounds.stages import suggested
        from dqkit.signals import signal_table

        told = dataset if groups is None else dataclasses.replace(dataset, groups=groups)
        soft = sharpness(dataset)
        computed = signal_table(under_labels(told, given), predictions, seed=int(about["seed"]), sharpness=soft)
        signals = suggested(computed.table)
        put_aside(folder, *SIGNALS)
        write_table(folder / "signals.parquet", signals)
        write_json(folder / "summary.json", as_json(computed.summary), durable=False)
        if computed.neighbors is not None:
            write_array(folder / "neighbors.npy", computed.neighbors.indices, durable=False)
        renew(folder, *SIGNALS)
        found.add(f"{name}/signals", REBUILT, "from the predictions and labels of the round")
    else:
        found.add(f"{name}/signals", WHOLE)
    if not reads(lambda: read_findings(folder)) or found.was_rebuilt(f"{name}/signals"):
        known = Audit.of(
            dataset,
            labels=labels,
            predictions=predictions,
            signals=signals,
            summary=read_summary(folder),
            neighbors=read_neighbors(folder),
        )
        put_aside(folder, "findings", *(f"findings/{file.name}" for file in (folder / "findings").glob("*")))
        save_findings(folder / "findings", find(known), durable=False)
        renew(folder, *(name for name in files_in(folder) if name.startswith("findings/")))
        found.add(f"{name}/findings", REBUILT, "from the signals of the round")
    else:
        found.add(f"{name}/findings", WHOLE)
    queue = reads(lambda: read_table(folder / "queue.parquet"))
    if queue is None or not set(states["sample_id"]) <= set(queue["sample_id"]):
        queue = _queue(states, signals, predictions)
        put_aside(folder, "queue.parquet")
        write_table(folder / "queue.parquet", queue, index=False)
        renew(folder, "queue.parquet")
        found.add(f"{name}/queue.parquet", REBUILT, "its order from the journal; scores and reasons from the signals")
    else:
        found.add(f"{name}/queue.parquet", WHOLE)
    drawn = reads(lambda: read_table(folder / "drawn.parquet"))
    if drawn is None or not set(queue["sample_id"]) <= set(drawn.index):
        drawn = drawn_rows(queue, signals, labels, Snapshot(dataset, labels).in_play)
        put_aside(folder, "drawn.parquet")
        write_table(folder / "drawn.parquet", drawn)
        renew(folder, "drawn.parquet")
        found.add(f"{name}/drawn.parquet", REBUILT, "from the queue and the signals of the round")
    else:
        found.add(f"{name}/drawn.parquet", WHOLE)


def _groups(folder: Path, dataset: Dataset, told: str | None, found: Findings) -> NDArray[np.object_] | None:
    """The groups that a round was told; made again where they were a column of the dataset."""
    from dqkit.rounds.parts import holds, put_aside, renew
    from dqkit.rounds.result import read_groups, save_groups

    name, file = "groups.parquet", f"rounds/{folder.name}/groups.parquet"
    if not holds(folder, name):
        return None
    try:
        return read_groups(folder, dataset.ids)
    except StoreError:
        made: NDArray[np.object_] | None = reads(lambda: group_names_of(dataset, told))
        if told is None or made is None:
            found.add(file, LOST, "they were told to the round and stand nowhere else; run another round")
            return None
        put_aside(folder, name)
        save_groups(folder, dataset.ids, made)
        renew(folder, name)
        found.add(file, REBUILT, f"from the column {told!r}")
        return made


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
