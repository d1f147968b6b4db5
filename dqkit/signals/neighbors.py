"""One nearest-neighbour graph, and what every row's neighbourhood says of it: outlier, duplicate, unique, typical."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.records import InputError
from dqkit.signals.duplicates import duplicate_groups, near_duplicates
from dqkit.signals.identical_rows import identical_rows
from dqkit.signals.knn import Metric, exact_neighbors
from dqkit.signals.outliers import outlier_flags, outlier_scores

Method = Literal["exact", "approximate"]


@dataclass(frozen=True, eq=False, repr=False)
class Neighbors:
    """The k nearest other rows of every row, and one row of findings per row in `table`.

    indices: int64 (n, k), nearest first. distances: (n, k), cosine (1 - cosine similarity) or euclidean.
    method: "exact" or "approximate"; recall: the share of true neighbours found, 1.0 when exact, else measured on
        `recall_rows` sampled rows.
    table: rows 0..n-1
        outlier_score: [0, 1], 1 - exp(-mean distance / median of the mean distances); outlier: bool.
        nearest_distance: distance to the nearest row. exact_duplicate: bool, another row holds the same numbers.
        near_duplicate: bool, a row lies closer than `duplicate_distance` (exact ones included).
        duplicate_group: int, rows linked by near duplicates share a number, counted from 0 in row order; -1 = none.
        uniqueness: [0, 1), nearest distance / (nearest distance + its median).
        representativeness: [0, 1), rows that list this one as a neighbour / (that + k).
    outlier_distance, duplicate_distance: the thresholds that the flags were taken at.
    """

    table: pd.DataFrame
    indices: NDArray[np.int64]
    distances: NDArray[Any]
    metric: Metric
    method: Method
    recall: float
    recall_rows: int
    outlier_distance: float
    duplicate_distance: float

    @property
    def k(self) -> int:
        """How many neighbours each row has."""
        return int(self.indices.shape[1])

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        groups = int(self.table["duplicate_group"].max() + 1)
        return (
            f"Neighbors({len(self):,} rows, k={self.k}, {self.metric}, {self.method}, recall {self.recall:.3f}; "
            f"{int(self.table['outlier'].sum()):,} outliers, {groups:,} duplicate groups)"
        )


def neighbors(features: ArrayLike, k: int = 10, *, metric: Metric | None = None) -> Neighbors:
    """Return the k nearest other rows of every row, with outliers and duplicates, as a `Neighbors`.

    features: (n, d) numbers, finite, n > k. float32 stays float32; everything else becomes float64.
    metric: None takes cosine where d > 3 and euclidean otherwise.

    Flags are those of cleanlab's Datalab: an outlier's mean distance exceeds Q3 + 1.7 IQR; a near duplicate is closer
    than 0.13 times the median nearest distance. Equal distances are ordered by position.

    Raises `InputError` where features are not a finite matrix, or k is not in 1..n-1.

    >>> found = neighbors([[0.0], [0.1], [5.0]], k=1)
    >>> found.indices.ravel().tolist(), found.table["outlier_score"].round(2).tolist()
    ([1, 0, 1], [0.63, 0.63, 1.0])
    """
    rows = as_features(features)
    n, d = rows.shape
    if not 1 <= k < n:
        raise InputError(f"k must lie in 1..n-1 with n = {n} rows; got {k}. Lower k or pass more rows.")
    chosen: Metric = metric or ("cosine" if d > 3 else "euclidean")
    if chosen not in ("cosine", "euclidean"):
        raise InputError(f"metric must be 'cosine' or 'euclidean'; got {metric!r}.")
    indices, distances = exact_neighbors(rows, k, chosen)
    return describe(rows, indices, distances, metric=chosen, method="exact", recall=1.0, recall_rows=0)


def describe(
    features: NDArray[Any],
    indices: NDArray[np.int64],
    distances: NDArray[Any],
    *,
    metric: Metric,
    method: Method,
    recall: float,
    recall_rows: int,
) -> Neighbors:
    """Return the findings of a graph that was found before, as a `Neighbors`."""
    n, k = indices.shape
    first = identical_rows(features)
    copied = np.bincount(first, minlength=n)[first] > 1
    outlier, outlier_distance = outlier_flags(distances)
    near, duplicate_distance = near_duplicates(indices, distances)
    nearest = distances[:, 0]
    middle = max(float(np.median(nearest)), np.finfo(np.float64).tiny)
    listed = np.bincount(indices.ravel(), minlength=n)
    table = pd.DataFrame(
        {
            "outlier_score": outlier_scores(distances, metric=metric),
            "outlier": outlier,
            "nearest_distance": nearest,
            "exact_duplicate": copied,
            "near_duplicate": near,
            "duplicate_group": duplicate_groups(indices, distances < duplicate_distance, first),
            "uniqueness": nearest / (nearest + middle),
            "representativeness": listed / (listed + k),
        }
    )
    return Neighbors(
        table=table,
        indices=indices,
        distances=distances,
        metric=metric,
        method=method,
        recall=recall,
        recall_rows=recall_rows,
        outlier_distance=outlier_distance,
        duplicate_distance=duplicate_distance,
    )


def as_features(features: ArrayLike) -> NDArray[Any]:
    """Return features as a finite (n, d) float32 or float64 matrix, or raise `InputError`."""
    rows = np.asarray(features)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise InputError(f"features must have shape (n, d) with d >= 1; got {rows.shape}.")
    if rows.dtype.kind not in "fiub":
        raise InputError(f"features must hold numbers; got an array of {rows.dtype}.")
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float32 if rows.dtype == np.float16 else np.float64)
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        at = int(np.argmin(finite))
        raise InputError(f"features must be finite; row {at} is not. Fill or drop missing values first.")
    return rows
