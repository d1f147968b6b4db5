"""Groups of samples in which predictions and labels disagree more often than elsewhere."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding, NotMeasured
from dqkit.findings.words import counted, percent

COLUMNS = ("by", "group", "size", "errors", "error_rate", "rest_rate", "q_value")


def underperforming_groups(audit: Audit) -> Finding:
    """Underperforming groups, as `dqkit.signals.underperforming_groups` tested them.

    Groups are the values of each column of the metadata and clusters of the features. A group underperforms where so
    many errors fall on it by chance with a false discovery rate of at most 5 %.
    """
    audit.need_model()
    # Rounds of earlier versions kept it under its old name.
    older = "weak_groups" in audit.summary and "underperforming_groups" not in audit.summary
    told = audit.told("weak_groups" if older else "underperforming_groups")
    if not told.get("tested"):
        raise NotMeasured("No group of 10 samples or more: there is no metadata to group by.")
    groups: list[dict[str, Any]] = [{name: row.get(name) for name in COLUMNS} for row in told.get("groups", [])]
    count = int(told["weak" if older else "underperforming"])
    worst = max((float(group["error_rate"]) for group in groups), default=0.0)
    return Finding(
        name="underperforming_groups",
        title="Underperforming groups",
        summary=_summary(groups, count, int(told["tested"])),
        severity="warning" if count else "info",
        metrics={"underperforming_groups": count, "worst_group_error_rate": worst},
        table=pd.DataFrame(groups, columns=list(COLUMNS)),
        data={"tested": int(told["tested"]), "underperforming": count, "groups": groups},
    )


def _summary(groups: list[dict[str, Any]], count: int, tested: int) -> str:
    if not groups:
        return f"In none of {counted(tested, 'group')} do errors gather."
    worst = groups[0]
    return (
        f"Errors gather in {count:,} of {counted(tested, 'group')}; the clearest is {worst['by']} {worst['group']}, "
        f"where predictions differ from {percent(worst['error_rate'])} of the labels, elsewhere from "
        f"{percent(worst['rest_rate'])}."
    )
