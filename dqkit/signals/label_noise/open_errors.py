"""How many labels are wrong once people have decided some of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def open_error_rate(
    rate: float, interval: Sequence[float] | None, chance: NDArray[np.float64], checked: NDArray[np.bool_]
) -> tuple[float, list[float] | None]:
    """The rate of wrong labels and its interval once people have decided some of them: theirs are not wrong.

    chance, checked: of every labelled sample, the error probability and whether a person has decided its label. The
    upper end stays where it was, as all that is wrong may be among the others, but for their number.
    """
    if not checked.any():
        return rate, None if interval is None else [float(end) for end in interval]
    open_share = float((~checked).mean())
    total = float(chance.sum())
    kept = float(chance[~checked].sum()) / total if total > 0 else open_share
    rate = min(rate * kept, open_share)
    if interval is None:
        return rate, None
    return rate, [min(float(interval[0]) * kept, rate), max(min(float(interval[1]), open_share), rate)]
