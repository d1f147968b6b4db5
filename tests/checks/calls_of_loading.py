"""A valid small call of every loader, and of every check of an argument, the gate's included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import dqkit as dq
import dqkit.datasets.pixels as pixels
import dqkit.datasets.sources as sources
from dqkit import checks, guard
from tests.checks.calls import FEATURES, IDS, LABELS, PICTURES, PROBS, N
from tests.checks.places import Place

Call = tuple[Callable[..., Any], dict[str, Any]]
NO_BAR = {"progress": False}
FRAME = pd.DataFrame({"id": IDS, "size": np.arange(8.0), "words": ["a b", "c"] * 4, "label": ["a", "b"] * 4})

LOADING: dict[str, Callable[[Place], Call]] = {
    "dqkit.load_digits": lambda p: (
        dq.load_digits,
        {"label_noise": 0.1, "unlabeled": 0.2, "test_size": 0.25, "seed": 0},
    ),
    "dqkit.from_arrays": lambda p: (
        dq.from_arrays,
        {
            "x": FEATURES,
            "labels": LABELS,
            "classes": ["no", "yes"],
            "ids": IDS,
            "split": ["train"] * 6 + ["test"] * 2,
            "metadata": pd.DataFrame({"a": range(N)}, index=IDS),
            "true_labels": LABELS,
            "groups": ["g"] * N,
            "unlabeled": None,
            "name": "n",
        },
    ),
    "dqkit.from_arrays of pictures": lambda p: (
        dq.from_arrays,
        {"x": PICTURES, "labels": ["a", "b"] * 4, "channels": "last", "side": 6, "unlabeled": "?"},
    ),
    "dqkit.from_folder": lambda p: (
        dq.from_folder,
        {"folder": p.folder / "photos", "classes": ["cat", "dog"], "groups": "p(.)", "side": 4, **NO_BAR},
    ),
    "dqkit.from_table": lambda p: (
        dq.from_table,
        {
            "source": FRAME,
            "label": "label",
            "features": ["size"],
            "exclude": ["words"],
            "id": "id",
            "split": None,
            "groups": None,
            "classes": ["a", "b"],
            "unlabeled": "?",
            **NO_BAR,
        },
    ),
    "dqkit.from_table of a file": lambda p: (
        dq.from_table,
        {
            "source": p.folder / "table.csv",
            "label": "label",
            "features": "auto",
            "sep": ",",
            "encoding": "utf-8",
            "decimal": ".",
            "sheet": None,
            **NO_BAR,
        },
    ),
    "dqkit.from_table of texts": lambda p: (
        dq.from_table,
        {"source": FRAME, "text": "words", "label": "label", **NO_BAR},
    ),
    "dqkit.from_table of pictures": lambda p: (
        dq.from_table,
        {
            "source": pd.DataFrame({"image": [str(p.folder / "photos" / "cat" / "p0.png")] * 2, "label": ["a", "b"]}),
            "image": "image",
            "label": "label",
            "side": 4,
            **NO_BAR,
        },
    ),
    "dqkit.datasets.sources.read": lambda p: (sources.read, {"source": p.folder / "table.csv", "named": ["size"]}),
    "dqkit.datasets.sources.is_table_folder": lambda p: (sources.is_table_folder, {"path": p.folder}),
    "dqkit.datasets.pixels.decode": lambda p: (
        pixels.decode,
        {"files": [p.folder / "photos" / "cat" / "p0.png"], "side": 4, **NO_BAR},
    ),
    "dqkit.datasets.pixels.resolved": lambda p: (pixels.resolved, {"files": [p.folder / "photos" / "cat" / "p0.png"]}),
    "dqkit.datasets.pixels.cache_folder": lambda p: (pixels.cache_folder, {}),
}

CHECKING: dict[str, Callable[[Place], Call]] = {
    "dqkit.checks.as_array": lambda p: (lambda v: checks.as_array("x", v, shape="(n,)"), {"v": LABELS}),
    "dqkit.checks.as_labels": lambda p: (lambda v: checks.as_labels(v, classes=2), {"v": LABELS}),
    "dqkit.checks.as_positions": lambda p: (lambda v: checks.as_positions("x", v, size=N), {"v": np.eye(N, dtype=int)}),
    "dqkit.checks.as_probabilities": lambda p: (
        lambda v: checks.as_probabilities("x", v, one_column=True),
        {"v": PROBS},
    ),
    "dqkit.checks.bounded_text": lambda p: (lambda v: checks.bounded_text("x", v, most=9), {"v": "a"}),
    "dqkit.checks.check_probabilities": lambda p: (
        lambda v: checks.check_probabilities("x", checks.numbers("x", v, shape="(n, c)")),
        {"v": PROBS},
    ),
    "dqkit.checks.class_name": lambda p: (checks.class_name, {"value": "a"}),
    "dqkit.checks.distinct_names": lambda p: (lambda v: checks.distinct_names("x", v), {"v": IDS}),
    "dqkit.checks.finite_rows": lambda p: (lambda v: checks.finite_rows("x", v), {"v": FEATURES}),
    "dqkit.checks.instance": lambda p: (lambda v: checks.instance("x", v, int, "an int"), {"v": 1}),
    "dqkit.checks.is_iterable": lambda p: (checks.is_iterable, {"value": IDS}),
    "dqkit.checks.is_number": lambda p: (checks.is_number, {"value": 1}),
    "dqkit.checks.mapping": lambda p: (lambda v: checks.mapping("x", v, "a to b"), {"v": {"a": 1}}),
    "dqkit.checks.number": lambda p: (lambda v: checks.number("x", v, least=0, below=9), {"v": 1.5}),
    "dqkit.checks.numbers": lambda p: (lambda v: checks.numbers("x", v, shape="any", finite=True), {"v": FEATURES}),
    "dqkit.checks.one_of": lambda p: (lambda v: checks.one_of("x", v, ["a"]), {"v": "a"}),
    "dqkit.checks.plain_list": lambda p: (lambda v: len(checks.plain_list("x", v, most=9)), {"v": ["a"]}),
    "dqkit.checks.rows_in_order": lambda p: (
        lambda v: checks.rows_in_order("x", v, IDS),
        {"v": pd.DataFrame(PROBS, index=IDS[::-1])},
    ),
    "dqkit.checks.seed_number": lambda p: (checks.seed_number, {"seed": 1}),
    "dqkit.checks.shown": lambda p: (checks.shown, {"value": IDS}),
    "dqkit.checks.truth_values": lambda p: (lambda v: checks.truth_values("x", v, n=N), {"v": LABELS == 0}),
    "dqkit.checks.whole_number": lambda p: (lambda v: checks.whole_number("x", v, least=0, most=9), {"v": 1}),
    "dqkit.checks.whole_numbers": lambda p: (
        lambda v: checks.whole_numbers("x", v, shape="(n,)", ndim=1),
        {"v": LABELS},
    ),
    "dqkit.guard.Gate": lambda p: (guard.Gate, {"app": print, "key": "k", "is_public": print, "hosts": ["a"]}),
    "dqkit.guard.Tickets": lambda p: (guard.Tickets, {"key": "k"}),
    "dqkit.guard.Tickets.redeem": lambda p: (guard.Tickets("k").redeem, {"ticket": "t", "now": 1.0}),
    "dqkit.guard.entrance": lambda p: (guard.entrance, {}),
    "dqkit.guard.new_key": lambda p: (guard.new_key, {}),
    "dqkit.guard.new_ticket": lambda p: (guard.new_ticket, {"key": "k", "now": 1.0}),
}
