"""Families of evidence: members mixed by quality, the neighbours' labels, and the history of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import numbers
from dqkit.records import InputError
from dqkit.signals.label_noise.noise_model import Floats, Ints, member_weights, row_blocks

LARGEST = 1e30


@dataclass(frozen=True, eq=False)
class Mix:
    """probs: (n, c) weighted mean. weights: (members,), neighbours not counted, summing to one. neighbor_share: the
    weight of the neighbours' votes, 0 where they are not taken in."""

    probs: Floats
    weights: NDArray[np.float64]
    neighbor_share: float


def neighbor_votes(indices: NDArray[np.int64], given: Ints, c: int, rows: NDArray[np.intp] | None = None) -> Floats:
    """(n, c), or one row for each of `rows`: shares of the labels of a row's neighbours, with one row's worth of the
    class shares added.

    A row is never its own neighbour, so its own label has no say: these votes are out of sample.
    """
    labeled = given[given >= 0]
    prior = (np.bincount(labeled, minlength=c) + 1.0) / (len(labeled) + c)
    near = indices if rows is None else indices[rows]
    around = np.where(near >= 0, given[near], -1)
    out = np.tile(prior.astype(np.float32), (len(near), 1))
    at, column = np.nonzero(around >= 0)
    np.add.at(out, (at, around[at, column]), np.float32(1.0))
    out /= out.sum(axis=1, keepdims=True)
    return out


def weigh(probs: Floats, given: Ints, known: NDArray[np.intp], votes: Floats | None) -> Mix:
    """The members (m, n, c), and the neighbour votes if there are any, mixed with the weights that make the given
    labels most likely."""
    m = len(probs)
    at_given = probs[:, known, given[known]].astype(np.float64)
    weights = member_weights(at_given)
    share = 0.0
    if votes is not None and len(known) > 1:
        trial = member_weights(np.vstack([at_given, votes[known, given[known]][None]]))
        if trial[-1] > 0.01 and trial[:-1].sum() > 0.01:
            share = float(trial[-1])
            weights = trial[:-1] / trial[:-1].sum()
    if m == 1 and share == 0:
        return Mix(probs[0], weights, 0.0)
    n, c = probs.shape[1:]
    mixed = np.empty((n, c), dtype=np.float32)
    scale = (weights * (1 - share)).astype(np.float32)
    for rows in row_blocks(n, c):
        block = np.einsum("m,mnc->nc", scale, probs[:, rows])
        if votes is not None and share > 0:
            block += np.float32(share) * votes[rows]
        mixed[rows] = block
    return Mix(mixed, weights, share)


def training_history(
    dynamics: Mapping[str, ArrayLike] | ArrayLike | None, given: Ints, c: int
) -> dict[str, NDArray[Any]]:
    """The training history as name -> (n,) or (n, epochs), checked.

    A mapping is taken by name: "margin" in a name means higher = safer, "wrong" higher = more suspicious, "correct"
    higher = safer. A bare (n,) or (n, epochs) array is margins. Arrays (n, epochs, c) are probabilities (or logits)
    after each epoch: the margin of the given class over the best other, and whether it lost, are taken from them.
    """
    n = len(given)
    items = dynamics if isinstance(dynamics, Mapping) else {} if dynamics is None else {"margins": dynamics}
    out: dict[str, NDArray[Any]] = {}
    for name, values in items.items():
        array = numbers(f"dynamics[{name!r}]", values, shape="(n,), (n, epochs) or (n, epochs, c)")
        if 0 in array.shape[1:]:
            raise InputError(f"dynamics[{name!r}] must hold at least one epoch; got shape {array.shape}.")
        if array.dtype.kind == "f":
            # Only the order of its values counts, and sums and differences of these stay finite.
            array = np.clip(array, -LARGEST, LARGEST)
        if array.ndim not in (1, 2, 3) or len(array) != n or (array.ndim == 3 and array.shape[2] != c):
            raise InputError(
                f"dynamics[{name!r}] must have shape (n,), (n, epochs) or (n, epochs, c) with n = {n}, c = {c}; "
                f"got {array.shape}."
            )
        if array.ndim == 3:
            margin = _margins(array, given)
            out["margins"], out["wrong_epochs"] = margin, margin < 0
        else:
            out[name] = array
    return out


def history_evidence(history: Mapping[str, NDArray[Any]], known: NDArray[np.intp]) -> NDArray[np.float64]:
    """(k, columns) what the history says against each labelled row, as log odds of its rank: higher = more suspicious.

    Names that are neither margins nor wrong nor correct epochs say nothing and are left out; NaN is the middle rank.
    """
    columns = []
    for name, values in history.items():
        mean = values[known].astype(np.float64)
        mean = mean.mean(axis=1) if mean.ndim == 2 else mean
        if "wrong" in name:
            columns.append(_rank_odds(mean))
        elif "margin" in name or "correct" in name:
            columns.append(_rank_odds(-mean))
    return np.stack(columns, axis=1) if columns else np.empty((len(known), 0))


def _margins(scores: NDArray[Any], given: Ints) -> NDArray[np.float32]:
    rows, epochs = np.arange(len(given))[:, None], np.arange(scores.shape[1])[None]
    label = np.maximum(given, 0)[:, None]
    rest = scores.astype(np.float32)
    own = rest[rows, epochs, label].copy()
    rest[rows, epochs, label] = -np.inf
    margin: NDArray[np.float32] = np.where(given[:, None] >= 0, own - rest.max(axis=2), np.float32(np.nan))
    return margin


def _rank_odds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    finite = np.isfinite(values)
    out = np.zeros(len(values))
    _, inverse, counts = np.unique(values[finite], return_inverse=True, return_counts=True)
    share = (np.cumsum(counts) - counts / 2)[inverse] / max(int(finite.sum()), 1)
    out[finite] = np.log(share / (1 - share)) if len(share) > 1 else 0.0
    return out
