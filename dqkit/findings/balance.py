"""How the labels are spread over the classes; all of it is measured by `dqkit.signals.class_balance`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dqkit.datasets.labels import alike_names
from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding, NotMeasured, plain
from dqkit.signals import class_balance

SMALL = 5  # one label a fold


def balance(audit: Audit) -> Finding:
    """How many labels each class has, which classes are rare, small, empty or alike, and where the suspects are.

    Rare: fewer than a tenth of the mean count (`class_balance`). Small: fewer than 5 labels. Empty classes are neither.
    """
    current, names = audit.current, list(audit.dataset.classes)
    if not (current >= 0).any():
        raise NotMeasured("No sample has a label yet.")
    found = class_balance(current, names)
    counts = found.table["count"].to_numpy()
    human = np.bincount(current[(current >= 0) & audit.checked], minlength=len(names))
    suspects = _suspects(audit, len(names))
    columns: list[dict[str, Any]] = plain(
        found.table[["count", "share", "effective_number", "weight"]].to_dict("records")
    )
    rows: list[dict[str, Any]] = [
        {"class": name, **row, "human": int(by_hand), "suspects": waiting}
        for name, row, by_hand, waiting in zip(names, columns, human, suspects, strict=True)
    ]
    rare = [name for name, few in zip(names, found.table["rare"], strict=True) if few and name not in found.empty]
    small = [name for name, count in zip(names, counts, strict=True) if 0 < count < SMALL]
    alike = alike_names(names)
    filled = counts[counts > 0]
    return Finding(
        name="balance",
        title="Class balance",
        summary=_summary(found.imbalance_ratio, rare, small, found.empty),
        severity="warning" if rare or small or found.empty or alike else "info",
        metrics={
            "imbalance_ratio": found.imbalance_ratio,
            "effective_classes": found.effective_classes,
            "min_class_count": int(filled.min()),
            "rare_classes": len(rare),
            "small_classes": len(small),
            "empty_classes": len(found.empty),
        },
        table=found.table,
        data={
            "classes": rows,
            "imbalance_ratio": found.imbalance_ratio,
            "effective_classes": found.effective_classes,
            "rare": rare,
            "rare_below": float(found.rare_below),
            "small": small,
            "small_below": SMALL,
            "empty": list(found.empty),
            "alike": alike,
            "judged": _judged(audit),
        },
    )


def _suspects(audit: Audit, n_classes: int) -> list[int | None]:
    """Flagged labels of each class that nobody has reviewed; None where no label was judged."""
    try:
        flags = audit.signal_flags("label_flag")
    except NotMeasured:
        return [None] * n_classes
    open_ = flags & ~audit.checked & (audit.current >= 0)
    return [int(n) for n in np.bincount(audit.current[open_], minlength=n_classes)]


def _judged(audit: Audit) -> list[dict[str, Any]]:
    """The share of suspects in each class with its interval, as the signals measured it; empty where they did not."""
    told = audit.summary.get("balance")
    rows = told.get("classes", []) if isinstance(told, dict) else []
    columns = ("class", "errors", "error_rate", "error_low", "error_high")
    return [{name: row[name] for name in columns} for row in rows if all(name in row for name in columns)]


def _summary(ratio: float, rare: Sequence[str], small: Sequence[str], empty: Sequence[str]) -> str:
    smallest = "the smallest that has any" if empty else "the smallest"
    said = [f"The largest class has {ratio:,.3g} times as many labels as {smallest}."]
    for words, names in (("rare", rare), ("smaller than 5 labels", small), ("empty", empty)):
        if names:
            said.append(f"{len(names):,} {'class is' if len(names) == 1 else 'classes are'} {words}.")
    return " ".join(said)
