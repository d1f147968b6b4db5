"""`dqkit audit` and `dqkit check` on a workbench: they judge the labels as people have corrected them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dqkit.records import InputError
from dqkit.workbench.project import PROJECT_FILE

if TYPE_CHECKING:
    from dqkit.records import Dataset
    from dqkit.rounds import RoundResult, RoundSettings


def is_workbench(path: str | Path) -> bool:
    """Return whether a folder is one that `Workbench.create` made."""
    return (Path(path) / PROJECT_FILE).is_file()


def audited(
    path: str | Path, settings: RoundSettings, *, checkpoints: Path, progress: bool
) -> tuple[dict[str, Any], Dataset, RoundResult]:
    """Judge the labels of a workbench as they are now, from new baselines; the workbench is not changed.

    Parameters
    ----------
    path : path
        Its folder.
    settings : RoundSettings
        Folds, seed and columns to leave out; a budget of 0.
    checkpoints : Path
        A folder for finished fits.
    progress : bool
        Whether to show progress bars.

    Returns
    -------
    dict, Dataset, RoundResult
        The health record, the dataset under its given labels, and what was found.
    """
    from dqkit.report import health
    from dqkit.rounds import run
    from dqkit.rounds.settings import without_columns
    from dqkit.workbench import Workbench
    from dqkit.workbench.running import read_snapshot
    from dqkit.workbench.surfaces import FROM_JOURNAL, round_rows

    with Workbench.open(path) as bench:
        settings = settings.checked(bench.dataset)
        snapshot = read_snapshot(bench.state, bench.state.number + 1, settings.exclude)
        result = run(snapshot, settings, checkpoints=checkpoints, progress=progress, title="audit")
        dataset = without_columns(bench.dataset, settings.exclude)
        facts = health(
            dataset,
            labels=snapshot.labels,
            signals=result.signals,
            summary=result.summary,
            predictions=result.predictions,
            rounds=round_rows(bench.state),
            events=bench.store.events(),
            title=bench.about["title"],
            description=bench.about["description"],
            tags=bench.about["tags"],
            sample=snapshot.sample,
            known=[finding for finding in result.findings if finding.name not in FROM_JOURNAL],
        )
        return facts, dataset, result


def standing(path: str | Path) -> dict[str, Any]:
    """Return the health record of a workbench by its newest round and the labels as they are now; nothing is trained.

    Parameters
    ----------
    path : path
        Its folder.

    Returns
    -------
    dict
        As `dqkit.report.health` gives it.

    Raises
    ------
    InputError
        Before the first round.
    """
    from dqkit.workbench import Workbench
    from dqkit.workbench.surfaces import facts

    with Workbench.open(path) as bench:
        if not bench.rounds:
            raise InputError(f"{str(path)!r} is a workbench without a round; run one, or audit it: dqkit audit {path}.")
        return facts(bench.state)
