"""Any strategy, made to even out the classes or to mind what each row costs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.acquisition.inputs import numbers
from dqkit.acquisition.strategies.pool import make_pool
from dqkit.acquisition.strategies.selection import select
from dqkit.checks import as_labels, number, whole_number
from dqkit.records import InputError

SHORTLIST = 5


def select_balanced(
    strategy: str, n: int, *, pred_probs: ArrayLike, labeled: ArrayLike, labels: ArrayLike | None = None, **inputs: Any
) -> NDArray[np.int64]:
    """Select unlabelled rows that even out the classes, for data with a long tail.

    Parameters
    ----------
    strategy, n, labeled, labels, **inputs
        As in `select`.
    pred_probs : array-like, shape (n_total, c)
        Predicted probabilities. The classes are evened out by what they predict.

    Returns
    -------
    ndarray of int64
        Positions of up to n rows, in the order they were picked.

    Raises
    ------
    InputError
        As in `select`.

    Notes
    -----
    From the first 5 n picks of the strategy, the next row is always of the predicted class with the fewest labels and
    picks so far. Classes without a row left are passed over. Equal counts go by position.

    Examples
    --------
    >>> probs = [[0.6, 0.4], [0.6, 0.4], [0.1, 0.9]]
    >>> select_balanced("margin", 2, pred_probs=probs, labeled=[False] * 3).tolist()
    [0, 2]
    """
    n = whole_number("n", n, least=0)
    if pred_probs is None:
        raise InputError("pred_probs must be given, of shape (n, c): the classes are evened out by what it predicts.")
    order = select(strategy, SHORTLIST * int(n), pred_probs=pred_probs, labeled=labeled, labels=labels, **inputs)
    probs = numbers("pred_probs", pred_probs)
    probs = probs.mean(axis=0) if probs.ndim == 3 else probs
    known = np.empty(0, np.int64) if labels is None else as_labels(labels, classes=probs.shape[1])
    counts = np.bincount(known[known >= 0], minlength=probs.shape[1])
    queues = [order[probs[order].argmax(axis=1) == k].tolist() for k in range(probs.shape[1])]
    picks: list[int] = []
    while len(picks) < min(n, len(order)):
        k = min((k for k, queue in enumerate(queues) if queue), key=lambda k: counts[k])
        picks.append(queues[k].pop(0))
        counts[k] += 1
    return np.array(picks, np.int64)


def select_within_cost(
    strategy: str, budget: float, *, row_costs: ArrayLike, labeled: ArrayLike, **inputs: Any
) -> NDArray[np.int64]:
    """Select unlabelled rows that together cost at most a budget.

    Parameters
    ----------
    strategy : str
        As in `select`. It orders the rows that the budget could buy.
    budget : float
        The total cost.
    row_costs : array-like, shape (n_total,)
        The cost of each row, positive.
    labeled, **inputs
        As in `select`.

    Returns
    -------
    ndarray of int64
        Positions of the rows, most useful per cost first.

    Raises
    ------
    InputError
        Where a cost is not a positive number, and as in `select`.

    Notes
    -----
    A row's usefulness falls evenly from 1 for the strategy's first pick to near 0 for its last. Rows are bought by
    usefulness over cost while they fit.

    Examples
    --------
    >>> probs = [[0.5, 0.5], [0.6, 0.4], [0.7, 0.3]]
    >>> select_within_cost("margin", 2, row_costs=[9, 1, 1], pred_probs=probs, labeled=[False] * 3).tolist()
    [1, 2]
    """
    cost = numbers("row_costs", row_costs)
    if cost.ndim != 1 or not np.isfinite(cost).all() or (cost <= 0).any():
        raise InputError("row_costs must be one positive number per row; leave out rows that cannot be bought.")
    budget = number("budget", budget, least=0)
    scores = [inputs.get(name) for name in ("features", "pred_probs", "member_probs")]
    rows = {name: inputs.get(name) for name in ("labels", "candidates")}
    pool = make_pool(*scores, labeled=labeled, **rows, seed=0)
    if len(cost) != pool.size:
        raise InputError(f"row_costs must have one value per row, {pool.size} in all; got {len(cost)}.")
    affordable = pool.candidates[cost[pool.candidates] <= budget]
    cheapest = np.cumsum(np.sort(cost[affordable]))
    most = int((cheapest <= budget + 1e-9).sum())
    order = select(strategy, SHORTLIST * most, labeled=labeled, **{**inputs, "candidates": affordable})
    worth = (1 - np.arange(len(order)) / max(len(order), 1)) / cost[order]
    picks: list[int] = []
    left = budget
    for at in order[np.argsort(-worth, kind="stable")].tolist():
        if cost[at] <= left + 1e-9:
            picks.append(at)
            left -= cost[at]
    return np.array(picks, np.int64)
