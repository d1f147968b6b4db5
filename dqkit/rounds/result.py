"""What a round found, and the folder that keeps it: plain arrays, tables and JSON, no pickle."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.checks import kinds, takes
from dqkit.files import replace, write_array, write_json
from dqkit.findings import Finding
from dqkit.findings import load as load_findings
from dqkit.findings import save as save_findings
from dqkit.records import CHECK_COLUMNS, Predictions, StoreError
from dqkit.rounds.parts import damaged, holds, manifest, read_part
from dqkit.rounds.settings import as_json

PREDICTIONS = ("predictions.npz", "predictions.json", "baselines.parquet", "checks.parquet")
SIGNALS = ("signals.parquet", "summary.json", "neighbors.npy")
RANKING = ("signals.parquet", "summary.json", "drawn.parquet", "queue.parquet")


@dataclass(frozen=True, eq=False)
class RoundResult:
    """What a round found.

    Parameters
    ----------
    labels : DataFrame
        The labels it was computed from, as `Workbench.labels` gives them.
    predictions : Predictions
        Out-of-sample probabilities, features and the table of baselines.
    signals : DataFrame
        One row per sample id; see `dqkit.signals.signal_table`.
    summary : dict
        Figures of the whole dataset, one entry a check.
    neighbors : int64 (n, k) or None
        Positions of the nearest samples, nearest first; None without features.
    queue : DataFrame
        What to look at, best first; see `Round.queue`.
    drawn : DataFrame
        What was known of the queue's rows when they were drawn; see `dqkit.rounds.drawn.drawn_rows`.
    metrics : dict
        The figures of the round; see `dqkit.rounds.metrics.metrics`.
    findings : tuple of Finding
        What every check found, checks of your own included; see `dqkit.findings.find`.
    """

    labels: pd.DataFrame
    predictions: Predictions
    signals: pd.DataFrame
    summary: dict[str, Any]
    neighbors: NDArray[np.int64] | None
    queue: pd.DataFrame
    drawn: pd.DataFrame
    metrics: dict[str, Any]
    findings: tuple[Finding, ...] = ()


@takes(folder=kinds.path, result=kinds.a(RoundResult, "a RoundResult"))
def save(folder: Path, result: RoundResult) -> None:
    """Write every part of a result into a folder. Its files count once `seal` has brought them to disk.

    Parameters
    ----------
    folder : Path
        The folder of the round.
    result : RoundResult
        What `run` or `rerank` returned.

    Raises
    ------
    StoreError
        Where the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_table(folder / "labels.parquet", result.labels)
        write_predictions(folder, result.predictions)
        save_queue(folder, result)
        if result.neighbors is not None:
            write_array(folder / "neighbors.npy", result.neighbors, durable=False)
    except OSError as error:
        raise StoreError(f"The round cannot be written to {str(folder)!r}: {error}.") from error


def save_queue(folder: Path, result: RoundResult) -> None:
    """Write the parts that `rerank` makes anew: signals, summary, findings, queue and what was known of its rows."""
    save_findings(folder / "findings", result.findings, durable=False)
    write_table(folder / "signals.parquet", result.signals)
    write_json(folder / "summary.json", as_json(result.summary), durable=False)
    write_table(folder / "drawn.parquet", result.drawn)
    write_table(folder / "queue.parquet", result.queue, index=False)


def write_table(file: Path, table: pd.DataFrame, *, index: bool | None = None) -> None:
    """Write a table of a round; see `save`."""
    replace(file, lambda partial: table.to_parquet(partial, index=index), durable=False)


def is_ranking(name: str) -> bool:
    """Whether `save_queue` writes this file."""
    return name.startswith("findings/") or name in RANKING


@takes(folder=kinds.path, metrics=kinds.mapped("names to figures"))
def load(folder: Path, metrics: dict[str, Any]) -> RoundResult:
    """Return what `save` wrote.

    Parameters
    ----------
    folder : Path
        The folder of the round.
    metrics : dict
        The figures of the round, which the journal keeps.

    Returns
    -------
    RoundResult

    Raises
    ------
    StoreError
        Where a file is missing or damaged.
    """
    return RoundResult(
        labels=read_labels(folder),
        predictions=read_predictions(folder),
        signals=read_table(folder / "signals.parquet"),
        summary=read_summary(folder),
        neighbors=read_neighbors(folder),
        queue=read_table(folder / "queue.parquet"),
        drawn=read_table(folder / "drawn.parquet"),
        metrics=metrics,
        findings=read_findings(folder),
    )


def read_findings(folder: Path) -> tuple[Finding, ...]:
    """What the checks of the round found; nothing where an older dqkit ran it."""
    known = manifest(folder)
    if known is None and not (folder / "findings").exists():
        return ()
    for name in sorted(known or ()):
        if name.startswith("findings/"):
            read_part(folder, name, Path.stat)
    try:
        return read_part(folder, "findings", load_findings)
    except StoreError as error:
        raise damaged(folder, "findings", f"cannot be read: {error}") from error


def read_table(file: Path) -> pd.DataFrame:
    """A Parquet table of a round; raises `StoreError` where it is missing or damaged."""
    return read_part(file.parent, file.name, pd.read_parquet)


def read_labels(folder: Path) -> pd.DataFrame:
    """The labels that the round was computed from."""

    def read(file: Path) -> pd.DataFrame:
        table = pd.read_parquet(file)
        return table.astype(object).where(table.notna(), None).astype({"round": np.int64})

    return read_part(folder, "labels.parquet", read)


def read_summary(folder: Path) -> dict[str, Any]:
    """The figures of the whole dataset."""
    return read_part(folder, "summary.json", _read_object)


def read_drawn(folder: Path) -> pd.DataFrame | None:
    """What was known of the queue's rows, or None where an older dqkit did not keep it."""
    return read_table(folder / "drawn.parquet") if holds(folder, "drawn.parquet") else None


def read_neighbors(folder: Path) -> NDArray[np.int64] | None:
    """(n, k) positions of the nearest samples, or None where there were no features."""
    if not holds(folder, "neighbors.npy"):
        return None
    found: NDArray[np.int64] = read_part(folder, "neighbors.npy", lambda file: np.load(file, allow_pickle=False))
    return found


def save_groups(folder: Path, ids: NDArray[np.object_], groups: NDArray[np.object_] | None) -> None:
    """Keep the groups that the round was told, which the dataset does not hold."""
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "groups.parquet", pd.DataFrame({"sample_id": ids, "group": groups}), index=False)


def read_groups(folder: Path, ids: NDArray[np.object_]) -> NDArray[np.object_] | None:
    """(n,) the groups that the round was told, None where it was told none or an older dqkit did not keep them."""
    if not holds(folder, "groups.parquet"):
        return None
    known = read_table(folder / "groups.parquet").set_index("sample_id")["group"].astype(object).reindex(ids)
    return np.asarray(known.where(known.notna(), None), dtype=object)


def write_predictions(folder: Path, predictions: Predictions) -> None:
    """Keep predictions as plain arrays and tables; see `save`."""
    arrays: dict[str, Any] = {
        "member_probs": predictions.member_probs,
        "pred_probs": predictions.pred_probs,
        "weights": predictions.weights,
        "folds": predictions.folds,
        **{f"dynamics_{name}": values for name, values in predictions.dynamics.items()},
    }
    if predictions.features is not None:
        arrays["features"] = predictions.features

    def fill(partial: Path) -> None:
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    replace(folder / "predictions.npz", fill, durable=False)
    names = {"classes": list(predictions.classes), "members": list(predictions.members), "ids": list(predictions.ids)}
    write_json(folder / "predictions.json", names, durable=False)
    write_table(folder / "baselines.parquet", predictions.baselines)
    write_table(folder / "checks.parquet", predictions.checks)


def read_predictions(folder: Path) -> Predictions:
    """What `write_predictions` kept; raises `StoreError` on damage."""
    names = read_part(folder, "predictions.json", _read_object)
    loaded = read_part(folder, "predictions.npz", _read_arrays)
    baselines = read_table(folder / "baselines.parquet")
    # Rounds written before checks were kept have none.
    checks = pd.DataFrame(columns=list(CHECK_COLUMNS))
    if holds(folder, "checks.parquet"):
        checks = read_table(folder / "checks.parquet")

    def made(_: Path) -> Predictions:
        return Predictions(
            ids=np.array(names["ids"], dtype=object),
            classes=tuple(names["classes"]),
            member_probs=loaded["member_probs"],
            pred_probs=loaded["pred_probs"],
            members=tuple(names["members"]),
            weights=loaded["weights"],
            folds=loaded["folds"],
            features=loaded.get("features"),
            baselines=baselines,
            dynamics={name.removeprefix("dynamics_"): v for name, v in loaded.items() if name.startswith("dynamics_")},
            checks=checks,
        )

    return read_part(folder, "predictions.npz", made)


def _read_object(file: Path) -> dict[str, Any]:
    found = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError("it holds no JSON object")
    return found


def _read_arrays(file: Path) -> dict[str, NDArray[Any]]:
    # Opened here, because numpy leaves a damaged file open.
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
