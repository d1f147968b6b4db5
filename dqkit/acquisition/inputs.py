"""The arguments of a query, checked: each function raises `InputError` naming the argument that breaks a rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.arrays.distances import squared_norms
from dqkit.checks import numbers as real_numbers
from dqkit.checks import seed_number, whole_numbers
from dqkit.records import UNLABELED, InputError


def checked_seed(seed: object) -> int:
    """The seed as an int; raises `InputError` where it is no whole number, 0 or more."""
    return seed_number(seed)


def row_count(
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


def numbers(name: str, values: ArrayLike) -> NDArray[np.floating]:
    """The values as floating-point numbers."""
    array = real_numbers(name, values, shape="(n, c) or (members, n, c)")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def class_positions(labels: ArrayLike) -> NDArray[np.int64]:
    """The labels as whole numbers, -1 where unknown."""
    return whole_numbers("labels", labels, shape="(n,)", ndim=1, least=UNLABELED)


def feature_rows(values: NDArray[np.generic]) -> NDArray[np.float32]:
    """The features in float32, less their mean where it is more than ten times their spread, over the largest where
    its square is beyond float32.

    Squared distances come from lengths and products, and such lengths leave no float32 digits for the distances.
    """
    if values.ndim != 2:
        raise InputError(f"features must have shape (n, d); got {values.shape}. Flatten each sample to one row.")
    given = numbers("features", values) if values.dtype.kind not in "fiub" else values
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported below
        out = np.ascontiguousarray(given, dtype=np.float32)
    if out.size and not np.isfinite([out.min(), out.max()]).all():  # no (n, d) mask: memory
        row = int(np.argmin(np.isfinite(out).all(axis=1)))
        raise InputError(f"features must be finite; row {row} is not. Fill or drop missing values first.")
    largest = float(np.abs([out.min(), out.max()]).max()) if out.size else 0.0
    if largest > 1e15 or 0 < largest < 1e-15:
        given = np.asarray(given, dtype=np.float64) / largest
        out = given.astype(np.float32)
    if out.size:
        center = given.mean(axis=0, dtype=np.float64)
        far = float(center @ center)
        if far > 100 * (float(squared_norms(out).mean(dtype=np.float64)) - far):
            out = np.asarray(given - center, dtype=np.float32)
    return out


def positions(name: str, values: NDArray[np.generic], size: int) -> NDArray[np.int64]:
    """Ascending unique positions from a boolean mask (n,) or an array of positions."""
    if values.ndim != 1:
        raise InputError(f"{name} must be a boolean mask (n,) or a 1-d array of positions; got shape {values.shape}.")
    if values.dtype == bool:
        if len(values) != size:
            raise InputError(f"{name} must have one entry per sample, {size} in all; got {len(values)}.")
        return np.flatnonzero(values).astype(np.int64)
    if values.size and not np.issubdtype(values.dtype, np.integer):
        raise InputError(f"{name} must hold booleans or whole positions; got dtype {values.dtype}.")
    if values.size == size > 2 and bool(((values == 0) | (values == 1)).all()):
        raise InputError(
            f"{name} must be a boolean mask (n,) or positions; got one 0 or 1 per sample. "
            f"Pass np.asarray({name}, dtype=bool) for a mask."
        )
    at = np.unique(values.astype(np.int64))
    if at.size and (at[0] < 0 or at[-1] >= size):
        raise InputError(f"{name} must hold positions from 0 to {size - 1}; got {int(at[0])} to {int(at[-1])}.")
    return at
