"""Columns of a table: those that give the label away, and those with values that look like mistakes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding, NotMeasured
from dqkit.findings.words import counted, percent
from dqkit.signals.column_power import column_power as measured_power
from dqkit.signals.column_values import column_values as measured_values

SHOWN = 20


def column_power(audit: Audit) -> Finding | None:
    """Columns that tell the label alone, as `dqkit.signals.column_power` measured it; None where there is no table.

    The features are judged. Metadata columns are no features: they are listed and no suspects.
    """
    features = audit.dataset.content if audit.dataset.modality == "table" else pd.DataFrame()
    if not isinstance(features, pd.DataFrame) or not len(features.columns):
        return None
    labels = np.where(audit.dataset.is_usable, audit.current, -1)
    found = measured_power(features, labels).assign(role="feature")
    if found.empty:
        raise NotMeasured("Fewer than two classes have labels.")
    suspects = found.loc[found["suspect"], "column"].tolist()
    strongest = found.iloc[0]
    if suspects:
        names = ", ".join(map(repr, suspects[:SHOWN]))
        summary = (
            f"{names} {'tells' if len(suspects) == 1 else 'tell'} the label alone "
            f"({percent(strongest['accuracy'])} right; the commonest class {percent(strongest['majority'])}). What is "
            f"known only after the label hides wrong labels and flatters every model: exclude={suspects[:SHOWN]!r}."
        )
    else:
        summary = (
            f"No column gives the label away; {strongest['column']!r} tells most of it alone "
            f"({percent(strongest['accuracy'])} right; the commonest class {percent(strongest['majority'])})."
        )
    return Finding(
        name="column_power",
        title="Columns that give the label away",
        summary=summary,
        severity="error" if suspects else "info",
        metrics={"leaky_columns": len(suspects), "strongest_column_score": float(strongest["score"])},
        table=found,
        data={"suspects": suspects, "strongest": str(strongest["column"])},
    )


def column_values(audit: Audit) -> Finding | None:
    """Values that look like mistakes, as `dqkit.signals.column_values` found them; None where there is no table."""
    dataset = audit.dataset
    frames = [dataset.content] if dataset.modality == "table" and isinstance(dataset.content, pd.DataFrame) else []
    if dataset.modality == "table" and len(dataset.metadata.columns):
        frames.append(dataset.metadata)
    if not frames:
        return None
    odd, tables = np.zeros(len(audit), dtype=bool), []
    for frame in frames:
        found, rows = measured_values(frame)
        tables.append(found)
        odd |= rows
    table = pd.concat(tables, ignore_index=True)
    kinds = table["kind"].value_counts()
    said = [f"{counted(int(n), 'column')}: {kind}" for kind, n in kinds.items()]
    at = np.flatnonzero(odd)
    summary = "No value of a column stands out." if table.empty else f"{'; '.join(said)}."
    return Finding(
        name="column_values",
        title="Odd values of columns",
        summary=summary,
        severity="info" if table.empty else "warning",
        metrics={"odd_columns": int(table["column"].nunique()), "odd_value_rate": len(at) / max(len(audit), 1)},
        table=table,
        sample_ids=audit.ids_at(at),
        data={"kinds": {str(kind): int(n) for kind, n in kinds.items()}},
    )
