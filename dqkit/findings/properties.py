"""Properties of images and texts: samples that are odd in one, and properties that give the label away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding, NotMeasured
from dqkit.findings.words import counted

SHOWN_SAMPLES = 6
SHOWN_PROPERTIES = 12


def properties(audit: Audit) -> Finding:
    """Properties of the samples, as `image_properties`, `text_properties` and `property_correlation` measured them.

    Spurious: the class explains at least 14 % of the variance of the property (eta squared), which chance does not.
    """
    told = audit.told("content")
    columns = audit.signal_table().columns
    # Near identical texts stand among the duplicates.
    names = [name for name in told.get("flagged", {}) if name != "near_identical" and f"{name}_flag" in columns]
    flags = {name: audit.signal_flags(f"{name}_flag") for name in names}
    odd = {name: flag for name, flag in flags.items() if flag.any()}
    spurious = [str(name) for name in told.get("spurious", [])]
    correlation = list(told.get("label_correlation", []))
    if not flags and not correlation:
        raise NotMeasured("The summary of the signals holds no properties.")
    any_flag = np.logical_or.reduce(list(flags.values())) if flags else np.zeros(len(audit), dtype=bool)
    usable = max(int(audit.dataset.is_usable.sum()), 1)
    n = int(any_flag.sum())
    return Finding(
        name="properties",
        title="Properties of the samples",
        summary=_summary(n, {name: int(flag.sum()) for name, flag in odd.items()}, spurious),
        severity="warning" if n or spurious else "info",
        metrics={"property_flags_rate": n / usable, "spurious_properties": len(spurious)},
        table=pd.DataFrame(correlation),
        sample_ids=audit.ids_at(np.flatnonzero(any_flag)),
        data={
            "flagged": n,
            "kinds": [_kind(audit, name, flag) for name, flag in sorted(odd.items(), key=lambda item: -item[1].sum())],
            "tested": list(flags),
            "correlation": correlation[:SHOWN_PROPERTIES],
            "spurious": spurious,
        },
    )


def _kind(audit: Audit, name: str, flag: Any) -> dict[str, Any]:
    """One property: how many samples are odd in it, and the first few, the oddest in front."""
    at = np.flatnonzero(flag)
    known = f"{name}_score" in audit.signal_table().columns
    score = np.nan_to_num(audit.signal(f"{name}_score"))[at] if known else np.ones(len(at))
    shown = at[np.argsort(-score, kind="stable")][:SHOWN_SAMPLES]
    samples = [{"sample_id": audit.id_at(i), "label": audit.label_names[i]} for i in shown]
    return {"property": name, "count": len(at), "samples": samples}


def _summary(n: int, odd: dict[str, int], spurious: list[str]) -> str:
    kinds = ", ".join(
        f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(odd.items(), key=lambda item: -item[1])
    )
    are = "is" if n == 1 else "are"
    said = [f"{counted(n, 'sample')} {are} odd in a property ({kinds})." if n else "No sample is odd in a property."]
    if spurious:
        names = ", ".join(name.replace("_", " ") for name in spurious)
        said.append(f"The label can be told from {names}: a shortcut that a model may take.")
    return " ".join(said)
