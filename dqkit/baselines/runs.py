"""Every member fitted on every fold, each fit kept as soon as it is done."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.calibration import Calibration, fit_calibration
from dqkit.baselines.checkpoints import Checkpoints
from dqkit.baselines.comparison import scores_of
from dqkit.baselines.members import Fitted, Member, Result, Task, seed_of
from dqkit.records import InputError

LATENCY_CALLS = 30


class BaselineWarning(UserWarning):
    """Something about the baselines the user should know: a member failed, a class is too small."""


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
        row |= {"size_mb": first["size_mb"], "memory_mb": max(result.costs["memory_mb"] for result in self.results)}
        return row | {"weight": weights[self.name], "n": len(task.labeled), "status": "ok"}


def run_all(task: Task, members: list[Member], folds: int, saved: Checkpoints, progress: bool) -> list[Run]:
    runs = [Run(member) for member in members]
    rest = np.flatnonzero(task.y < 0)
    with _bar(len(members) * folds, progress) as bar:
        for fold in range(folds):
            at = np.r_[np.flatnonzero(task.folds == fold), rest]
            for run in runs:
                if run.error is None:
                    bar.set_description(f"fold {fold + 1}/{folds}, {run.name}")
                    _run_one(task, run, fold, at, saved)
                bar.update(1)
    return runs


def _run_one(task: Task, run: Run, fold: int, at: NDArray[np.int64], saved: Checkpoints) -> None:
    found = saved.load(run.name, fold, run.member.settings)
    if found is None:
        try:
            found = _fit(task, run.member, fold, at)
        except Exception as error:  # reported to the user, and one member must not take the others down
            run.error = error
            warnings.warn(
                f"baseline member {run.name!r} failed in fold {fold} and is left out: {type(error).__name__}: {error}",
                BaselineWarning,
                stacklevel=5,
            )
            return
        saved.save(run.name, fold, run.member.settings, found)
    run.results.append(found)


def _fit(task: Task, member: Member, fold: int, at: NDArray[np.int64]) -> Result:
    started, peak = time.perf_counter(), _peak_mb()
    predict = member.fit(fold, seed_of(task.seed, member.name, fold))
    fitted = time.perf_counter()
    scores = np.asarray(predict(at), dtype=np.float32)
    costs = {"fit": fitted - started, "predict": time.perf_counter() - fitted}
    if scores.shape != (len(at), task.n_classes) or not np.isfinite(scores).all():
        raise InputError(
            f"member {member.name!r} must return finite scores of shape {(len(at), task.n_classes)}; "
            f"got shape {scores.shape} with {int((~np.isfinite(scores)).sum())} values that are not finite."
        )
    known = predict if isinstance(predict, Fitted) else Fitted(predict, 0)
    costs |= {"size_mb": known.size / 2**20 or float("nan"), "memory_mb": _peak_mb() - peak}
    if fold == 0:
        costs |= _latency(predict, at)
    return Result(scores, costs, known.margins, known.checks)


def _peak_mb() -> float:
    """The most memory this process has held so far, in MiB; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _latency(predict: Any, at: NDArray[np.int64]) -> dict[str, float]:
    """Milliseconds for one sample, its features at hand; fewer calls where a model is slow."""
    times: list[float] = []
    deadline = time.perf_counter() + 0.1
    for i in range(LATENCY_CALLS):
        started = time.perf_counter()
        predict(at[i % len(at) : i % len(at) + 1])
        times.append(1000 * (time.perf_counter() - started))
        if time.perf_counter() > deadline:
            break
    return {f"predict_ms_p{q}": float(np.percentile(times, q)) for q in (50, 90, 99)}


@contextmanager
def _bar(total: int, show: bool) -> Iterator[Any]:
    from tqdm.auto import tqdm

    with tqdm(total=total, disable=not show, unit="fit", leave=False) as bar:
        yield bar
