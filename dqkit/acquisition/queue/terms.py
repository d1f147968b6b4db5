"""The arguments of a queue that are no options, checked."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from dqkit.checks import is_number
from dqkit.records import InputError


def check_request(signals: pd.DataFrame, budget: float, exclude: Collection[str]) -> None:
    """Raise `InputError` on the first of these that breaks a rule."""
    if not isinstance(signals, pd.DataFrame):
        raise InputError(f"signals must be a DataFrame, one row per sample id; got {type(signals).__name__}.")
    if not signals.index.is_unique:
        twice = signals.index[signals.index.duplicated()][0]
        raise InputError(f"signals must have one row per sample id; {twice!r} comes twice. Drop the duplicates.")
    if not is_number(budget) or budget < 0:
        raise InputError(f"budget must be a number of answers, 0 or more; got {budget!r}.")
    if isinstance(exclude, str) or not isinstance(exclude, Collection):
        raise InputError(f"exclude must be a collection of sample ids; got {exclude!r}. Put it in a list.")
