"""What a query strategy gets to see: the checked arrays, which rows are labelled, and the seed."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.acquisition.inputs import checked_seed, class_positions, feature_rows, numbers, positions, row_count
from dqkit.checks import as_array
from dqkit.checks import numbers as real_numbers
from dqkit.records import UNLABELED, InputError, check_probabilities

MAX_ANCHORS = 20_000
MAX_CANDIDATES = 200_000


class FallbackWarning(UserWarning):
    """A strategy lacked an input that it prefers and used another; the text says which."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Checked inputs of one query.

    size: the number of rows, n. labeled: positions of labelled rows, ascending. candidates: positions a strategy
    may pick, ascending. labels: (n,) int64, -1 where none is known. features: float32 (n, d) or None, centred where
    their mean is far from zero beside their spread.
    pred_probs: (n, c) or None. member_probs: (m, n, c) or None.
    """

    size: int
    labeled: NDArray[np.int64]
    candidates: NDArray[np.int64]
    labels: NDArray[np.int64]
    features: NDArray[np.float32] | None
    pred_probs: NDArray[np.floating] | None
    member_probs: NDArray[np.floating] | None
    seed: int

    @property
    def rng(self) -> np.random.Generator:
        """A generator that starts at the seed, anew at every call."""
        return np.random.default_rng(self.seed)

    @property
    def anchors(self) -> NDArray[np.int64]:
        """The labelled positions, or 20,000 of them at random.

        A region that holds 1 in 2,000 labels keeps one of them with probability over 1 - exp(-10).
        """
        if len(self.labeled) <= MAX_ANCHORS:
            return self.labeled
        return np.sort(self.rng.choice(self.labeled, MAX_ANCHORS, replace=False))

    def shortlist(self, n: int, most: int) -> NDArray[np.int64]:
        """The candidates, or `most` of them at random (n if that is more).

        A region that holds a share s of the pool loses all its candidates with probability under exp(-most * s).
        """
        if len(self.candidates) <= max(most, n):
            return self.candidates
        return np.sort(self.rng.choice(self.candidates, max(most, n), replace=False))

    def probabilities(self, strategy: str) -> NDArray[np.floating]:
        """(n, c) predicted probabilities; raises `InputError` when none were passed."""
        if self.pred_probs is None:
            raise InputError(
                f"strategy {strategy!r} needs pred_probs of shape (n, c); got None. Pass them, or use 'random'."
            )
        return self.pred_probs

    def members(self, strategy: str) -> NDArray[np.floating]:
        """(m, n, c) member probabilities; raises `InputError` when none were passed."""
        if self.member_probs is None:
            raise InputError(
                f"strategy {strategy!r} needs member_probs of shape (members, n, c); got None. "
                "Pass them, or use 'entropy', which needs pred_probs alone."
            )
        return self.member_probs

    def embedding(self, strategy: str) -> NDArray[np.float32] | None:
        """(n, d) features; without them the square roots of pred_probs (Hellinger geometry), else None; warns."""
        if self.features is not None:
            return self.features
        if self.pred_probs is not None:
            _say(
                f"strategy {strategy!r} got no features and measures distance between predicted probabilities instead."
            )
            return np.asarray(np.sqrt(np.clip(self.pred_probs, 0, None)), dtype=np.float32)
        _say(f"strategy {strategy!r} got neither features nor pred_probs and picks at random instead.")
        return None


def make_pool(
    features: ArrayLike | None,
    pred_probs: ArrayLike | None,
    member_probs: ArrayLike | None,
    *,
    labeled: ArrayLike,
    labels: ArrayLike | None,
    candidates: ArrayLike | None,
    seed: int,
) -> Pool:
    """The checked `Pool`; raises `InputError` naming the first argument that breaks a rule."""
    seed = checked_seed(seed)
    matrix = None if features is None else real_numbers("features", features, shape="(n, d)")
    probs = None if pred_probs is None else numbers("pred_probs", pred_probs)
    members = None if member_probs is None else numbers("member_probs", member_probs)
    known = None if labels is None else class_positions(labels)
    mask = as_array("labeled", labeled, shape="(n,), a boolean mask, or (k,), positions")
    size = row_count(matrix, probs, members, known, mask)
    if matrix is not None:
        matrix = feature_rows(matrix)
    if members is not None:
        if members.ndim == 2:
            members = members[None]
        if members.ndim != 3 or 0 in members.shape:
            raise InputError(f"member_probs must have shape (members, n, c); got {members.shape}.")
        check_probabilities("member_probs", members)
    if probs is not None:
        if probs.ndim == 3 and not len(probs):
            raise InputError(f"pred_probs must hold at least one member; got shape {probs.shape}.")
        if probs.ndim == 3:
            members = probs if members is None else members
            probs = probs.mean(axis=0)
        if probs.ndim != 2:
            raise InputError(f"pred_probs must have shape (n, c); got {probs.shape}.")
        check_probabilities("pred_probs", probs)
    elif members is not None:
        probs = members.mean(axis=0)
    for name, array, axis in (
        ("features", matrix, 0),
        ("pred_probs", probs, 0),
        ("member_probs", members, 1),
        ("labels", known, 0),
    ):
        if array is not None and array.shape[axis] != size:
            raise InputError(f"{name} must have one row per sample, {size} in all; got {array.shape[axis]}.")
    marked = positions("labeled", mask, size)
    allowed = (
        np.arange(size)
        if candidates is None
        else positions("candidates", as_array("candidates", candidates, shape="(n,) or (k,)"), size)
    )
    return Pool(
        size=size,
        labeled=marked,
        candidates=np.setdiff1d(allowed, marked, assume_unique=True).astype(np.int64),
        labels=np.full(size, UNLABELED, np.int64) if known is None else known.astype(np.int64),
        features=matrix if matrix is not None and matrix.shape[1] else None,  # no columns: as if none were passed
        pred_probs=probs,
        member_probs=members,
        seed=seed,
    )


def _say(text: str) -> None:
    warnings.warn(text, FallbackWarning, stacklevel=5)


def top(scores: NDArray[np.floating], n: int) -> NDArray[np.int64]:
    """Places of the n highest scores, best first; equal scores in order of place."""
    return np.argsort(-scores, kind="stable")[:n].astype(np.int64)
