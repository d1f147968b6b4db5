"""What a label array must look like, and the interval of a share counted from labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.records import UNLABELED, InputError


def as_labels(labels: ArrayLike, *, classes: int | None = None, n: int | None = None) -> NDArray[np.int64]:
    """Return labels as (n,) int64 with -1 for unlabelled, or raise `InputError` naming the first label out of range.

    classes: how many classes there are; None leaves the upper end unchecked. n: the length that they must have.

    >>> as_labels([0, -1, 2], classes=3)
    array([ 0, -1,  2])
    """
    try:
        given = np.asarray(labels)
    except ValueError as error:
        raise InputError(f"labels must have shape (n,), one whole number a row; {error}.") from error
    if given.ndim != 1:
        raise InputError(f"labels must have shape (n,); got {given.shape}.")
    if given.size and given.dtype.kind not in "iub":
        given = _whole(given)
    given = given.astype(np.int64)
    if n is not None and len(given) != n:
        raise InputError(f"labels must have one entry for each of the {n} rows; got {len(given)}.")
    bad = given < UNLABELED
    if classes is not None:
        bad |= given >= classes
    if bad.any():
        at = int(np.argmax(bad))
        top = "" if classes is None else f" and below {classes}, the number of classes"
        raise InputError(f"labels must be -1 or more{top}; got {int(given[at])} at position {at}.")
    return given


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    """Floats, or objects, that are all whole numbers; else `InputError` names the first that is none."""
    if values.dtype.kind == "f" and bool((np.isfinite(values) & (values == np.floor(values))).all()):
        return values
    plain = [v.item() if isinstance(v, np.generic) else v for v in values.tolist()]
    odd = next((i for i, v in enumerate(plain) if not isinstance(v, int | float) or v % 1 != 0), None)
    if odd is None:
        return values
    advice = "Write unlabelled rows as -1."
    if isinstance(plain[odd], str | bytes):
        advice = "Turn class names into positions first: pandas.Categorical(labels, categories=classes).codes."
    raise InputError(
        f"labels must be whole numbers, -1 for unlabelled; got {plain[odd]!r} at position {odd} "
        f"of an array of {values.dtype}. {advice}"
    )


def wilson_interval(
    hits: ArrayLike, total: ArrayLike, *, z: float = 1.959964
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and upper end of Wilson's score interval for `hits` of `total`; (0, 1) where total is 0.

    >>> low, high = wilson_interval([5], [10])
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (0.237, 0.763)
    """
    count = np.asarray(total, dtype=np.float64)
    safe = np.maximum(count, 1.0)
    share = np.asarray(hits, dtype=np.float64) / safe
    scale = 1 + z**2 / safe
    centre = (share + z**2 / (2 * safe)) / scale
    half = z * np.sqrt(share * (1 - share) / safe + z**2 / (4 * safe**2)) / scale
    low = np.where(count > 0, np.clip(centre - half, 0, 1), 0.0)
    high = np.where(count > 0, np.clip(centre + half, 0, 1), 1.0)
    return low, high
