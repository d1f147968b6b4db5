"""What a round keeps on disk comes back as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from dqkit.records import Predictions
from dqkit.rounds.result import read_predictions, write_predictions


def test_predictions_come_back_with_their_history_and_checks(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), size=(2, 5)).astype(np.float32)
    given = replace(
        Predictions.from_arrays(probs, ids=[f"s{i}" for i in range(5)], classes=["a", "b", "c"]),
        dynamics={"margins": rng.normal(size=(5, 4)).astype(np.float32)},
        checks=pd.DataFrame(
            [("network", 0, "loss falls", True, "1 -> 0")], columns=["member", "fold", "check", "ok", "found"]
        ),
        baselines=pd.DataFrame({"model": ["chance"], "accuracy": [1 / 3]}),
    )
    write_predictions(tmp_path, given)
    back = read_predictions(tmp_path)
    np.testing.assert_array_equal(back.member_probs, given.member_probs)
    np.testing.assert_array_equal(back.dynamics["margins"], given.dynamics["margins"])
    pd.testing.assert_frame_equal(back.checks, given.checks)
    (tmp_path / "checks.parquet").unlink()
    assert list(read_predictions(tmp_path).checks.columns) == list(given.checks.columns)
