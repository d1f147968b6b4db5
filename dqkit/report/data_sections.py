"""Sections about the samples themselves: what they are, balance and outliers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from dqkit.datasets.labels import alike_names
from dqkit.report.inputs import Absent, Inputs, texts

SHOWN_SAMPLES = 12
SHOWN_PROBLEMS = 20
OUTLIER_SCORE = 0.9
RARE_SHARE = 0.1
RARE_COUNT = 5


def overview(inputs: Inputs) -> dict[str, Any]:
    """What the data is: how many, of which classes and splits, of what size, and what is wrong with single samples."""
    ds = inputs.dataset
    n = len(ds)
    labeled = inputs.current >= 0
    sources = Counter(source for source in texts(inputs.labels, "source") if source is not None)
    splits = [
        {"split": str(name), "n": int((ds.split == name).sum()), "labeled": int(labeled[ds.split == name].sum())}
        for name in dict.fromkeys(ds.split.tolist())
    ]
    problems = ds.problems
    fatal = problems["fatal"].astype(bool)
    kinds = Counter(str(kind) for kind in problems["kind"])
    good = labeled & ds.is_usable
    _, examples = np.unique(np.where(good, inputs.current, -1), return_index=True)
    examples = examples[good[examples]]
    unreadable = int(problems.loc[fatal, "sample_id"].nunique())
    return {
        "name": ds.name,
        "modality": ds.modality,
        "n_samples": n,
        "classes": inputs.classes,
        "n_labeled": int(labeled.sum()),
        "n_unlabeled": int((~labeled).sum()),
        "n_human": int((inputs.checked & labeled).sum()),
        "n_weak": int((inputs.weak & labeled).sum()),
        "n_test": int(inputs.is_test.sum()),
        "sources": dict(sorted(sources.items())),
        "splits": splits,
        "content": _content(inputs),
        "metadata_columns": [str(column) for column in ds.metadata.columns],
        "examples": [{"sample_id": inputs.id_at(i), "label": inputs.label_names[i]} for i in examples[:20]],
        "problems": {
            "total": len(problems),
            "unreadable": unreadable,
            "kinds": dict(sorted(kinds.items())),
            "rows": [
                {key: row[key] for key in ("sample_id", "kind", "message", "fatal")}
                for row in problems.head(SHOWN_PROBLEMS).to_dict("records")
            ],
        },
        "metrics": {
            "n_samples": n,
            "n_classes": len(inputs.classes),
            "n_labeled": int(labeled.sum()),
            "n_unlabeled": int((~labeled).sum()),
            "n_human": int((inputs.checked & labeled).sum()),
            "n_weak": int((inputs.weak & labeled).sum()),
            "n_test": int(inputs.is_test.sum()),
            "labeled_rate": labeled.sum() / n if n else None,
            "unreadable_rate": unreadable / n if n else None,
            "problems": len(problems),
        },
    }


def _content(inputs: Inputs) -> dict[str, Any]:
    """The size of the samples, by modality."""
    ds = inputs.dataset
    if ds.modality == "image":
        shape = np.shape(ds.content)
        return {"height": shape[1], "width": shape[2], "channels": shape[3] if len(shape) > 3 else 1}
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


def _empty(content: Any) -> int:
    return sum(not str(text).strip() for text in content)


def balance(inputs: Inputs) -> dict[str, Any]:
    """How many labels each class has, how uneven that is, which are rare (a tenth of the mean, or below 5) or alike."""
    current = inputs.current
    if not (current >= 0).any():
        raise Absent("No sample has a label yet.")
    counts = np.bincount(current[current >= 0], minlength=len(inputs.classes))
    human = np.bincount(current[(current >= 0) & inputs.checked], minlength=len(inputs.classes))
    try:
        suspect = inputs.signal_flags("label_flag") & ~inputs.checked & (current >= 0)
        suspects: list[int | None] = list(map(int, np.bincount(current[suspect], minlength=len(inputs.classes))))
    except Absent:
        suspects = [None] * len(counts)
    filled = counts[counts > 0]
    few = max(float(RARE_COUNT), RARE_SHARE * counts.mean())
    rows = [
        {"class": name, "count": int(count), "share": count / counts.sum(), "human": int(by_hand), "suspects": open_}
        for name, count, by_hand, open_ in zip(inputs.classes, counts, human, suspects, strict=True)
    ]
    rare = [row["class"] for row in rows if 0 < row["count"] < few]
    empty = [row["class"] for row in rows if row["count"] == 0]
    ratio = float(filled.max() / filled.min())
    return {
        "classes": rows,
        "imbalance_ratio": ratio,
        "rare": rare,
        "rare_below": few,
        "empty": empty,
        "alike": alike_names(inputs.classes),
        "metrics": {
            "imbalance_ratio": ratio,
            "min_class_count": int(filled.min()),
            "empty_classes": len(empty),
        },
    }


def outliers(inputs: Inputs) -> dict[str, Any]:
    """The samples that resemble the others least."""
    scores = inputs.signal("outlier_score")
    if not np.isfinite(scores).any():
        raise Absent("No features were at hand, so there are no outlier scores.")
    ranked = np.nan_to_num(scores, nan=-1.0)
    order = np.argsort(-ranked, kind="stable")
    order = order[ranked[order] >= 0][:SHOWN_SAMPLES]
    try:
        flags, told = inputs.signal_flags("outlier"), True
    except Absent:
        flags, told = ranked >= OUTLIER_SCORE, False
    high = int(flags.sum())
    return {
        "threshold": None if told else OUTLIER_SCORE,
        "flagged": high,
        "histogram": histogram(scores),
        "samples": [
            {"sample_id": inputs.id_at(i), "label": inputs.label_names[i], "score": float(scores[i])} for i in order
        ],
        "metrics": {"outlier_rate": high / len(scores)},
    }


def histogram(values: Any, bins: int = 20) -> dict[str, Any]:
    """Counts of the finite values in equal bins over [0, 1]."""
    finite = np.asarray(values, dtype=np.float64)
    finite = np.clip(finite[np.isfinite(finite)], 0.0, 1.0)
    counts, edges = np.histogram(finite, bins=bins, range=(0.0, 1.0))
    return {"edges": edges, "counts": counts}
