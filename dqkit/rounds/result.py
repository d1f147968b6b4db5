"""What a round found, and the folder that keeps it: plain arrays, tables and JSON, no pickle."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.checks import kinds, takes
from dqkit.files import replace, write_array, write_json
from dqkit.findings import Finding
from dqkit.findings import load as load_findings
from dqkit.findings import save as save_findings
from dqkit.records import CHECK_COLUMNS, Predictions, StoreError
from dqkit.rounds.settings import as_json

Part = TypeVar("Part")


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
    """Write every part of a result into a folder, each file whole or not at all.

    Parameters
    ----------
    folder : Path
        The folder of the round.
    result : RoundResult
        What `run` or `rerank` returned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / "labels.parquet", lambda partial: result.labels.to_parquet(partial))
    write_predictions(folder, result.predictions)
    save_queue(folder, result)
    if result.neighbors is not None:
        write_array(folder / "neighbors.npy", result.neighbors)


def save_queue(folder: Path, result: RoundResult) -> None:
    """Write the parts that `rerank` makes anew: signals, summary, findings, queue and what was known of its rows."""
    save_findings(folder / "findings", result.findings)
    replace(folder / "signals.parquet", lambda partial: result.signals.to_parquet(partial))
    write_json(folder / "summary.json", as_json(result.summary))
    replace(folder / "drawn.parquet", lambda partial: result.drawn.to_parquet(partial))
    replace(folder / "queue.parquet", lambda partial: result.queue.to_parquet(partial, index=False))


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
    return load_findings(folder / "findings") if (folder / "findings").exists() else ()


def read_table(file: Path) -> pd.DataFrame:
    """A Parquet table of a round; raises `StoreError` where it is missing or damaged."""
    return _whole(file, pd.read_parquet)


def read_labels(folder: Path) -> pd.DataFrame:
    """The labels that the round was computed from."""
    table = read_table(folder / "labels.parquet")
    return table.astype(object).where(table.notna(), None).astype({"round": np.int64})


def read_summary(folder: Path) -> dict[str, Any]:
    """The figures of the whole dataset."""
    return _whole(folder / "summary.json", _read_object)


def read_neighbors(folder: Path) -> NDArray[np.int64] | None:
    """(n, k) positions of the nearest samples, or None where there were no features."""
    file = folder / "neighbors.npy"
    return _whole(file, lambda path: np.load(path, allow_pickle=False)) if file.exists() else None


def save_groups(folder: Path, ids: NDArray[np.object_], groups: NDArray[np.object_] | None) -> None:
    """Keep the groups that the round was told, which the dataset does not hold."""
    table = pd.DataFrame({"sample_id": ids, "group": groups})
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / "groups.parquet", lambda partial: table.to_parquet(partial, index=False))


def read_groups(folder: Path, ids: NDArray[np.object_]) -> NDArray[np.object_] | None:
    """(n,) the groups that the round was told, None where it was told none or an older dqkit did not keep them."""
    file = folder / "groups.parquet"
    if not file.exists():
        return None
    known = read_table(file).set_index("sample_id")["group"].astype(object).reindex(ids)
    return np.asarray(known.where(known.notna(), None), dtype=object)


def write_predictions(folder: Path, predictions: Predictions) -> None:
    """Keep predictions as plain arrays and tables."""
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

    replace(folder / "predictions.npz", fill)
    names = {"classes": list(predictions.classes), "members": list(predictions.members), "ids": list(predictions.ids)}
    write_json(folder / "predictions.json", names)
    replace(folder / "baselines.parquet", lambda partial: predictions.baselines.to_parquet(partial))
    replace(folder / "checks.parquet", lambda partial: predictions.checks.to_parquet(partial))


def read_predictions(folder: Path) -> Predictions:
    """What `write_predictions` kept; raises `StoreError` on damage."""
    names = _whole(folder / "predictions.json", _read_object)
    loaded = _whole(folder / "predictions.npz", _read_arrays)
    # Rounds written before checks were kept have none.
    kept = folder / "checks.parquet"
    checks = read_table(kept) if kept.exists() else pd.DataFrame(columns=list(CHECK_COLUMNS))

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
            baselines=read_table(folder / "baselines.parquet"),
            dynamics={name.removeprefix("dynamics_"): v for name, v in loaded.items() if name.startswith("dynamics_")},
            checks=checks,
        )

    return _whole(folder / "predictions.npz", made)


def _whole(file: Path, read: Callable[[Path], Part]) -> Part:
    """What `read` makes of a file; a missing or damaged one is a `StoreError` that says what it takes."""
    try:
        return read(file)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        if isinstance(error, StoreError):
            raise
        trouble = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise StoreError(
            f"{str(file)!r} {trouble}. The labels are in the journal and are not touched; "
            f"make the file again with: dqkit rebuild {str(file.absolute().parents[2])!r}"
        ) from error


def _read_object(file: Path) -> dict[str, Any]:
    found = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError("it holds no JSON object")
    return found


def _read_arrays(file: Path) -> dict[str, NDArray[Any]]:
    # Opened here, because numpy leaves a damaged file open.
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
