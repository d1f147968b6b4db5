"""Whether the order of the samples says something about what they show."""

from __future__ import annotations

from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding


def order(audit: Audit) -> Finding:
    """Order, as `dqkit.signals.order_test` measured it: similar samples stand closer together than shuffling puts them.

    Sorted classes, frames of one video or a drift over time do that. Folds and splits must then not be cut by position.
    """
    told = audit.told("order")
    p_value, meaningful = float(told["p_value"]), bool(told["in_meaningful_order"])
    if meaningful:
        summary = (
            "Similar samples stand close together in the dataset: it is sorted, it drifts or it holds runs of near "
            "copies. Shuffle before you split by position; keep runs together where they show the same thing."
        )
    else:
        summary = "The order of the samples looks random."
    return Finding(
        name="order",
        title="Order of the samples",
        summary=summary,
        severity="warning" if meaningful else "info",
        metrics={"order_p_value": p_value},
        data={"p_value": p_value, "statistic": float(told["statistic"]), "in_meaningful_order": meaningful},
    )
