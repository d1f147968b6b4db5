"""A user's own check takes part in a round: its column is in the signals, its reason in the queue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dqkit as dq
from dqkit.rounds import RoundSettings, Snapshot, Training, run


def test_an_own_check_is_a_column_of_the_round_and_a_reason_in_its_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.linear_model import LogisticRegression

    monkeypatch.setattr("dqkit.findings.registry._registered", {})
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    dataset = dq.from_arrays(rng.normal(labels[:, None], 1.0, (60, 3)), labels)
    settings = RoundSettings(budget=60, seed=0, training=Training(folds=2, estimators=LogisticRegression()))
    settings = settings.checked(dataset)
    plain = run(Snapshot.of(dataset), settings, checkpoints=tmp_path / "a", progress=False)

    @dq.register_check(title="Every tenth")
    def tenth(audit: dq.Audit) -> object:
        return np.arange(len(audit)) % 10 == 0

    found = run(Snapshot.of(dataset), settings, checkpoints=tmp_path / "b", progress=False)
    assert found.signals.index[found.signals["tenth_flag"]].tolist() == list(dataset.ids[::10])
    reasons = found.queue.set_index("sample_id").query("not control")["reasons"]
    said = set(reasons.index[reasons.str.contains("Every tenth")])
    assert said == set(dataset.ids[::10]) & set(reasons.index)
    assert said
    assert not plain.queue["reasons"].str.contains("Every tenth").any()
