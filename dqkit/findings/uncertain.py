"""How sure the baselines are, and the samples that they are least sure of."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding, NotMeasured
from dqkit.findings.histogram import histogram
from dqkit.findings.words import percent

SHOWN_SAMPLES = 12
LOW_CONFIDENCE = 0.5


def uncertain(audit: Audit) -> Finding:
    """How sure the baselines are, and the samples that they are least sure of; unlabelled ones where there are any."""
    audit.need_model()
    entropy = audit.signal("entropy")
    known = np.isfinite(entropy)
    if not known.any():
        raise NotMeasured("No predictions were at hand, so nothing is known about certainty.")
    predicted = audit.signal_texts("predicted_label")
    pool = known & (audit.current < 0) & ~audit.is_test
    of_pool = bool(pool.any())
    candidates = np.flatnonzero(pool if of_pool else known & ~audit.is_test)
    order = candidates[np.argsort(-entropy[candidates], kind="stable")][:SHOWN_SAMPLES]
    try:
        confidence = audit.signal("confidence")
    except NotMeasured:
        confidence = np.full(len(entropy), np.nan)
    sure = confidence[np.isfinite(confidence)]
    low = float((sure < LOW_CONFIDENCE).mean()) if len(sure) else None
    mean = float(entropy[known].mean())
    said = "" if low is None else f" For {percent(low)} of the samples no class reaches a probability of one half."
    return Finding(
        name="uncertain",
        title="Uncertain samples",
        summary=f"Mean uncertainty is {percent(mean)} of its maximum.{said}",
        metrics={"mean_entropy": mean, "low_confidence_rate": np.nan if low is None else low},
        sample_ids=audit.ids_at(order),
        data={
            "unlabeled_only": of_pool,
            "candidates": len(candidates),
            "mean_entropy": mean,
            "low_confidence_rate": low,
            "histogram": histogram(sure) if len(sure) else None,
            "samples": [
                {
                    "sample_id": audit.id_at(i),
                    "label": audit.label_names[i],
                    "predicted": predicted[i],
                    "confidence": float(confidence[i]),
                    "entropy": float(entropy[i]),
                    "runners_up": _top(audit, i),
                }
                for i in order
            ],
        },
    )


def _top(audit: Audit, position: int | np.integer[Any], n: int = 3) -> list[dict[str, Any]]:
    """The most likely classes of one sample."""
    predictions = audit.predictions
    if predictions is None or audit.predicted_at[position] < 0:
        return []
    probs = predictions.pred_probs[audit.predicted_at[position]]
    return [{"class": predictions.classes[c], "prob": float(probs[c])} for c in np.argsort(-probs, kind="stable")[:n]]
