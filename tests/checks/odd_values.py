"""Odd values that people pass in the place of valid ones."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from tests.checks.calls import (
    ANSWERS,
    IDS,
    N,
)

_text = "\ud800"
ODD: dict[str, Any] = {
    "None": None,
    "text": "abc",
    "empty text": "",
    "half a surrogate": _text,
    "bytes": b"abc",
    "0": 0,
    "-1": -1,
    "3": 3,
    "1.5": 1.5,
    "True": True,
    "huge": 10**30,
    "beyond floats": 10**400,
    "2**63": 2**63,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "-infinity": float("-inf"),
    "tiny": 5e-324,
    "complex": 1 + 2j,
    "Decimal": Decimal("0.5"),
    "datetime": datetime(2026, 1, 2),
    "NA": pd.NA,
    "NaT": pd.NaT,
    "a class": dict,
    "object": object(),
    "0-d array": np.array(3),
    "0-d object": np.array(None, dtype=object),
    "empty list": [],
    "empty matrix": np.empty((0, 2)),
    "no columns": np.empty((N, 0)),
    "empty cube": np.empty((0, N, 2)),
    "list of None": [None] * N,
    "list of text": ["a"] * N,
    "mixed list": [1, "a", None, 2.5, True, b"x", [1], {}],
    "ragged": [[0.5, 0.5], [1.0]] * (N // 2),
    "one too few": np.zeros(N - 1, dtype=int),
    "zeros": np.zeros(N, dtype=int),
    "twos": np.full(N, 2),
    "minus fives": np.full(N, -5),
    "NaNs": np.full(N, np.nan),
    "infinities": np.full((N, 2), np.inf),
    "huge numbers": np.full((N, 2), 1e308),
    "huge integers": [10**30] * N,
    "beyond floats, listed": [10**400] * N,
    "unsigned": np.full(N, 2**64 - 1, dtype=np.uint64),
    "booleans": np.zeros(N, dtype=bool),
    "boolean matrix": np.zeros((N, 2), dtype=bool),
    "complex matrix": np.full((N, 2), 0.5 + 0j),
    "long doubles": np.full((N, 2), 0.5, dtype=np.longdouble),
    "huge long doubles": np.full((N, 2), np.longdouble("1e4000") if np.finfo(np.longdouble).maxexp > 2000 else np.inf),
    "halves": np.full((N, 2), 0.5, dtype=np.float16),
    "object matrix": np.full((N, 2), 0.5, dtype=object),
    "object matrix of None": np.full((N, 2), None, dtype=object),
    "text matrix": np.full((N, 2), "0.5"),
    "times": np.full(N, "2026-01-02", dtype="datetime64[D]"),
    "cube": np.full((2, N, 2), 0.5),
    "one-dimensional probabilities": np.full(N, 0.5),
    "one column": np.full((N, 1), 0.5),
    "logits": np.full((N, 2), [3.0, -2.0]),
    "four axes": np.full((1, 1, N, 2), 0.5),
    "masked": np.ma.masked_array(np.full((N, 2), 0.5), mask=np.eye(N, 2)),
    "structured": np.zeros(N, dtype=[("a", int), ("b", float)]),
    "generator": (k for k in range(N)),
    "range": range(N),
    "set": {1, 2},
    "dict": {"a": 1},
    "dict of None": {None: None},
    "dict of odd numbers": {"label": float("nan"), "no": -3, "yes": 10**400},
    "dict of lists": {"label": [1], "no": [1, 2], "a": ["x"] * N},
    "function": len,
    "Series": pd.Series(np.zeros(N)),
    "Series with NA": pd.Series([1, None] * (N // 2), dtype="Int64"),
    "categories": pd.Series(pd.Categorical(["a", "b"] * (N // 2))),
    "times with a zone": pd.Series(pd.date_range("2026-01-02", periods=N, tz="UTC")),
    "DataFrame": pd.DataFrame({"a": np.zeros(N), "b": ["x"] * N}),
    "empty DataFrame": pd.DataFrame(),
    "columns twice": pd.DataFrame(np.full((N, 2), 0.5), columns=["a", "a"], index=IDS),
    "columns of the queue, odd": pd.DataFrame(
        {
            "source": [1] * N,
            "annotators": ["x"] * N,
            "score": pd.Series([_text] * N, index=IDS, dtype=object),
            "wrong": [None] * N,
            "label_score": ["x"] * N,
            "given_label": [[1]] * N,
            "least_confidence": [np.inf] * N,
        },
        index=IDS,
    ),
    "control, odd": ANSWERS.assign(control=["x", None] * 4, answer=1.5, round=pd.Series([_text] * 8, dtype=object)),
}


def _polars() -> dict[str, Any]:
    try:
        import polars
    except ImportError:
        return {}
    return {
        "polars frame": polars.DataFrame({"a": [0.5] * N, "b": [0.5] * N}),
        "polars series": polars.Series([0.5] * N),
    }


ODD |= _polars()
