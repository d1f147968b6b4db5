"""Groups of samples in which predictions and labels disagree more often than elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding, NotMeasured
from dqkit.findings.words import counted, percent
from dqkit.signals.underperforming_groups import group_members

COLUMNS = ("by", "group", "size", "errors", "error_rate", "rest_rate", "q_value")
SHOWN_GROUPS = 3
SHOWN_SAMPLES = 6


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
    errors = [_errors(audit, str(group["by"]), str(group["group"])) for group in groups]
    for group, at in zip(groups[:SHOWN_GROUPS], errors, strict=False):
        shown = at[:SHOWN_SAMPLES]
        predicted = audit.signal_texts("predicted_label") if len(shown) else []
        group["samples"] = [
            {"sample_id": audit.id_at(i), "label": audit.label_names[i], "predicted": predicted[i]} for i in shown
        ]
    count = int(told["weak" if older else "underperforming"])
    worst = max((float(group["error_rate"]) for group in groups), default=0.0)
    return Finding(
        name="underperforming_groups",
        title="Underperforming groups",
        summary=_summary(groups, count, int(told["tested"])),
        severity="warning" if count else "info",
        metrics={"underperforming_groups": count, "worst_group_error_rate": worst},
        table=pd.DataFrame(groups, columns=list(COLUMNS)),
        sample_ids=audit.ids_at(list(dict.fromkeys(i for at in errors for i in at))),
        data={"tested": int(told["tested"]), "underperforming": count, "groups": groups},
    )


def name_of(group: Mapping[str, Any]) -> str:
    """Return a group in words."""
    if group["by"] == "cluster":
        return f"cluster {group['group']} of the features"
    return f"{group['by']} = {group['group']}"


def _errors(audit: Audit, by: str, group: str) -> list[int]:
    """The positions of the samples of a group whose prediction differs from the label, the most confident first."""
    if audit.signals is None:
        return []
    given, predicted = audit.signal_texts("given_label"), audit.signal_texts("predicted_label")
    judged = np.array([name is not None for name in given], dtype=bool) & audit.dataset.is_usable
    if by == "cluster" and "feature_cluster" in audit.signals.columns:
        inside = audit.signal("feature_cluster") == float(group)
    elif by in audit.dataset.metadata.columns:
        # The groups were made of these rows: quarters of others would have other edges.
        inside = np.zeros(len(audit), dtype=bool)
        inside[judged] = group_members(audit.dataset.metadata[by].to_numpy()[judged], group)
    else:
        return []
    wrong = [int(i) for i in np.flatnonzero(inside & judged) if predicted[i] is not None and predicted[i] != given[i]]
    sure = audit.signal("confidence") if "confidence" in audit.signals.columns else np.zeros(len(audit))
    return sorted(wrong, key=lambda i: (-np.nan_to_num(sure[i]), i))


def _summary(groups: list[dict[str, Any]], count: int, tested: int) -> str:
    if not groups:
        return f"In none of {counted(tested, 'group')} do errors gather."
    worst = groups[0]
    return (
        f"Errors gather in {count:,} of {counted(tested, 'group')}; the clearest is {name_of(worst)}, "
        f"where predictions differ from {percent(worst['error_rate'])} of the labels, elsewhere from "
        f"{percent(worst['rest_rate'])}."
    )
