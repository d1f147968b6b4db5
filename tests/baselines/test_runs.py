"""What is kept of a fit beside its scores: where a long one spent its time, and what it cost."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from dqkit.arrays import threads
from dqkit.baselines import cross_val_predictions, runs
from dqkit.baselines.checkpoints import Checkpoints
from dqkit.baselines.members import FitStopped, Member, Positions, Predict, Scores, Task
from dqkit.baselines.runs import bottleneck, run_all
from tests.baselines.data import blobs, digits

COSTS = ["seconds", "predict_ms_p50", "predict_ms_p90", "predict_ms_p99", "size_mb", "memory_mb"]


class Waiting(GaussianNB):
    def fit(self, x: object, y: object) -> Waiting:
        time.sleep(0.3)
        return super().fit(x, y)


def test_a_bottleneck_is_memory_data_or_compute() -> None:
    assert bottleneck(100, 170, 12) == "compute: 1.7 processors busy over 100 s"
    assert bottleneck(100, 30, 12) == "data: the processor waited most of the time; 0.3 processors busy over 100 s"
    assert bottleneck(100, 30, 9000).startswith("memory: 9,000 pages had to be fetched from disk")


def test_a_long_fit_of_any_member_says_what_it_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runs, "LONG_SECONDS", 0.2)
    out = cross_val_predictions(blobs(), {"waiting": Waiting(), "quick": GaussianNB()}, folds=2)
    lines = out.checks[out.checks["check"] == "bottleneck"]
    assert lines["member"].tolist() == ["waiting", "waiting"]
    assert lines["found"].str.startswith("data: the processor waited").all()
    assert "fold 2/2, waiting: bottleneck: data" in capsys.readouterr().err


def test_every_row_that_learns_says_what_it_costs_and_the_ensemble_costs_its_members() -> None:
    out = cross_val_predictions(digits(120), {"a": LogisticRegression(), "b": GaussianNB()}, folds=2, progress=False)
    table = out.baselines.set_index("model")
    told = ["nearest neighbour", "10 nearest neighbours", "linear", "a", "b", "ensemble"]
    assert np.isfinite(table.loc[told, COSTS].to_numpy(dtype=float)).all()
    assert (table["predict_ms_p50"].dropna() <= table["predict_ms_p99"].dropna()).all()
    for column in ("seconds", "predict_ms_p50", "size_mb"):
        assert table.loc["ensemble", column] == pytest.approx(table.loc[["a", "b"], column].sum())
    trained_on = 60
    features = out.features
    assert features is not None
    assert table.loc["nearest neighbour", "size_mb"] == pytest.approx(trained_on * features[0].nbytes / 2**20)


def lanes_task() -> Task:
    ds = blobs(30)
    return Task(ds, ds.labels, np.arange(30) % 3, 0)


def zeros(at: Positions) -> Scores:
    return np.zeros((len(at), 3), dtype=np.float32)


def test_a_member_with_a_device_is_fitted_while_another_keeps_the_processor_busy() -> None:
    """Each waits for the other in its first fit: one after the other, they would wait for ever."""
    meeting = threading.Barrier(2)

    def meet(fold: int, seed: int) -> Predict:
        if fold == 0:
            meeting.wait(timeout=20)
        return zeros

    members = [Member("processor", meet), Member("device", meet, on_device=True)]
    found = run_all(lanes_task(), members, 3, Checkpoints(None, ""), False)
    assert [(run.name, len(run.results), run.error) for run in found] == [("processor", 3, None), ("device", 3, None)]


def test_an_interrupt_ends_both_lanes_and_keeps_what_was_done(tmp_path: Path) -> None:
    done: list[int] = []
    fitted = threading.Event()

    def slow(fold: int, seed: int) -> Predict:
        done.append(fold)
        fitted.set()
        time.sleep(0.2)
        return zeros

    def interrupted(fold: int, seed: int) -> Predict:
        fitted.wait(timeout=20)
        raise KeyboardInterrupt

    members = [Member("processor", interrupted), Member("device", slow, on_device=True)]
    with pytest.raises(KeyboardInterrupt):
        run_all(lanes_task(), members, 50, Checkpoints(tmp_path, ""), False)
    assert 1 <= len(done) < 50
    assert len(list(tmp_path.glob("device-*.json"))) == len(done)


@pytest.fixture
def three_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (threads, runs):
        monkeypatch.setattr(module, "processors", lambda: 3)


@pytest.mark.usefixtures("three_processors")
def test_a_long_member_of_one_thread_is_fitted_once_alone_and_then_side_by_side() -> None:
    meeting = threading.Barrier(3)
    began: list[int] = []

    def meet(fold: int, seed: int) -> Predict:
        began.append(fold)
        if fold > 0:
            meeting.wait(timeout=20)
        else:
            time.sleep(0.1)
            assert began == [0]
        return lambda at: np.full((len(at), 3), fold, dtype=np.float32)

    task = lanes_task()
    folds = np.arange(30) % 4
    (run,) = run_all(
        Task(task.dataset, task.y, folds, 0), [Member("long", meet, one_thread=True)], 4, Checkpoints(None, ""), False
    )
    assert run.error is None
    assert [float(result.scores[0, 0]) for result in run.results] == [0, 1, 2, 3]  # in the order of the folds


@pytest.mark.usefixtures("three_processors")
def test_an_interrupt_stops_fits_side_by_side_at_once_and_keeps_what_was_done(tmp_path: Path) -> None:
    task = lanes_task()
    running = threading.Event()

    def fit(fold: int, seed: int) -> Predict:
        if fold == 1:
            running.wait(timeout=20)
            raise KeyboardInterrupt
        if fold == 2:
            running.set()
            if task.stop.wait(timeout=20):
                raise FitStopped
        return zeros

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_all(task, [Member("long", fit, one_thread=True)], 3, Checkpoints(tmp_path, ""), False)
    assert time.monotonic() - started < 20
    assert [path.name[:10] for path in tmp_path.glob("*.json")] == ["long-fold0"]


@pytest.mark.usefixtures("three_processors")
def test_a_failure_side_by_side_takes_down_its_member_alone() -> None:
    def fit(fold: int, seed: int) -> Predict:
        if fold == 2:
            raise ValueError("no memory of this")
        return zeros

    members = [Member("long", fit, one_thread=True), Member("other", lambda fold, seed: zeros)]
    with pytest.warns(runs.BaselineWarning, match="'long' failed in fold 2.*no memory of this"):
        long, other = run_all(lanes_task(), members, 3, Checkpoints(None, ""), False)
    assert isinstance(long.error, ValueError)
    assert (other.error, len(other.results)) == (None, 3)
