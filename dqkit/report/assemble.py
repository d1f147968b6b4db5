"""From findings to the health record: one dict for machines, from which the page is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.checks import instance, kinds, mapping, takes
from dqkit.findings import CHECKS, METRICS, Audit, Finding, Journal, find, next_steps, verdict
from dqkit.findings.finding import FINDINGS, plain
from dqkit.records import Dataset, Predictions
from dqkit.signals import AuditSample

SCHEMA = 1
FINDINGS_SCHEMA = 1
SECTIONS = CHECKS
KEPT_IDS = 100
KEPT_ROWS = 50


def health(
    dataset: Dataset,
    *,
    labels: pd.DataFrame | None = None,
    signals: pd.DataFrame | None = None,
    summary: Mapping[str, Any] | None = None,
    predictions: Predictions | None = None,
    neighbors: NDArray[np.int64] | None = None,
    queue: pd.DataFrame | None = None,
    rounds: Sequence[Mapping[str, Any]] = (),
    events: pd.DataFrame | None = None,
    title: str | None = None,
    description: str = "",
    tags: Sequence[str] = (),
    created: str | None = None,
    sample: AuditSample | None = None,
    known: Sequence[Finding] = (),
) -> dict[str, Any]:
    """Return the health of a dataset as one plain dict, ready for JSON.

    It runs the checks (`dqkit.findings.find`) and gathers what they found (`record`).

    Parameters
    ----------
    dataset
        The samples with their labels as they were given.
    labels
        Indexed by sample id, with label, source, annotator, at, round; the dataset's own labels where None.
    signals, summary
        The table and the summary of `dqkit.signals.signal_table`.
    predictions
        Out-of-sample predictions.
    neighbors
        The neighbours' positions, `indices` of the `neighbors` of `dqkit.signals.signal_table`.
    queue
        The newest queue: sample_id, action, ...
    rounds
        Oldest first, each with round, metrics, queue_counts, answered.
    events
        One row a label event.
    title, description, tags
        What the page says of the dataset.
    created
        ISO 8601, now where None.
    sample
        The answers to the random audit samples.
    known
        Findings that still hold; their checks are not run again.

    Returns
    -------
    dict
        See `record`.

    Examples
    --------
    >>> import dqkit as dq
    >>> found = health(dq.from_arrays([[0.1], [0.9], [0.8]], ["no", "yes", "yes"]))
    >>> found["metrics"]["imbalance_ratio"], found["sections"]["label_errors"]["status"]
    (2.0, 'absent')
    """
    instance("dataset", dataset, Dataset, "a dqkit.Dataset")
    for name, table in (("labels", labels), ("signals", signals), ("queue", queue), ("events", events)):
        instance(name, table, (pd.DataFrame, type(None)), "a DataFrame, or None")
    instance("predictions", predictions, (Predictions, type(None)), "a dqkit.Predictions, or None")
    summary = mapping("summary", summary, "names of checks to what they found")
    for name, values in (("rounds", rounds), ("tags", tags)):
        instance(name, values, (list, tuple), "a list")
    instance("title", title, (str, type(None)), "a text, or None")
    instance("sample", sample, (AuditSample, type(None)), "a dqkit.signals.AuditSample, or None")
    audit = Audit.of(
        dataset,
        labels=labels,
        predictions=predictions,
        signals=signals,
        summary=summary,
        neighbors=neighbors,
        journal=Journal(events=events, queue=queue, rounds=list(rounds)),
        sample=sample,
    )
    return record(
        find(audit, known=known),
        title=title or dataset.name,
        description=description,
        tags=tags,
        created=created,
        n_samples=len(dataset),
    )


@takes(
    findings=FINDINGS,
    title=kinds.text,
    n_samples=kinds.whole,
    description=kinds.text,
    tags=kinds.texts,
    created=kinds.optional(kinds.text),
)
def record(
    findings: Sequence[Finding],
    *,
    title: str,
    n_samples: int,
    description: str = "",
    tags: Sequence[str] = (),
    created: str | None = None,
) -> dict[str, Any]:
    """Return the health record of a dataset from its findings.

    Parameters
    ----------
    findings
        What `dqkit.findings.find` returned.
    title
        See `health`.
    n_samples
        How many samples the dataset has.
    description, tags, created
        See `health`.

    Returns
    -------
    dict
        `schema` and `findings_schema` (ints, raised when a name changes its meaning), `title`, `verdict`, `metrics`
        (flat, finite numbers only; what could not be measured is not there; those of your own checks begin with the
        name of the check and a dot), `sections` (by name of the check, each with `status`: "ok", "absent" with a
        `note`, or "failed" with an `error`), `next_steps`, `failed_sections`, and `findings`: a list with name, title,
        status, severity, summary, metrics, affected (a count) and rate (the share of the samples), sample_ids (the
        first 100), and of its table columns and rows (the first 50).
    """
    told = [finding for finding in findings if finding.status == "ok"]
    broken = [finding for finding in findings if finding.status == "failed"]
    metrics: dict[str, float] = {}
    for finding in told:
        own = "" if finding.name in CHECKS else f"{finding.name}."
        if own:
            metrics |= {f"{own}affected": len(finding.sample_ids)}
            metrics |= {f"{own}rate": len(finding.sample_ids) / n_samples if n_samples else 0.0}
        metrics |= {f"{own}{name}": value for name, value in finding.metrics.items()}
    metrics["failed_sections"] = len(broken)
    sections = {finding.name: _section(finding) for finding in findings}
    sections["next_steps"] = {"status": "ok", "steps": next_steps(findings)}
    known = [name for name in METRICS if name in metrics]
    return dict(
        plain(
            {
                "schema": SCHEMA,
                "findings_schema": FINDINGS_SCHEMA,
                "title": title,
                "description": description,
                "tags": list(tags),
                "created": created or datetime.now(UTC).isoformat(timespec="seconds"),
                "verdict": verdict(findings, metrics),
                "metrics": {name: metrics[name] for name in [*known, *(n for n in metrics if n not in METRICS)]},
                "sections": sections,
                "failed_sections": [
                    {"section": f.name, "error": f.data.get("error", ""), "message": f.data.get("message", "")}
                    for f in broken
                ],
                "findings": [_entry(finding, n_samples) for finding in findings],
            }
        )
    )


def _section(finding: Finding) -> dict[str, Any]:
    if finding.status == "absent":
        return {"status": "absent", "note": finding.summary}
    if finding.status == "failed":
        return {"status": "failed", "error": finding.summary}
    return {"status": "ok", **{key: value for key, value in finding.data.items() if key != "status"}}


def _entry(finding: Finding, n_samples: int) -> dict[str, Any]:
    affected = len(finding.sample_ids)
    return {
        "name": finding.name,
        "title": finding.title,
        "status": finding.status,
        "severity": finding.severity,
        "summary": finding.summary,
        "metrics": dict(finding.metrics),
        "affected": affected,
        "rate": affected / n_samples if n_samples else 0.0,
        "sample_ids": list(finding.sample_ids[:KEPT_IDS]),
        "columns": list(finding.table.columns),
        "rows": finding.table.head(KEPT_ROWS).to_numpy(dtype=object).tolist() if len(finding.table.columns) else [],
    }
