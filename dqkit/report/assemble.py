"""From inputs to the health record: every section on its own, so that one that fails leaves the others standing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from dqkit.records import Dataset, Predictions
from dqkit.report.copies import duplicates
from dqkit.report.data_sections import balance, outliers, overview
from dqkit.report.inputs import Absent, Inputs, align, plain
from dqkit.report.metrics import METRICS
from dqkit.report.model_sections import baselines, calibration, label_errors, uncertain
from dqkit.report.verdict import verdict
from dqkit.report.work_sections import activity, changes, next_steps, waiting

SCHEMA = 1

SECTIONS: dict[str, Callable[[Inputs], dict[str, Any]]] = {
    "overview": overview,
    "balance": balance,
    "label_errors": label_errors,
    "uncertain": uncertain,
    "outliers": outliers,
    "duplicates": duplicates,
    "baselines": baselines,
    "calibration": calibration,
    "activity": activity,
    "changes": changes,
}


def health(
    dataset: Dataset,
    *,
    labels: pd.DataFrame | None = None,
    signals: pd.DataFrame | None = None,
    summary: Mapping[str, Any] | None = None,
    predictions: Predictions | None = None,
    queue: pd.DataFrame | None = None,
    rounds: Sequence[Mapping[str, Any]] = (),
    events: pd.DataFrame | None = None,
    title: str | None = None,
    description: str = "",
    tags: Sequence[str] = (),
    created: str | None = None,
) -> dict[str, Any]:
    """The health of a dataset as one plain dict, ready for JSON.

    labels: indexed by sample id, with label, source, annotator, at, round; the dataset's own labels where None.
    signals, summary: the table and the summary of `dqkit.signals.signal_table`. queue: sample_id, action, ...
    rounds: oldest first, each with round, metrics, queue_counts, answered. events: one row a label event.
    created: ISO 8601, now where None.

    Returns `schema` (an int, raised when a name changes its meaning), `title`, `verdict`, `metrics` (flat, finite
    numbers only; what could not be measured is not there), `sections` (each with `status`: "ok", "absent" with a
    `note`, or "failed" with an `error`), `next_steps` and `failed_sections`. A missing input makes its sections absent
    and an error inside one section fails that section alone; neither raises.

    >>> import dqkit as dq
    >>> found = health(dq.from_arrays([[0.1], [0.9], [0.8]], ["no", "yes", "yes"]))
    >>> found["metrics"]["imbalance_ratio"], found["sections"]["label_errors"]["status"]
    (2.0, 'absent')
    """
    inputs = align(dataset, labels, signals, summary, predictions, queue, rounds, events)
    sections: dict[str, dict[str, Any]] = {}
    failed: list[dict[str, str]] = []
    metrics: dict[str, float] = {}

    def run(name: str, compute: Callable[[], dict[str, Any]]) -> None:
        try:
            found = plain(compute())
        except Absent as absence:
            sections[name] = {"status": "absent", "note": str(absence)}
            return
        except Exception as error:  # one section must not take the report with it; what failed is in the record
            failed.append({"section": name, "error": type(error).__name__, "message": str(error)})
            sections[name] = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
            return
        metrics.update({key: value for key, value in found.pop("metrics", {}).items() if value is not None})
        sections[name] = {"status": "ok", **found}

    for name, section in SECTIONS.items():
        run(name, lambda section=section: section(inputs))  # type: ignore[misc]
    open_queue: dict[str, int] = {}
    if queue is not None and "sample_id" in queue.columns:
        open_queue = waiting(inputs)
        metrics["queue_open"] = sum(open_queue.values())
    run("next_steps", lambda: {"steps": next_steps(sections, open_queue)})
    metrics["failed_sections"] = len(failed)
    record = {
        "schema": SCHEMA,
        "title": title or dataset.name,
        "description": description,
        "tags": list(tags),
        "created": created or datetime.now(UTC).isoformat(timespec="seconds"),
        "verdict": verdict(sections, metrics),
        "metrics": {name: metrics[name] for name in METRICS if name in metrics and np.isfinite(metrics[name])},
        "sections": sections,
        "failed_sections": failed,
    }
    return dict(plain(record))
