"""Members mixed by quality, and the neighbours' labels as one more member where they help."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.noise_model import Floats, Ints, member_weights, row_blocks


@dataclass(frozen=True, eq=False)
class Mix:
    """probs: (n, c) weighted mean. weights: (members,), neighbours not counted, summing to one."""

    probs: Floats
    weights: NDArray[np.float64]
    used_neighbors: bool


def neighbor_votes(indices: NDArray[np.int64], given: Ints, c: int) -> Floats:
    """(n, c) shares of the labels of each row's neighbours, with one row's worth of the class shares added.

    A row is never its own neighbour, so its own label has no say: these votes are out of sample.
    """
    labeled = given[given >= 0]
    prior = (np.bincount(labeled, minlength=c) + 1.0) / (len(labeled) + c)
    around = np.where(indices >= 0, given[indices], -1)
    out = np.tile(prior.astype(np.float32), (len(indices), 1))
    rows, at = np.nonzero(around >= 0)
    np.add.at(out, (rows, around[rows, at]), np.float32(1.0))
    out /= out.sum(axis=1, keepdims=True)
    return out


def weigh(probs: Floats, given: Ints, known: NDArray[np.intp], votes: Floats | None, seed: int) -> Mix:
    """The members (m, n, c) mixed with the weights that make the given labels most likely.

    votes: neighbour votes, taken in where they raise the mean log-likelihood of the given labels by more than twice the
    standard error of the difference.
    """
    m = len(probs)
    at_given = probs[:, known, given[known]].astype(np.float64)
    weights = member_weights(at_given)
    share = 0.0
    if votes is not None and len(known) > 1:
        joined = np.vstack([at_given, votes[known, given[known]][None]])
        trial = member_weights(joined)
        gain = np.log(np.maximum(trial @ joined, 1e-6)) - np.log(np.maximum(weights @ at_given, 1e-6))
        if gain.mean() > 2 * gain.std() / np.sqrt(len(gain)) and trial[-1] > 0.01 and trial[:-1].sum() > 0.01:
            share = float(trial[-1])
            weights = trial[:-1] / trial[:-1].sum()
    if m == 1 and share == 0:
        return Mix(probs[0], weights, False)
    n, c = probs.shape[1:]
    mixed = np.empty((n, c), dtype=np.float32)
    scale = (weights * (1 - share)).astype(np.float32)
    for rows in row_blocks(n, c):
        block = np.einsum("m,mnc->nc", scale, probs[:, rows])
        if votes is not None and share > 0:
            block += np.float32(share) * votes[rows]
        mixed[rows] = block
    return Mix(mixed, weights, share > 0)
