"""Every member fitted on every fold, each fit kept as soon as it is done."""

from __future__ import annotations

import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.threads import processors, side_by_side
from dqkit.baselines.calibration import Calibration, fit_calibration
from dqkit.baselines.checkpoints import Checkpoints
from dqkit.baselines.comparison import latency, scores_of
from dqkit.baselines.members import FitStopped, Fitted, Member, Result, Task, seed_of
from dqkit.baselines.memory import MemoryWatch
from dqkit.baselines.progress import Progress
from dqkit.records import InputError

LONG_SECONDS = 20.0
FAULTS_PER_SECOND = 50


class BaselineWarning(UserWarning):
    """Something about the baselines that the user should know: a member failed, a class is too small."""


class Run:
    """One member's fits, a result a fold, or the error that ended them."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.name = member.name
        self.results: list[Result] = []
        self.error: Exception | None = None
        self.probs: NDArray[np.float32] = np.zeros((0, 0), dtype=np.float32)

    @property
    def seconds(self) -> float:
        return sum(result.costs["fit"] + result.costs["predict"] for result in self.results)

    @property
    def scores(self) -> list[NDArray[np.float32]]:
        return [result.scores for result in self.results]

    def calibrate(self, task: Task, y: NDArray[np.int64], fair: NDArray[np.bool_]) -> None:
        """Turn all folds' scores into probabilities of every sample."""
        n, c = len(task.y), task.n_classes
        rest = np.flatnonzero(task.y < 0)
        out = np.zeros((n, c), dtype=np.float32)
        held = [np.flatnonzero(task.folds == fold) for fold in range(len(self.scores))]
        for where, scores in zip(held, self.scores, strict=True):
            out[where] = scores[: len(where)]
        to_probs: Calibration = fit_calibration(out[task.labeled[fair]], y[fair])
        out[task.labeled] = to_probs(out[task.labeled])
        for where, scores in zip(held, self.scores, strict=True):
            out[rest] += to_probs(scores[len(where) :]) / np.float32(len(self.scores))
        self.probs = out / out.sum(axis=1, keepdims=True)

    def row(self, task: Task, weights: dict[str, float]) -> dict[str, Any]:
        """The member's line in the table of baselines."""
        row: dict[str, Any] = {"model": self.name, "kind": "member", "seconds": self.seconds}
        if self.error is not None:
            return row | {"n": 0, "status": f"failed: {type(self.error).__name__}: {self.error}"}
        row |= scores_of(self.probs[task.labeled], task.y[task.labeled])
        first = self.results[0].costs
        row |= {key: value for key, value in first.items() if key.startswith("predict_ms")}
        # Of fits made side by side, each would count what the others hold.
        alone = self.results[:1] if self.member.one_thread else self.results
        row |= {"size_mb": first["size_mb"], "memory_mb": max(result.costs["memory_mb"] for result in alone)}
        return row | {"weight": weights[self.name], "n": len(task.labeled), "status": "ok"}


def run_all(task: Task, members: list[Member], folds: int, saved: Checkpoints, show: bool) -> list[Run]:
    """Every member fitted on every fold, fold by fold; what is found in a checkpoint is not fitted again.

    Members with a device of their own are fitted in a thread beside the others: neither waits for the other.
    """
    runs = [Run(member) for member in members]
    progress = Progress([run.name for run in runs], folds, show=show)
    beside = [run for run in runs if run.member.on_device]
    here = [run for run in runs if not run.member.on_device] if beside else runs
    task.listeners.append(progress.epoch)
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="device") as thread:
            other = thread.submit(_run_lane, task, beside, folds, saved, progress) if beside and here else None
            try:
                _run_lane(task, here or beside, folds, saved, progress)
            except BaseException:
                task.stop.set()
                raise
            if other is not None:
                other.result()
    finally:
        task.listeners.remove(progress.epoch)
        progress.close()
    return runs


def _run_lane(task: Task, runs: list[Run], folds: int, saved: Checkpoints, progress: Progress) -> None:
    for fold in range(folds):
        for run in runs:
            if task.stop.is_set():
                return
            if run.member.one_thread and fold > 0:
                continue
            found = _attempt(task, run, fold, saved, progress)
            run.results += [] if found is None else [found]
    for run in runs:
        if run.member.one_thread:
            _run_side_by_side(task, run, folds, saved, progress)


def _run_side_by_side(task: Task, run: Run, folds: int, saved: Checkpoints, progress: Progress) -> None:
    """All folds but the first, as many at once as there are processors."""
    with side_by_side(folds - 1) as pool, progress.at_once(run.name, min(folds - 1, processors())):
        waiting = [pool.submit(_attempt, task, run, fold, saved, progress) for fold in range(1, folds)]
        try:
            found = [future.result() for future in waiting]
        except BaseException:
            task.stop.set()
            for future in waiting:
                future.cancel()
            raise
    run.results += [result for result in found if result is not None]


def _attempt(task: Task, run: Run, fold: int, saved: Checkpoints, progress: Progress) -> Result | None:
    """One fit, found or made and saved; None where the member has failed, now or before, or the call is to stop."""
    if run.error is not None or task.stop.is_set():
        progress.skip(run.name)
        return None
    progress.start(fold, run.name)
    found = saved.load(run.name, fold, run.member.settings)
    loaded = found is not None
    if found is None:
        try:
            at = np.r_[np.flatnonzero(task.folds == fold), np.flatnonzero(task.y < 0)]
            found = _fit(task, run.member, fold, at)
        except FitStopped:
            progress.finish(loaded=True)
            return None
        except Exception as error:  # reported to the user, and one member must not take the others down
            run.error = error
            progress.finish(loaded=True)
            warnings.warn(
                f"baseline member {run.name!r} failed in fold {fold} and is left out: {type(error).__name__}: {error}",
                BaselineWarning,
                stacklevel=6,
            )
            return None
        saved.save(run.name, fold, run.member.settings, found)
        for check, _, said in found.checks:
            if check == "bottleneck":
                progress.say(f"fold {fold + 1}/{progress.folds}, {run.name}: bottleneck: {said}")
    progress.finish(loaded=loaded)
    return found


def _fit(task: Task, member: Member, fold: int, at: NDArray[np.int64]) -> Result:
    busy, faults = time.process_time(), _major_faults()
    started = time.perf_counter()
    with MemoryWatch() as memory:
        predict = member.fit(fold, seed_of(task.seed, member.name, fold))
    fitted = time.perf_counter()
    busy, faults = time.process_time() - busy, _major_faults() - faults
    scores = np.asarray(predict(at), dtype=np.float32)
    costs = {"fit": fitted - started, "predict": time.perf_counter() - fitted}
    if scores.shape != (len(at), task.n_classes) or not np.isfinite(scores).all():
        raise InputError(
            f"member {member.name!r} must return finite scores of shape {(len(at), task.n_classes)}; "
            f"got shape {scores.shape} with {int((~np.isfinite(scores)).sum())} values that are not finite."
        )
    known = predict if isinstance(predict, Fitted) else Fitted(predict, 0)
    costs |= {"size_mb": known.size / 2**20 or float("nan"), "memory_mb": memory.peak_mb}
    if fold == 0:
        costs |= latency(predict, at)
    checks = known.checks
    if costs["fit"] >= LONG_SECONDS and all(check != "bottleneck" for check, _, _ in checks):
        checks += (("bottleneck", True, bottleneck(costs["fit"], busy, faults)),)
    return Result(scores, costs, known.margins, checks)


def bottleneck(seconds: float, busy: float, faults: int) -> str:
    """What a long fit waited for, from its wall and CPU seconds and the pages it had to fetch from disk."""
    said = f"{busy / seconds:.1f} processors busy over {seconds:.0f} s"
    if faults > FAULTS_PER_SECOND * seconds:
        return f"memory: {faults:,} pages had to be fetched from disk; {said}"
    if busy < seconds / 2:
        return f"data: the processor waited most of the time; {said}"
    return f"compute: {said}"


def _major_faults() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_majflt)
