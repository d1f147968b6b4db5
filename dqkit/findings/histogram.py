"""Counts in equal bins, for charts."""

from __future__ import annotations

from typing import Any

import numpy as np


def histogram(values: Any, bins: int = 20) -> dict[str, Any]:
    """Return the counts of the finite values in equal bins over [0, 1], as lists `edges` and `counts`.

    >>> histogram([0.1, 0.2, 0.9, float("nan")], bins=2)["counts"]
    [2, 1]
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = np.clip(finite[np.isfinite(finite)], 0.0, 1.0)
    counts, edges = np.histogram(finite, bins=bins, range=(0.0, 1.0))
    return {"edges": edges.tolist(), "counts": counts.tolist()}
