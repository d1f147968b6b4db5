"""The terms of a queue, checked: budget, shares, quotas and what is left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from dqkit.acquisition.inputs import is_number
from dqkit.acquisition.strategies.selection import STRATEGIES
from dqkit.records import ACTIONS, InputError

MIN_SHARE: Mapping[str, float] = {"label": 0.1, "relabel": 0.1, "second_opinion": 0.0}


def checked_terms(
    signals: pd.DataFrame,
    budget: float,
    control: float,
    strategy: str,
    human_error: float,
    min_share: Mapping[str, float] | None,
) -> dict[str, float]:
    """The least share per action; raises `InputError` on the first argument that breaks a rule."""
    if not isinstance(signals, pd.DataFrame):
        raise InputError(f"signals must be a DataFrame, one row per sample id; got {type(signals).__name__}.")
    if not signals.index.is_unique:
        twice = signals.index[signals.index.duplicated()][0]
        raise InputError(f"signals must have one row per sample id; {twice!r} comes twice. Drop the duplicates.")
    if not is_number(budget) or budget < 0:
        raise InputError(f"budget must be a number of answers, 0 or more; got {budget!r}.")
    if not is_number(control) or not 0 <= control <= 1:
        raise InputError(f"control must be a share of the budget from 0 to 1; got {control!r}.")
    if not is_number(human_error) or not 0 < human_error < 1:
        raise InputError(f"human_error must lie between 0 and 1; got {human_error!r}.")
    if strategy not in STRATEGIES:
        raise InputError(f"strategy must be one of {', '.join(sorted(STRATEGIES))}; got {strategy!r}.")
    share = {**MIN_SHARE, **(min_share or {})}
    if (
        set(share) - set(ACTIONS)
        or not all(map(is_number, share.values()))
        or min(share.values()) < 0
        or sum(share.values()) > 1
    ):
        raise InputError(
            f"min_share must map {', '.join(ACTIONS)} to shares of 0 or more that, defaults included, "
            f"sum to at most 1; got {min_share!r}."
        )
    return share


def check_rest(noise_rate: float | None, quota: Mapping[str, int] | None, exclude: Collection[str]) -> None:
    """Raise `InputError` on the first of these that breaks a rule."""
    if noise_rate is not None and not (is_number(noise_rate) and 0 <= noise_rate <= 1):
        raise InputError(f"noise_rate must be a share of labels from 0 to 1, or None; got {noise_rate!r}.")
    for name, least in (quota or {}).items():
        if not is_number(least) or least < 0 or least != int(least):
            raise InputError(f"class_quota must map classes to whole numbers, 0 or more; got {name!r}: {least!r}.")
    if isinstance(exclude, str):
        raise InputError(f"exclude must be a collection of sample ids; got the text {exclude!r}. Put it in a list.")
