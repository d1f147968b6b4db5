"""Rounds of a workbench: a snapshot of its journal goes into a run, and what comes out is written down."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dqkit.acquisition import QueueOptions
from dqkit.bars import Stages
from dqkit.datasets.groups import group_names_of
from dqkit.files import make_folder
from dqkit.records import InputError
from dqkit.rounds import RoundResult, RoundSettings, Snapshot, Training, run, save
from dqkit.rounds import rerank as ranked_again
from dqkit.rounds.classes import widened
from dqkit.rounds.drawn import drawn_rows
from dqkit.rounds.parts import drop_staged, files_in, manifest, new_version, seal, staged, sums_of
from dqkit.rounds.result import is_ranking, read_groups, save_groups, save_queue
from dqkit.rounds.settings import is_whole, without_columns
from dqkit.store.rounds import Kept
from dqkit.workbench.evidence import audit_sample, reviews
from dqkit.workbench.project import now
from dqkit.workbench.results import Round
from dqkit.workbench.state import State


def read_snapshot(state: State, number: int, exclude: Sequence[str] = ()) -> Snapshot:
    """Everything that round `number` is computed from, of one moment of the journal, without some columns."""
    with state.store.reading():
        labels = state.labels()
        last = state.store.latest_decisions()
        # Nobody is asked the same again at once: what was skipped may come back a round later, what was flagged does
        # when the flag is undone or the sample labelled.
        aside = (last["kind"] == "flag") | ((last["kind"] == "skip") & (last["round"] >= number - 1))
        return Snapshot(
            given=without_columns(state.dataset, exclude),
            labels=labels,
            votes=state.store.human_votes(),
            answers=state.store.confirmations(),
            reviews=reviews(state),
            sample=audit_sample(state),
            put_aside=tuple(str(sample_id) for sample_id in last.loc[aside, "sample_id"]),
        )


def run_round(state: State, settings: RoundSettings, *, progress: bool, stages: Stages) -> Round:
    """See `Workbench.run_round`; stages: its bar, which is open already."""
    stages.begin("reading")
    if not is_whole(settings.budget) or settings.budget < 1:
        raise InputError(f"budget must be a whole number of samples, at least 1; got {settings.budget!r}.")
    state.refresh()
    settings = settings.checked(state.dataset)
    with state.store.only_runner(state.path):
        number = _open_round(state, settings)
        snapshot = read_snapshot(state, number, settings.exclude)
        stages.rename(f"round {number}")
        result = run(snapshot, settings, checkpoints=state.path / "checkpoints", progress=progress, stages=stages)
        stages.begin("saving")
        folder = state.path / "rounds" / f"{number:04d}"
        shutil.rmtree(folder, ignore_errors=True)  # what a round left that was never finished
        make_folder(folder)
        save(folder, result)
        if settings.training.groups is not None:
            save_groups(folder, state.dataset.ids, group_names_of(state.dataset, settings.training.groups))
        kept = sealed(folder)
        state.store.commit_round(number, _rows(result.queue), kept, finished=now(), metrics=result.metrics)
    return state.rounds[-1]


def rerank(state: State, *, budget: int | None, strategy: str | None) -> Round:
    """See `Workbench.rerank`."""
    if not state.rounds:
        raise InputError("There is no round to rank again; run wb.run_round(budget=...) first.")
    with state.store.only_runner(state.path):
        about = state.store.rounds()[-1]
        if about["status"] == "running":
            raise InputError(f"Round {about['round']} is not finished; call wb.run_round as before to finish it first.")
        rnd = state.rounds[-1]
        if rnd.size < len(state.dataset):
            more = len(state.dataset) - rnd.size
            raise InputError(f"Round {rnd.number} knows nothing of {more:,} samples added since; run another round.")
        told = about["settings"] | ({} if strategy is None else {"strategy": strategy})
        size = rnd.budget if budget is None else budget
        if not is_whole(size) or size < 1:
            raise InputError(f"budget must be a whole number of samples, at least 1; got {size!r}.")
        training = Training(groups=read_groups(rnd.folder, state.dataset.ids))
        exclude = tuple(told.get("exclude", ()))
        settings = RoundSettings(size, rnd.seed, training, QueueOptions.from_described(told), exclude)
        snapshot = read_snapshot(state, rnd.number, exclude)
        states = state.store.queue_states(rnd.number)
        answered = states.loc[states["state"] != "open", "sample_id"]
        result, fresh = ranked_again(
            snapshot,
            _as_it_stands(rnd, snapshot),
            settings,
            answered=set(answered),
            checkpoints=state.path / "checkpoints",
        )
        state.store.commit_ranking(rnd.number, _rows(fresh), _staged(rnd.folder, result))
    return state.rounds[-1]


def sealed(folder: Path) -> Kept:
    """The files of a round's folder, once the disk has them."""
    version = new_version()
    seal(folder, version)
    return Kept(folder, version, files_in(folder))


def _staged(folder: Path, result: RoundResult) -> Kept:
    """The files of a round with those of its new ranking, which wait beside the old ones for their commit."""
    version = new_version()
    drop_staged(folder)
    waiting, known = staged(folder, version), manifest(folder)
    save_queue(waiting, result)
    others = {name: sums for name, sums in (known or sums_of(folder)).items() if not is_ranking(name)}
    seal(waiting, version, beside=others)
    here = {name: file for name, file in files_in(folder).items() if name in others}
    return Kept(folder, version, {**here, **files_in(waiting)})


def _as_it_stands(rnd: Round, snapshot: Snapshot) -> RoundResult:
    """The round as a value, its predictions over the classes of the snapshot."""
    drawn = rnd.drawn
    if drawn is None:  # an older dqkit did not keep it
        drawn = drawn_rows(rnd.queue, rnd.signals, rnd.labels_before, snapshot.in_play)
    return RoundResult(
        labels=rnd.labels_before,
        predictions=widened(rnd.predictions, snapshot.given.classes),
        signals=rnd.signals,
        summary=rnd.summary,
        neighbors=rnd.neighbors,
        queue=rnd.queue,
        drawn=drawn,
        metrics=rnd.metrics,
        findings=rnd.findings,
    )


def _open_round(state: State, settings: RoundSettings) -> int:
    """The number of the round to work on: the one that was interrupted, if it is the same, else a new one."""
    rounds, told = state.store.rounds(), settings.described()
    if rounds and rounds[-1]["status"] == "running":
        last = rounds[-1]
        if (last["budget"], last["seed"], last["settings"]) == (settings.budget, settings.seed, told):
            return int(last["round"])
        state.store.drop_round(last["round"])
        rounds = rounds[:-1]
    number = rounds[-1]["round"] + 1 if rounds else 1
    state.store.start_round(number, budget=settings.budget, seed=settings.seed, started=now(), settings=told)
    return int(number)


def _rows(queue: pd.DataFrame) -> Any:
    return zip(queue["sample_id"], queue["action"], queue["control"], strict=True)
