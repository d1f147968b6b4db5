"""Which fold every sample is held out of: stratified by class, groups and copies kept together."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.arrays.components import components
from dqkit.checks import as_array, as_labels, seed_number, whole_number
from dqkit.near_copies import similar_images, similar_texts
from dqkit.records import Dataset, InputError

MOST_CLASSES = 10_000_000


def stratified_folds(
    labels: ArrayLike, *, folds: int = 5, seed: int = 0, groups: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Cut labelled samples into folds with equal shares of every class.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
        Class positions, -1 for unlabelled samples.
    folds : int
        How many folds, at least 2.
    seed : int
        Decides which sample goes where.
    groups : array-like, shape (n,), optional
        Samples of one group share a fold; a missing group (None, NaN) is a group of one.

    Returns
    -------
    ndarray of int64, shape (n,)
        The fold (0 to folds - 1) that each labelled sample is held out of, -1 for unlabelled samples.

    Notes
    -----
    Every class is spread as evenly as its groups allow, and the folds are of nearly equal size. A class with one sample
    is missing from training in that sample's own fold, so no model that has seen the class ever judges that sample.

    Examples
    --------
    >>> stratified_folds([0, 0, 1, 1, -1], folds=2).tolist().count(0)
    2
    """
    y = as_labels(labels)
    folds, seed = whole_number("folds", folds), seed_number(seed)
    fold_of = np.full(len(y), -1, dtype=np.int64)
    labeled = np.flatnonzero(y >= 0)
    if folds < 2 or len(labeled) < folds:
        raise InputError(
            f"folds must be at least 2 and at most the number of labelled samples ({len(labeled)}); got {folds}."
        )
    if y.max() >= MOST_CLASSES:
        raise InputError(f"labels must be below {MOST_CLASSES:,}; got {y.max()}. Number the classes from 0.")
    codes = np.arange(len(y)) if groups is None else group_numbers(groups, len(y))
    rng = np.random.default_rng(seed)
    group = np.unique(codes[labeled], return_inverse=True)[1]
    size = np.bincount(group)
    if len(size) < folds:
        raise InputError(f"groups must hold at least as many groups as folds ({folds}); got {len(size)}.")
    n_classes = int(y.max()) + 1
    held = np.zeros((folds, n_classes))
    wanted = np.maximum(np.bincount(y[labeled], minlength=n_classes) / folds, 1e-9)
    by_group = np.argsort(group, kind="stable")
    starts = np.r_[0, np.cumsum(size)]
    shuffled = rng.permutation(len(size))
    for g in (g for g in shuffled[np.argsort(-size[shuffled], kind="stable")] if size[g] > 1):
        rows = labeled[by_group[starts[g] : starts[g + 1]]]
        add = np.bincount(y[rows], minlength=n_classes)
        # The fold where these classes are least present, relative to their share; the emptier fold on ties.
        fold = int(np.lexsort((held.sum(1), np.round((held * add / wanted).sum(1), 9)))[0])
        fold_of[rows] = fold
        held[fold] += add
    single = rng.permutation(labeled[size[group] == 1])
    for c in range(n_classes):
        rows = single[y[single] == c]
        filled = held[:, c].copy()
        total = held.sum(1)
        target = _level(filled, total, len(rows))
        fold_of[rows] = np.repeat(np.arange(folds), target)
        held[:, c] += target
    return fold_of


def group_numbers(groups: ArrayLike, n: int) -> NDArray[np.int64]:
    """(n,) whole numbers, the same for samples whose group is the same; a missing group (None, NaN) is a group of one.

    >>> group_numbers(["b", None, "b", float("nan")], 4).tolist()
    [0, 1, 0, 2]
    """
    if isinstance(groups, list | tuple):  # NumPy would turn a NaN among names into the name "nan"
        values: NDArray[Any] = np.empty(len(groups), dtype=object)
        values[:] = groups
    else:
        values = as_array("groups", groups, shape=f"({n},), one value a sample")
    if values.shape != (n,):
        raise InputError(f"groups must have shape ({n},), one value for each of the {n:,} samples; got {values.shape}.")
    try:
        codes = pd.factorize(values)[0].astype(np.int64)
    except TypeError as error:
        raise InputError(f"groups must hold names or numbers; {error}.") from error
    missing = np.flatnonzero(codes < 0)
    codes[missing] = codes.max(initial=-1) + 1 + np.arange(len(missing))
    return codes


def _level(filled: NDArray[np.float64], total: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """How many of n samples each fold gets so that `filled` becomes level; leftovers go to the emptiest folds."""
    lo, hi = float(filled.min()), float(filled.max()) + n + 1
    for _ in range(60):
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if np.floor(np.maximum(mid - filled, 0)).sum() <= n else (lo, mid)
    give = np.floor(np.maximum(lo - filled, 0)).astype(np.int64)
    for _ in range(n - int(give.sum())):
        give[np.lexsort((total + give, filled + give))[0]] += 1
    return give


def copy_groups(dataset: Dataset) -> NDArray[np.int64]:
    """(n,) group numbers: samples whose content is the same, or nearly, share one.

    Images: nearly the same picture (`similar_images`). Texts: nearly the same words, whatever their case, spacing and
    punctuation (`similar_texts`). Table rows: equal values.
    """
    return join_groups(_equal(dataset), _similar(dataset))


def _similar(dataset: Dataset) -> NDArray[np.int64]:
    n = len(dataset)
    if dataset.modality == "image":
        group = similar_images(dataset.content)
    elif dataset.modality == "text":
        group = similar_texts([str(text) for text in dataset.content])
    else:
        return np.arange(n)
    alone = group < 0
    return np.where(alone, np.arange(n), n + group)


def _equal(dataset: Dataset) -> NDArray[np.int64]:
    if dataset.modality == "image":
        keys = [
            hashlib.blake2b(np.ascontiguousarray(row).tobytes(), digest_size=16).digest() for row in dataset.content
        ]
    elif dataset.modality == "text":
        keys = []
        for position, text in enumerate(dataset.content):
            words = " ".join("".join(ch if ch.isalnum() else " " for ch in str(text).casefold()).split())
            keys.append(words.encode("utf-8", "surrogatepass") if words else b"\0%d" % position)
    else:
        return np.asarray(pd.factorize(pd.util.hash_pandas_object(dataset.content, index=False))[0], dtype=np.int64)
    return np.asarray(pd.factorize(np.array(keys, dtype=object))[0], dtype=np.int64)


def join_groups(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) group numbers in which two samples share one if either grouping (or a chain of them) joins them."""
    n = len(first)
    rows = np.r_[np.arange(n), np.arange(n)]
    columns = np.r_[n + first, n + int(first.max(initial=-1)) + 1 + second]
    nodes = int(columns.max(initial=n - 1)) + 1
    return components(nodes, rows, columns)[:n]
