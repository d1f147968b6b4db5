"""How many labels are wrong once people have decided some of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dqkit.checks import number, numbers, shown, truth_values
from dqkit.errors import InputError


def open_error_rate(
    rate: float, interval: Sequence[float] | None, chance: NDArray[np.float64], checked: NDArray[np.bool_]
) -> tuple[float, list[float] | None]:
    """Estimate the rate of wrong labels once people have decided some of them: theirs are not wrong.

    Parameters
    ----------
    rate : float
        The estimated rate among all labelled samples, before the decisions.
    interval : sequence of float or None
        Its lower and upper end.
    chance : ndarray, shape (n,)
        The error probability of every labelled sample.
    checked : ndarray of bool, shape (n,)
        Whether a person has decided its label.

    Returns
    -------
    rate : float
        Of the labels as they are now.
    interval : list of float or None
        The upper end stays, up to the share of labels that nobody has decided: all that is wrong may be among them.

    Raises
    ------
    InputError
        For shares that are none, or arrays of unequal length.
    """
    chance = numbers("chance", chance, shape="(n,)")
    checked = truth_values("checked", checked, n=len(chance) if chance.ndim == 1 else None)
    if chance.ndim != 1 or (chance.size and not (np.nanmin([*chance, 0]) >= 0 and np.nanmax([*chance, 0]) <= 1)):
        raise InputError(f"chance must be (n,) probabilities in [0, 1]; got shape {chance.shape}.")
    rate = number("rate", rate, least=0, most=1)
    if interval is not None:
        ends = numbers("interval", interval, shape="(2,)", finite=True)
        if ends.shape != (2,) or not 0 <= ends[0] <= ends[1] <= 1:
            raise InputError(f"interval must be two shares, the lower one first; got {shown(interval)}.")
        interval = [float(end) for end in ends]
    if not checked.any():
        return rate, None if interval is None else [float(end) for end in interval]
    open_share = float((~checked).mean())
    total = float(chance.sum())
    kept = float(chance[~checked].sum()) / total if total > 0 else open_share
    rate = min(rate * kept, open_share)
    if interval is None:
        return rate, None
    return rate, [min(float(interval[0]) * kept, rate), max(min(float(interval[1]), open_share), rate)]
