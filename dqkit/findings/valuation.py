"""What each label is worth to a nearest-neighbour classifier, and the labels that mislead it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding, NotMeasured
from dqkit.findings.words import counted, percent

SHOWN_SAMPLES = 12
WORTHLESS = 0.5


def valuation(audit: Audit) -> Finding:
    """What each label is worth, as `dqkit.signals.knn_shapley` measured it.

    0.5 = nothing. Above, the label helps to classify its neighbours; below, it misleads them: it is wrong, on a
    border, or the neighbours look alike and are not.
    """
    values = audit.signal("knn_shapley")
    given = np.array([name is not None for name in audit.signal_texts("given_label")], dtype=bool)
    judged = given & np.isfinite(values) & (values != WORTHLESS)
    if not judged.any():
        raise NotMeasured("No labelled sample has labelled neighbours.")
    misleading = np.flatnonzero(judged & (values < WORTHLESS))
    ranked = misleading[np.argsort(values[misleading], kind="stable")]
    n, labeled = len(misleading), int(given.sum())
    classes = _by_class(audit, values, given)
    return Finding(
        name="valuation",
        title="What each label is worth",
        summary=f"{counted(n, 'label')}, {percent(n / labeled)} of {labeled:,}, {'misleads' if n == 1 else 'mislead'} "
        "more neighbours than they help."
        if n != 1
        else "1 label misleads more neighbours than it helps.",
        metrics={"misleading_label_rate": n / labeled},
        table=pd.DataFrame(classes),
        sample_ids=audit.ids_at(ranked),
        data={
            "misleading": n,
            "labeled": labeled,
            "classes": classes,
            "samples": [
                {"sample_id": audit.id_at(i), "label": audit.label_names[i], "value": float(values[i])}
                for i in ranked[:SHOWN_SAMPLES]
            ],
        },
    )


def _by_class(audit: Audit, values: NDArray[np.float64], given: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """The share of misleading labels in each class, the highest first."""
    rows: list[dict[str, Any]] = []
    for code, name in enumerate(audit.dataset.classes):
        inside = given & (audit.current == code)
        if inside.any():
            share = float((values[inside] < WORTHLESS).mean())
            rows.append({"class": name, "labels": int(inside.sum()), "misleading": share})
    return sorted(rows, key=lambda row: (-row["misleading"], row["class"]))
