"""What the data is: how many samples, of which classes and splits, of what size, and what is wrong with single ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from dqkit.findings.audit import Audit, texts
from dqkit.findings.finding import Finding
from dqkit.findings.words import counted
from dqkit.records import Dataset, size_columns

SHOWN_PROBLEMS = 20


def overview(audit: Audit) -> Finding:
    """What the data is: how many, of which classes and splits, of what size, and what is wrong with single samples."""
    ds = audit.dataset
    n = len(ds)
    labeled = audit.current >= 0
    sources = Counter(source for source in texts(audit.labels, "source") if source is not None)
    splits = [
        {"split": str(name), "n": int((ds.split == name).sum()), "labeled": int(labeled[ds.split == name].sum())}
        for name in dict.fromkeys(ds.split.tolist())
    ]
    problems = ds.problems
    fatal = problems["fatal"].astype(bool)
    kinds = Counter(str(kind) for kind in problems["kind"])
    good = labeled & ds.is_usable
    _, examples = np.unique(np.where(good, audit.current, -1), return_index=True)
    examples = examples[good[examples]]
    unreadable = int(problems.loc[fatal, "sample_id"].nunique())
    known = set(map(str, ds.ids))
    counts: dict[str, Any] = {
        "n_samples": n,
        "n_labeled": int(labeled.sum()),
        "n_unlabeled": int((~labeled).sum()),
        "n_human": int((audit.checked & labeled).sum()),
        "n_weak": int((audit.weak & labeled).sum()),
        "n_test": int(audit.is_test.sum()),
    }
    return Finding(
        name="overview",
        title="What the data is",
        summary=f"{counted(n, 'sample')} of {ds.modality} data in {counted(len(ds.classes), 'class', 'classes')}; "
        f"{counted(len(problems), 'problem')} of single samples.",
        severity="error" if unreadable else "warning" if len(problems) else "info",
        metrics={
            **counts,
            "n_classes": len(ds.classes),
            "labeled_rate": labeled.sum() / n if n else np.nan,
            "unreadable_rate": unreadable / n if n else np.nan,
            "problems": len(problems),
        },
        table=problems,
        sample_ids=[str(i) for i in problems["sample_id"].unique() if str(i) in known],
        data={
            "name": ds.name,
            "modality": ds.modality,
            "classes": list(ds.classes),
            **counts,
            "sources": dict(sorted(sources.items())),
            "splits": splits,
            "content": _content(audit),
            "metadata_columns": [str(column) for column in ds.metadata.columns],
            "examples": [{"sample_id": audit.id_at(i), "label": audit.label_names[i]} for i in examples[:20]],
            "problems": {
                "total": len(problems),
                "unreadable": unreadable,
                "kinds": dict(sorted(kinds.items())),
                "rows": [
                    {key: row[key] for key in ("sample_id", "kind", "message", "fatal")}
                    for row in problems.head(SHOWN_PROBLEMS).to_dict("records")
                ],
            },
        },
    )


def _content(audit: Audit) -> dict[str, Any]:
    """The size of the samples, by modality."""
    ds = audit.dataset
    if ds.modality == "image":
        shape = np.shape(ds.content)
        channels = shape[3] if len(shape) > 3 else 1
        size = {"height": shape[1], "width": shape[2], "channels": channels}
        return {**size, "originals": _originals(ds), "pretrained": _pretrained(audit)}
    if ds.modality == "text":
        lengths = np.asarray([len(str(text)) for text in ds.content], dtype=np.int64)
        if not len(lengths):
            return {"characters": {}}
        low, middle, high = np.quantile(lengths, [0.05, 0.5, 0.95])
        characters = {"p5": low, "median": middle, "p95": high, "max": int(lengths.max()), "empty": _empty(ds.content)}
        return {"characters": characters}
    frame: pd.DataFrame = ds.content
    columns = [
        {"column": str(name), "kind": str(frame[name].dtype), "missing": float(frame[name].isna().mean())}
        for name in frame.columns
    ]
    return {"columns": columns[:60], "n_columns": len(columns)}


def _pretrained(audit: Audit) -> bool:
    """Whether a pretrained network read the originals (its members are called so; see `dqkit.baselines.embedding`)."""
    members = () if audit.predictions is None else audit.predictions.members
    return any(name.startswith("photo_") for name in members)


def _originals(ds: Dataset) -> dict[str, Any] | None:
    """The smallest, the middle and the largest original by area, in pixels; None where the pictures are no files."""
    names = size_columns(ds.metadata.columns)
    if ds.paths is None or names is None:
        return None
    sizes = ds.metadata[list(names)].apply(pd.to_numeric, errors="coerce").dropna().to_numpy(dtype=np.float64)
    sizes = sizes[(sizes > 0).all(axis=1)].astype(np.int64)
    if not len(sizes):
        return None
    order = np.lexsort((sizes[:, 0], sizes.prod(axis=1)))
    picked = {"min": order[0], "median": order[(len(order) - 1) // 2], "max": order[-1]}
    return {name: {"width": int(sizes[at, 0]), "height": int(sizes[at, 1])} for name, at in picked.items()}


def _empty(content: Any) -> int:
    return sum(not str(text).strip() for text in content)
