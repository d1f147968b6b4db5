"""What a check says of single samples, as columns and reasons of the signal table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dqkit.checks import kinds, takes
from dqkit.findings.finding import FINDINGS, Finding
from dqkit.findings.registry import CHECKS


@takes(signals=kinds.table, findings=FINDINGS)
def with_scores(signals: pd.DataFrame, findings: Sequence[Finding]) -> pd.DataFrame:
    """Return the signal table with what your own checks found in it.

    Parameters
    ----------
    signals
        The signal table, indexed by sample id.
    findings
        What `find` returned. Those of dqkit's own checks change nothing, as they come from the table; but columns that
        give the label away are the first reason of each flagged label.

    Returns
    -------
    DataFrame
        A copy with, for each of your checks that ran, `<name>_score` (where it returned scores) and `<name>_flag` (the
        affected samples), or `own_<name>_...` where the table has such a column; `check_flag` (affected in any of
        them); and in the column `reasons` of each affected sample the title of the check. The queue shows these
        reasons.
    """
    signals = _with_leaks(signals, findings)
    own = [finding for finding in findings if finding.name not in CHECKS and finding.status == "ok"]
    if not own:
        return signals
    out = signals.copy()
    index = out.index.astype(str)
    reasons = out["reasons"].fillna("").astype(object).to_numpy() if "reasons" in out else [""] * len(out)
    any_affected = np.zeros(len(out), dtype=bool)
    for finding in own:
        affected = np.asarray(index.isin(list(finding.sample_ids)))
        any_affected |= affected
        taken = {f"{finding.name}_score", f"{finding.name}_flag"} & set(signals.columns)
        name = f"own_{finding.name}" if taken else finding.name
        if finding.scores is not None:
            out[f"{name}_score"] = finding.scores.reindex(index).to_numpy()
        if finding.scores is not None or affected.any():
            out[f"{name}_flag"] = affected
        # "; " stands between reasons.
        words = finding.title.replace(";", ",")
        reasons = [
            "; ".join(part for part in (said, words) if part) if here else said
            for said, here in zip(reasons, affected, strict=True)
        ]
    out["check_flag"] = any_affected
    out["reasons"] = pd.Series(list(reasons), index=out.index, dtype=object)
    return out


def _with_leaks(signals: pd.DataFrame, findings: Sequence[Finding]) -> pd.DataFrame:
    """The table with the columns that give the label away as the first reason of each flagged label."""
    leaky = [
        name for finding in findings if finding.name == "column_power" for name in finding.data.get("suspects", [])
    ]
    if not leaky or not {"reasons", "label_flag"} <= set(signals.columns):
        return signals
    names = ", ".join(str(name).replace(";", ",") for name in leaky[:3])
    words = f"judged with {names}, which gives the label away"
    flagged = signals["label_flag"].astype(bool).to_numpy()
    said = signals["reasons"].fillna("").astype(object).to_numpy()
    told = [
        "; ".join(part for part in (words, old) if part) if here else old
        for old, here in zip(said, flagged, strict=True)
    ]
    return signals.assign(reasons=pd.Series(told, index=signals.index, dtype=object))
