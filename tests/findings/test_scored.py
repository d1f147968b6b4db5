"""What a user's checks say of single samples reaches the signals and, through them, the queue."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dqkit.findings import Finding, find, with_scores
from tests.findings.test_find import make_audit
from tests.report.pets import IDS, make_inputs


def test_scores_flags_and_reasons_become_columns() -> None:
    signals = make_inputs()["signals"]
    late = np.arange(12) / 11
    found = find(
        make_audit(), {"late": lambda _: late, "named": lambda _: Finding("n", "Named; by hand", sample_ids=["s06"])}
    )
    table = with_scores(signals, found)
    assert table["late_score"].to_numpy() == pytest.approx(late)
    assert table.index[table["late_flag"]].tolist() == IDS[6:]
    assert table.index[table["named_flag"]].tolist() == ["s06"]
    assert "named_score" not in table
    assert table.index[table["check_flag"]].tolist() == IDS[6:]
    assert table.loc["s06", "reasons"].endswith("carry another label; Late; Named, by hand")
    assert table.loc["s00", "reasons"] == ""
    assert table.loc["s11", "reasons"] == "Late"


def test_without_own_checks_the_table_stays_as_it_is() -> None:
    signals = make_inputs()["signals"]
    assert with_scores(signals, find(make_audit())) is signals
    failed = find(make_audit(), {"bad": lambda _: 1 / 0})
    assert with_scores(signals, failed) is signals


def test_a_column_of_the_signals_is_never_overwritten() -> None:
    signals = make_inputs()["signals"]
    table = with_scores(signals, find(make_audit(), {"dark": lambda _: np.ones(12)}))
    pd.testing.assert_series_equal(table["dark_score"], signals["dark_score"])
    assert table["own_dark_score"].eq(1).all()


def test_a_column_that_gives_the_label_away_is_the_first_reason_of_each_flagged_label() -> None:
    signals = make_inputs()["signals"]
    leak = Finding("column_power", "Columns", severity="error", data={"suspects": ["code; of outcome"]})
    table = with_scores(signals, [leak])
    flagged = signals["label_flag"].astype(bool)
    words = "judged with code, of outcome, which gives the label away"
    assert flagged.any()
    assert table.loc[flagged, "reasons"].str.startswith(words).all()
    assert table.loc[~flagged, "reasons"].tolist() == signals.loc[~flagged, "reasons"].tolist()
