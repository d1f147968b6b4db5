"""How unsure one set of probabilities is, and how far several members disagree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import as_probabilities, number, numbers, whole_number
from dqkit.records import InputError

_BLOCK_ROWS = 65_536


def uncertainty(pred_probs: ArrayLike, *, temperature: float = 1.0, top_n: int = 5) -> pd.DataFrame:
    """Measure how unsure the probabilities of each sample are.

    Parameters
    ----------
    pred_probs : array-like, shape (n, c)
        Rows summing to one.
    temperature : float
        p is replaced by p ** (1 / temperature), normalised, first; see `fit_temperature`.
    top_n : int
        How many of the largest probabilities `top_spread` looks at.

    Returns
    -------
    DataFrame
        One row per sample. Columns in [0, 1], higher = less certain; with one class all are 0. entropy: Shannon entropy
        divided by log(c). margin: 1 - (largest - second largest). least_confidence: 1 - largest. top_spread: 1 -
        (standard deviation of the `top_n` largest) / (the most that it can be).

    Raises
    ------
    InputError
        Where the shape is wrong or a row holds no probabilities.

    Examples
    --------
    >>> uncertainty([[0.5, 0.5], [1.0, 0.0]]).round(3).to_numpy().tolist()
    [[1.0, 1.0, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0]]
    """
    probs = as_probabilities("pred_probs", pred_probs)
    top_n = whole_number("top_n", top_n, least=2)
    temperature = number("temperature", temperature, above=0)
    n, c = probs.shape
    out = np.zeros((n, 4))
    if c > 1:
        for start in range(0, n, _BLOCK_ROWS):
            block = tempered(probs[start : start + _BLOCK_ROWS], temperature)
            out[start : start + _BLOCK_ROWS] = _uncertainty_block(block, min(top_n, c))
    return pd.DataFrame(out, columns=["entropy", "margin", "least_confidence", "top_spread"])


def disagreement(member_probs: ArrayLike, *, temperatures: ArrayLike | None = None) -> pd.DataFrame:
    """Measure how far the members disagree about each sample.

    Parameters
    ----------
    member_probs : array-like, shape (members, n, c)
        Rows summing to one. The members may also be the epochs of one model.
    temperatures : array-like, shape (members,), optional
        Each member is scaled by p ** (1 / T), normalised, before it is compared.

    Returns
    -------
    DataFrame
        One row per sample. Columns in [0, 1], higher = more disagreement; with one member or one class all are 0.
        vote_entropy: entropy of the members' votes, divided by log(min(members, c)). js_divergence: entropy of the mean
        minus mean of the entropies, divided by the same. variation_ratio: 1 - share of members that vote for the
        commonest class.

    Raises
    ------
    InputError
        Where the shape is wrong or a row holds no probabilities.

    Notes
    -----
    A member whose largest probabilities are equal votes for the first of them.

    References
    ----------
    I. Dagan & S. Engelson, 1995 (vote entropy). N. Houlsby et al., 2011 (BALD). L. Freeman, 1965 (variation ratio).

    Examples
    --------
    >>> disagreement([[[1.0, 0.0]], [[0.0, 1.0]]]).to_numpy().tolist()
    [[1.0, 1.0, 0.5]]
    """
    probs = as_probabilities("member_probs", member_probs, dims=(3,))
    m, n, c = probs.shape
    scale = np.ones(m) if temperatures is None else numbers("temperatures", temperatures, shape=f"({m},)")
    if scale.shape != (m,):
        raise InputError(f"temperatures must hold one number for each of the {m} members; got shape {scale.shape}.")
    for value in scale:
        number("temperatures", float(value), above=0)
    out = np.zeros((n, 3))
    if m > 1 and c > 1:
        for start in range(0, n, _BLOCK_ROWS):
            block = np.stack([tempered(probs[i, start : start + _BLOCK_ROWS], scale[i]) for i in range(m)])
            out[start : start + _BLOCK_ROWS] = _disagreement_block(block)
    return pd.DataFrame(out, columns=["vote_entropy", "js_divergence", "variation_ratio"])


def tempered(probs: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """Return float64 probabilities proportional to `probs ** (1 / temperature)`, summing to one on the last axis."""
    scaled = np.asarray(probs, dtype=np.float64)
    if temperature != 1.0:
        peak = scaled.max(axis=-1, keepdims=True)
        # Relative to the largest, so that a small temperature cannot underflow a whole row to zero.
        scaled = (scaled.clip(0) / peak) ** (1.0 / temperature)
    total: NDArray[np.float64] = scaled.sum(axis=-1, keepdims=True)
    return scaled / total


def entropy(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Shannon entropy in nats along the last axis, with 0 log 0 = 0."""
    safe = np.where(probs > 0, probs, 1.0)
    total: NDArray[np.float64] = -(safe * np.log(safe)).sum(axis=-1)
    return np.maximum(total, 0.0)


def _uncertainty_block(probs: NDArray[np.float64], top_n: int) -> NDArray[np.float64]:
    c = probs.shape[1]
    top = np.sort(np.partition(probs, c - top_n, axis=1)[:, c - top_n :], axis=1)
    # One class certain and the others zero has the largest spread that top_n numbers summing to one can have.
    largest_spread = np.sqrt(top_n - 1) / top_n
    columns = (
        entropy(probs) / np.log(c),
        1 - (top[:, -1] - top[:, -2]),
        1 - top[:, -1],
        1 - top.std(axis=1) / largest_spread,
    )
    measures: NDArray[np.float64] = np.clip(np.column_stack(columns), 0.0, 1.0)
    return measures


def _disagreement_block(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    m, n, c = probs.shape
    votes = np.zeros((n, c))
    for ballot in probs.argmax(axis=2):
        votes[np.arange(n), ballot] += 1
    most = np.log(min(m, c))
    columns = (
        entropy(votes / m) / most,
        (entropy(probs.mean(axis=0)) - entropy(probs).mean(axis=0)) / most,
        1 - votes.max(axis=1) / m,
    )
    measures: NDArray[np.float64] = np.clip(np.column_stack(columns), 0.0, 1.0)
    return measures
