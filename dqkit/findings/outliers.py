"""The samples that resemble the others least, as `dqkit.signals.neighbors` flags them."""

from __future__ import annotations

import numpy as np

from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding, NotMeasured
from dqkit.findings.histogram import histogram
from dqkit.findings.words import counted

SHOWN_SAMPLES = 12


def outliers(audit: Audit) -> Finding:
    """Outliers: samples whose mean distance to their neighbours is far above that of the others."""
    scores, flags = audit.signal("outlier_score"), audit.signal_flags("outlier")
    if not np.isfinite(scores).any() or audit.summary.get("neighbors", {}).get("skipped"):
        raise NotMeasured("No features were at hand, so there are no outlier scores.")
    ranked = np.nan_to_num(scores, nan=-1.0)
    order = np.argsort(-ranked, kind="stable")
    shown = order[ranked[order] >= 0][:SHOWN_SAMPLES]
    flagged = order[flags[order]]
    n = len(flagged)
    said = f"{counted(n, 'sample')} {'resembles' if n == 1 else 'resemble'} no other"
    return Finding(
        name="outliers",
        title="Outliers",
        summary=f"{said}." if n else "No sample stands far from all others.",
        severity="warning" if n else "info",
        metrics={"outlier_rate": n / len(audit) if len(audit) else 0.0},
        sample_ids=audit.ids_at(flagged),
        data={
            "flagged": n,
            "histogram": histogram(scores),
            "samples": [
                {"sample_id": audit.id_at(i), "label": audit.label_names[i], "score": float(scores[i])} for i in shown
            ],
        },
    )
