"""Whether a stated confidence of 90 % is right 90 times in 100; measured by `dqkit.signals.calibration`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding, NotMeasured
from dqkit.findings.words import counted, percent
from dqkit.signals import calibration as measured

TOO_WRONG = 0.05


def calibration(audit: Audit) -> Finding:
    """How far confidence is from accuracy on labels that the models were not trained on.

    The calibration error is the mean distance of confidence and accuracy over 15 bins of equal width, weighted by
    their size (Guo et al. 2017). A few samples show some error by chance; the finding is a warning only where more
    than 5 points are left once that is taken off.
    """
    probs, labels = _held_out(audit)
    found = measured(labels, probs)
    bins = [
        {"low": row.low, "n": row.n, "confidence": row.confidence, "accuracy": row.accuracy}
        for row in found.reliability.rename(columns={"count": "n"}).itertuples()
    ]
    off = f"{100 * found.ece_plain:.1f} points"
    return Finding(
        name="calibration",
        title="Calibration",
        summary=f"On {counted(found.n, 'label')} never trained on, the models are right {percent(found.accuracy)} of "
        f"the time and {percent(found.confidence)} sure on average; their confidence is off by {off}.",
        severity="warning" if found.ece > TOO_WRONG else "info",
        metrics={
            "calibration_error": found.ece_plain,
            "oos_accuracy": found.accuracy,
            "log_loss": found.log_loss,
        },
        table=found.reliability,
        data={
            "n": found.n,
            "bins": bins,
            "ece": found.ece_plain,
            "beyond_chance": found.ece,
            "accuracy": found.accuracy,
            "confidence": found.confidence,
            "log_loss": found.log_loss,
            "temperature": found.temperature,
        },
    )


def _held_out(audit: Audit) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Out-of-sample probabilities and current labels of the labelled samples outside the test split."""
    audit.need_model()
    predictions = audit.predictions
    if predictions is None:
        raise NotMeasured("No predictions were given.")
    rows = audit.predicted_at
    column = {name: i for i, name in enumerate(predictions.classes)}
    codes = np.asarray([-1 if name is None else column.get(name, -1) for name in audit.label_names], dtype=np.int64)
    kept = (rows >= 0) & (codes >= 0) & ~audit.weak & ~audit.is_test & audit.dataset.is_usable
    if not kept.any():
        raise NotMeasured("No labelled sample has a prediction.")
    return predictions.pred_probs[rows[kept]], codes[kept]
