"""Which class is labelled as which: the noise matrix, cut to what a page can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def noisiest(names: Sequence[str], matrix: ArrayLike, most: int) -> dict[str, Any]:
    """A noise matrix cut to the `most` classes that take part in most noise, in their own order.

    Returns `classes`, `values` (their rows and columns), `largest` (off the diagonal) and `hidden` (classes cut).
    """
    values = np.asarray(matrix, dtype=np.float64)
    noise = values.copy()
    np.fill_diagonal(noise, 0.0)
    kept = np.sort(np.argsort(-(noise.sum(axis=0) + noise.sum(axis=1)), kind="stable")[:most])
    inside = np.ix_(kept, kept)
    return {
        "classes": [names[i] for i in kept],
        "values": values[inside].tolist(),
        "largest": float(noise[inside].max(initial=0.0)),
        "hidden": len(names) - len(kept),
    }
