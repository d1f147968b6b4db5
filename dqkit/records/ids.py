"""Sample ids as an array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_ids(values: Any) -> NDArray[np.object_]:
    """Return one id an entry; a NumPy array of tuples would become a matrix."""
    if isinstance(values, np.ndarray):
        values = values.ravel()
    try:
        flat = [values] if isinstance(values, type) else list(values)
    except TypeError:  # a single value
        flat = [values]
    out = np.empty(len(flat), dtype=object)
    for at, value in enumerate(flat):
        out[at] = value
    return out
