"""A small dataset whose every figure can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dqkit.records import Dataset, Predictions

CLASSES = ("cat", "dog", "owl")
IDS = [f"s{i:02d}" for i in range(12)]
# s10 and s11 have no label; s08 and s09 are the test split.
GIVEN = [0, 0, 0, 0, 0, 1, 1, 1, 2, 0, -1, -1]


def names(codes: list[int]) -> list[str | None]:
    return [None if c < 0 else CLASSES[c] for c in codes]


def make_dataset(modality: str = "image", content: Any = None, **changes: Any) -> Dataset:
    if content is None:
        content = np.random.default_rng(0).integers(0, 256, (12, 6, 5), dtype=np.uint8)
        content[7] = content[1]  # a cat and a dog with the same picture
        content[9] = content[2]  # a test sample with the picture of a training one
    fields: dict[str, Any] = {
        "ids": np.array(IDS, dtype=object),
        "labels": np.array(GIVEN, dtype=np.int64),
        "classes": CLASSES,
        "modality": modality,
        "content": content,
        "split": np.array(["train"] * 8 + ["test"] * 2 + ["train"] * 2, dtype=object),
        "metadata": pd.DataFrame({"camera": ["old" if i in (0, 5, 6, 7) else "new" for i in range(12)]}, index=IDS),
        "problems": pd.DataFrame(
            [("s03", "unreadable", "cannot identify image file", True), ("s04", "dark", "mean 2", False)],
            columns=["sample_id", "kind", "message", "fatal"],
        ),
        "name": "pets",
    }
    return Dataset(**{**fields, **changes})


def make_inputs() -> dict[str, Any]:
    """Everything that `health` takes beside the dataset."""
    probs = np.full((12, 3), 0.1)
    # Out of sample, s05 and s06 look like a cat and an owl; the others as labelled, and the unlabelled are unsure.
    probs[np.arange(12), [0, 0, 0, 0, 0, 0, 2, 1, 2, 0, 1, 2]] = 0.8
    probs[10] = [0.3, 0.4, 0.3]
    probs[11] = [0.2, 0.2, 0.6]
    entropy = -(probs * np.log(probs)).sum(axis=1) / np.log(3)
    best = probs.argmax(axis=1)
    flag = np.isin(np.arange(12), [5, 6])
    groups = np.full(12, -1)
    groups[[1, 7]] = 0
    groups[[2, 9]] = 1
    signals = pd.DataFrame(
        {
            "label_score": np.where(flag, 0.9, 0.2),
            "label_flag": flag,
            "suggested_label": [CLASSES[b] for b in best],
            "label_kind": np.where(flag, "mislabelled", ""),
            "reasons": np.where(flag, "5 of 5 members disagree; 9 of 10 neighbours carry another label", ""),
            "entropy": entropy,
            "outlier_score": np.linspace(0, 1, 12),
            "outlier": np.arange(12) == 11,
            "duplicate_group": groups,
            "given_label": pd.Series(names(GIVEN), index=IDS, dtype=object),
            "predicted_label": [CLASSES[b] for b in best],
            "confidence": probs.max(axis=1),
            # Three labels of ten mislead their neighbours; those without a label are worth nothing.
            "knn_shapley": [0.6, 0.6, 0.5, 0.6, 0.6, 0.2, 0.4, 0.3, 0.6, 0.6, 0.5, 0.5],
            "dark_score": np.where(np.arange(12) == 4, 0.9, 0.1),
            "dark_flag": np.arange(12) == 4,
        },
        index=pd.Index(IDS, name="sample_id"),
    )
    # Ana made s05 a cat, confirmed s00 as it was, named s10, and skipped s06; her first word on s00 was undone.
    events = pd.DataFrame(
        [
            ("e0", "s00", "label", "owl", "human", "ana", "2026-01-01T10:00:00Z", 1, "", None),
            ("e1", "s00", "undo", None, "human", "ana", "2026-01-01T10:00:05Z", 1, "", "e0"),
            ("e2", "s00", "label", "cat", "human", "ana", "2026-01-01T10:00:09Z", 2, "", None),
            ("e3", "s05", "label", "cat", "human", "ana", "2026-01-02T10:00:00Z", 2, "", None),
            ("e4", "s06", "skip", None, "human", "ana", "2026-01-02T10:01:00Z", 2, "", None),
            ("e5", "s10", "label", "dog", "fiftyone", "ben", "2026-01-02T10:02:00Z", 2, "", None),
            ("e6", "s11", "label", "owl", "weak", "rules", "2026-01-02T10:03:00Z", 2, "", None),
        ],
        columns=["event_id", "sample_id", "kind", "label", "source", "annotator", "at", "round", "why", "undoes"],
    )
    labels = pd.DataFrame(
        {"label": names(GIVEN), "source": ["given"] * 10 + [None] * 2, "annotator": None, "at": None, "round": 0},
        index=pd.Index(IDS, name="sample_id"),
    )
    for sample_id, label, source in (
        ("s00", "cat", "human"),
        ("s05", "cat", "human"),
        ("s10", "dog", "fiftyone"),
        ("s11", "owl", "weak"),
    ):
        labels.loc[sample_id, ["label", "source"]] = [label, source]
    queue = pd.DataFrame(
        {
            "sample_id": ["s05", "s06", "s10", "s07"],
            "action": ["relabel", "relabel", "label", "second_opinion"],
            "score": [0.9, 0.8, 0.7, 0.1],
            "suggested_label": ["cat", "owl", "dog", "dog"],
            "reasons": "",
            "control": False,
        }
    )
    rounds = [
        {"round": 1, "budget": 4, "metrics": {"test_accuracy": 0.5, "label_error_rate": 0.3, "n_human": 0}},
        {
            "round": 2,
            "budget": 4,
            "finished": "2026-01-02T09:00:00Z",
            "answered": 3,
            "confirmed_errors": 1,
            "queue_counts": {"relabel": 2},
            "metrics": {
                "test_accuracy": 0.75,
                "label_error_rate": 0.2,
                "label_error_interval": [0.1, 0.3],
                "n_human": 0,
            },
        },
    ]
    return {
        "labels": labels,
        "signals": signals,
        "summary": {
            "label_errors": {"estimated_rate": 0.2, "interval": [0.1, 0.3]},
            "underperforming_groups": {
                "tested": 4,
                "underperforming": 1,
                "groups": [
                    {"by": "camera", "group": "old", "size": 4, "errors": 2, "error_rate": 0.5, "rest_rate": 0.125}
                    | {"p_value": 0.001, "q_value": 0.004, "underperforming": True}
                ],
            },
            "order": {"p_value": 0.01, "statistic": 0.3, "in_meaningful_order": True},
            "content": {
                "flagged": {"dark": 1, "light": 0},
                "label_correlation": [
                    {"property": "brightness", "eta_squared": 0.4, "p_value": 0.001, "q_value": 0.002, "spurious": True}
                ],
                "spurious": ["brightness"],
            },
        },
        "predictions": Predictions.from_arrays(probs, ids=IDS, classes=CLASSES),
        "queue": queue,
        "rounds": rounds,
        "events": events,
    }
