"""A user's own check reaches the queue: its affected samples are doubted, and their reasons are shown."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dqkit.acquisition import build_queue


def test_affected_samples_fill_the_least_share_and_say_why() -> None:
    n = 40
    ids = [f"s{i:02d}" for i in range(n)]
    table = pd.DataFrame(
        {
            "label_score": np.linspace(0.3, 0.01, n),
            "label_flag": False,
            "given_label": "a",
            "suggested_label": "a",
            "least_confidence": 0.1,
            "reasons": "",
        },
        index=ids,
    )
    fresh = pd.DataFrame(
        {
            "label_score": 0.0,
            "label_flag": False,
            "given_label": None,
            "suggested_label": "b",
            "least_confidence": 0.9,
            "reasons": "",
        },
        index=[f"u{i:02d}" for i in range(n)],
    )
    signals = pd.concat([table, fresh.astype(table.dtypes)])
    options = {"budget": 20, "audit_share": 0, "min_share": {"relabel": 0.1}}
    before = build_queue(signals, **options)
    assert not (before["action"] == "relabel").any()
    signals["check_flag"] = signals.index.isin(["s30", "s39"])
    signals.loc[["s30", "s39"], "reasons"] = "Asks nothing"
    after = build_queue(signals, **options).set_index("sample_id")
    assert set(after.index[after["action"] == "relabel"]) == {"s30", "s39"}
    assert after.loc[["s30", "s39"], "reasons"].str.contains("Asks nothing").all()
