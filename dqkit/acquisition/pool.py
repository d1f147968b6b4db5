"""What a query strategy gets to see: the checked arrays, which rows are labelled, and the seed."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.records import UNLABELED, InputError, check_probabilities

MAX_ANCHORS = 20_000
MAX_CANDIDATES = 200_000


class FallbackWarning(UserWarning):
    """A strategy lacked an input it prefers and used another; the text says which."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Checked inputs of one query.

    size: the number of rows, n. labeled: positions of labelled rows, ascending. candidates: positions a strategy
    may pick, ascending. labels: (n,) int64, -1 where none is known. features: float32 (n, d) or None.
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
    *,
    features: ArrayLike | None,
    pred_probs: ArrayLike | None,
    member_probs: ArrayLike | None,
    labeled: ArrayLike,
    labels: ArrayLike | None,
    candidates: ArrayLike | None,
    seed: int,
) -> Pool:
    """The checked `Pool`; raises `InputError` naming the first argument that breaks a rule."""
    seed = checked_seed(seed)
    matrix = None if features is None else np.asarray(features)
    probs = None if pred_probs is None else np.asarray(pred_probs)
    members = None if member_probs is None else np.asarray(member_probs)
    known = None if labels is None else np.asarray(labels)
    mask = np.asarray(labeled)
    size = _size(matrix, probs, members, known, mask)
    if matrix is not None:
        if matrix.ndim != 2:
            raise InputError(f"features must have shape (n, d); got {matrix.shape}. Flatten each sample to one row.")
        matrix = np.ascontiguousarray(matrix, dtype=np.float32)
        if matrix.size and not np.isfinite([matrix.min(), matrix.max()]).all():  # no (n, d) mask: memory
            row = int(np.argmin(np.isfinite(matrix).all(axis=1)))
            raise InputError(f"features must be finite; row {row} is not. Fill or drop missing values first.")
    if members is not None:
        if members.ndim == 2:
            members = members[None]
        if members.ndim != 3 or 0 in members.shape:
            raise InputError(f"member_probs must have shape (members, n, c); got {members.shape}.")
        check_probabilities("member_probs", members)
    if probs is not None:
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
    marked = _positions("labeled", mask, size)
    allowed = np.arange(size) if candidates is None else _positions("candidates", np.asarray(candidates), size)
    return Pool(
        size=size,
        labeled=marked,
        candidates=np.setdiff1d(allowed, marked, assume_unique=True).astype(np.int64),
        labels=np.full(size, UNLABELED, np.int64) if known is None else known.astype(np.int64),
        features=matrix,
        pred_probs=probs,
        member_probs=members,
        seed=seed,
    )


def checked_seed(seed: object) -> int:
    """The seed as an int; raises `InputError` where it is no whole number, 0 or more."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed must be a whole number, 0 or more; got {seed!r}.")
    return int(seed)


def _size(
    features: NDArray[np.generic] | None,
    probs: NDArray[np.generic] | None,
    members: NDArray[np.generic] | None,
    labels: NDArray[np.generic] | None,
    labeled: NDArray[np.generic],
) -> int:
    """The number of rows, read from the first array that tells it."""
    if features is not None and features.ndim:
        return len(features)
    if probs is not None and probs.ndim > 1:
        return int(probs.shape[-2])
    if members is not None and members.ndim > 1:
        return int(members.shape[-2])
    if labels is not None and labels.ndim:
        return len(labels)
    if labeled.dtype == bool:
        return len(labeled)
    raise InputError(
        "the number of samples is unknown: pass labeled as a boolean mask (n,), or one of features, pred_probs, "
        "member_probs or labels with one row per sample."
    )


def _positions(name: str, values: NDArray[np.generic], size: int) -> NDArray[np.int64]:
    """Ascending unique positions from a boolean mask (n,) or an array of positions."""
    if values.ndim != 1:
        raise InputError(f"{name} must be a boolean mask (n,) or a 1-d array of positions; got shape {values.shape}.")
    if values.dtype == bool:
        if len(values) != size:
            raise InputError(f"{name} must have one entry per sample, {size} in all; got {len(values)}.")
        return np.flatnonzero(values).astype(np.int64)
    if values.size and not np.issubdtype(values.dtype, np.integer):
        raise InputError(f"{name} must hold booleans or whole positions; got dtype {values.dtype}.")
    at = np.unique(values.astype(np.int64))
    if at.size and (at[0] < 0 or at[-1] >= size):
        raise InputError(f"{name} must hold positions from 0 to {size - 1}; got {int(at[0])} to {int(at[-1])}.")
    return at


def _say(text: str) -> None:
    warnings.warn(text, FallbackWarning, stacklevel=5)


def top(scores: NDArray[np.floating], n: int) -> NDArray[np.int64]:
    """Places of the n highest scores, best first; equal scores in order of place."""
    return np.argsort(-scores, kind="stable")[:n].astype(np.int64)
