from __future__ import annotations

import pandas as pd

from dqkit.acquisition import build_queue


def test_a_quota_finds_nobody_where_the_audit_took_every_row():
    table = pd.DataFrame(
        {"label_score": [0.9, 0.2], "given_label": ["a", "b"], "suggested_label": ["b", "a"]}, index=["x", "y"]
    )
    queue = build_queue(table, budget=1e30, audit_share=1.0, class_quota={"a": 1})
    assert sorted(queue["sample_id"]) == ["x", "y"]
