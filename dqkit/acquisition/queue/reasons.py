"""Why a row is in the queue, in words for the person who will look at it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

CONTROL = "random audit sample, answered without a suggestion: it measures the error rate and what the queue saves"
UNSUSPECTED = "no strong sign of an error; included because budget remained"


def explain(picks: pd.DataFrame, signals: pd.DataFrame, top_two: dict[str, str]) -> list[str]:
    """One text per pick, parts joined by "; ".

    picks: rows of the queue by id, with action, wrong, disputed, annotators, expected and control.
    signals: the signal table; its own reasons are kept. top_two: id -> the two likeliest classes in words.
    """
    own = signals["reasons"] if "reasons" in signals else pd.Series(dtype=object)
    given = signals["given_label"] if "given_label" in signals else pd.Series(dtype=object)
    out = []
    for sample_id, row in zip(picks.index, picks.to_dict("records"), strict=True):
        if row["control"]:
            out.append(CONTROL)
            continue
        parts = [_first(row, given.get(sample_id), top_two.get(sample_id, ""))]
        said = own.get(sample_id)
        if isinstance(said, str) and said and said not in parts:
            parts.append(said)
        out.append(
            "; ".join(part for part in parts if part) or "no strong sign of an error; included because budget remained"
        )
    return out


def _first(row: dict[Hashable, Any], given: object, top_two: str) -> str:
    # Nothing a model says is certain; where it judges no label, it says nothing.
    share = 0 if pd.isna(row["wrong"]) else min(99, round(100 * row["wrong"]))
    percent = f"{share} %"
    expected = row["expected"]
    if row["action"] == "label":
        if row.get("typical") is True:
            return "no label yet; similar to many samples that have no label"
        doubt = f"the model is wrong with probability {percent}" if share and expected is not None else ""
        return "; ".join(part for part in ("no label yet", top_two or doubt) if part)
    if row["action"] == "relabel":
        if not share:
            return ""
        fits = "fits better" if row["changes"] else "comes next"
        instead = f", {expected!r} {fits}" if expected is not None and expected != given else ""
        return f"label {given!r} is wrong with probability {percent}{instead}"
    if row["disputed"]:
        return f"{row['annotators']} annotators disagree about it"
    instead = f" and expects {expected!r}" if expected is not None and expected != given else ""
    return f"a person said {given!r}, but the model doubts it{instead}"
