"""What is kept of a fit beside its scores: where a long one spent its time, and what it cost."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from dqkit.baselines import cross_val_predictions, runs
from dqkit.baselines.runs import bottleneck
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
    assert "fold 2/2, waiting: bottleneck: data" in capsys.readouterr().out


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
