"""The table of models: chance, majority, the members and the ensemble."""

from __future__ import annotations

import pandas as pd

from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding, NotMeasured, plain
from dqkit.findings.words import counted


def baselines(audit: Audit) -> Finding:
    """The table of models: chance, majority, the members and the ensemble."""
    audit.need_model()
    if audit.predictions is None or audit.predictions.baselines.empty:
        raise NotMeasured("No table of baselines was given.")
    table = audit.predictions.baselines
    if not isinstance(table.index, pd.RangeIndex):
        table = table.reset_index()
    columns = [str(column) for column in table.columns]
    rows = [dict(zip(columns, plain(list(row)), strict=True)) for row in table.itertuples(index=False, name=None)]
    kept = [c for c in columns if any(row[c] is not None for row in rows)]
    all_ok = all(row.get("status", "ok") == "ok" for row in rows)
    members = list(audit.predictions.members)
    return Finding(
        name="baselines",
        title="Baselines",
        summary=f"{counted(len(rows), 'model')} side by side on labels they were not trained on.",
        severity="info" if all_ok else "warning",
        table=table,
        data={"columns": kept, "rows": rows, "all_ok": all_ok, "members": members},
    )
