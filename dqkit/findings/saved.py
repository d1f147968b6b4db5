"""Findings on disk: one JSON file for the figures and texts, one Parquet file for each table; nothing is pickled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dqkit.checks import kinds, takes
from dqkit.files import replace, write_json
from dqkit.findings.finding import FINDINGS, NAME, SEVERITIES, STATUSES, Finding, plain
from dqkit.records import StoreError

SCHEMA = 1
INDEX = "findings.json"


@takes(folder=kinds.path, findings=FINDINGS, durable=kinds.flag)
def save(folder: str | Path, findings: Sequence[Finding], *, durable: bool = True) -> None:
    """Write findings into a folder, in place of those that it held.

    Parameters
    ----------
    folder
        Made where it is missing. It gets `findings.json`, and for each finding with a table `<name>.parquet` and with
        scores `<name>.scores.parquet`.
    findings
        What `find` returned.
    durable
        Wait until the disk has them; see `dqkit.files.replace`.

    Raises
    ------
    StoreError
        Where the folder cannot be written to; `findings.json` is written last, so that what it names is there.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for finding in findings:
            if len(finding.table.columns):
                replace(target / f"{finding.name}.parquet", finding.table.to_parquet, durable=durable)
            if finding.scores is not None:
                scores = finding.scores.rename("score").to_frame()
                replace(target / f"{finding.name}.scores.parquet", scores.to_parquet, durable=durable)
        write_json(
            target / INDEX, {"schema": SCHEMA, "findings": [_entry(finding) for finding in findings]}, durable=durable
        )
    except OSError as error:
        raise StoreError(f"the findings cannot be written to {str(target)!r}: {error}.") from error


@takes(folder=kinds.path)
def load(folder: str | Path) -> tuple[Finding, ...]:
    """Return the findings that `save` wrote into a folder, in their order.

    Parameters
    ----------
    folder
        The folder.

    Returns
    -------
    tuple of Finding

    Raises
    ------
    StoreError
        Where the folder holds no findings, or a file of it cannot be read.
    """
    source = Path(folder)
    file = source / INDEX
    if not file.is_file():
        raise StoreError(f"{str(source)!r} holds no findings: it has no {INDEX}.")
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(record, dict) or not isinstance(record.get("findings"), list):
            raise StoreError(f"{str(file)!r} holds no list of findings.")
        if not isinstance(record.get("schema"), int) or record["schema"] > SCHEMA:
            raise StoreError(
                f"{str(file)!r} has schema {record.get('schema')!r}; this dqkit reads up to {SCHEMA}: upgrade dqkit."
            )
        return tuple(_finding(source, entry) for entry in record["findings"])
    except StoreError:
        raise
    except Exception as error:  # Parquet's own errors are of many kinds
        raise StoreError(f"the findings in {str(source)!r} cannot be read: {error}.") from error


def _entry(finding: Finding) -> dict[str, Any]:
    return dict(
        plain(
            {
                "name": finding.name,
                "title": finding.title,
                "summary": finding.summary,
                "severity": finding.severity,
                "status": finding.status,
                "metrics": finding.metrics,
                "sample_ids": list(finding.sample_ids),
                "data": finding.data,
                "has_table": bool(len(finding.table.columns)),
                "has_scores": finding.scores is not None,
            }
        )
    )


def _finding(folder: Path, entry: dict[str, Any]) -> Finding:
    name = entry["name"]
    # The name becomes a path: a file from elsewhere must not lead out of the folder.
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise StoreError(f"{str(folder / INDEX)!r} names a finding {name!r}, which is no name of a finding.")
    if entry["severity"] not in SEVERITIES or entry["status"] not in STATUSES:
        raise StoreError(f"{str(folder / INDEX)!r}: the finding {name!r} has an unknown severity or status.")
    table = pd.read_parquet(folder / f"{name}.parquet") if entry["has_table"] else pd.DataFrame()
    scores = None
    if entry["has_scores"]:
        scores = pd.read_parquet(folder / f"{name}.scores.parquet")["score"].rename(None)
        scores.index = pd.Index(scores.index.to_numpy(dtype=object), dtype=object, name="sample_id")
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            values = table[column].to_numpy(dtype=object)
            missing = pd.isna(values)
            texts = [None if gone else value for value, gone in zip(values, missing, strict=True)]
            table[column] = pd.Series(texts, index=table.index, dtype=object)
    return Finding(
        name=name,
        title=entry["title"],
        summary=entry["summary"],
        severity=entry["severity"],
        metrics=dict(entry["metrics"]),
        table=table,
        sample_ids=tuple(entry["sample_ids"]),
        scores=scores,
        data=dict(entry["data"]),
        status=entry["status"],
    )
