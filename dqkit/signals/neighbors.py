"""One nearest-neighbour graph, and what every row's neighbourhood says of it: outlier, duplicate, unique, typical."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import finite_rows, one_of, seed_number, whole_number
from dqkit.records import InputError
from dqkit.signals.duplicates import duplicate_groups, near_duplicates
from dqkit.signals.knn.identical_rows import identical_rows
from dqkit.signals.knn.points import Found, Metric
from dqkit.signals.knn.search import SMALL, exact_neighbors, of_distinct_rows
from dqkit.signals.outliers import outlier_flags, outlier_scores

Method = Literal["exact", "approximate"]


@dataclass(frozen=True, eq=False, repr=False)
class Neighbors:
    """The k nearest other rows of every row, and one row of findings per row in `table`.

    Attributes
    ----------
    table : DataFrame
        Rows 0 to n - 1. outlier_score: [0, 1], 1 - exp(-mean distance / median of the mean distances). outlier: bool.
        nearest_distance. exact_duplicate: bool, another row holds the same numbers. near_duplicate: bool, a row lies
        closer than `duplicate_distance`. duplicate_group: int, -1 = none. uniqueness: [0, 1), nearest distance /
        (nearest distance + its median). representativeness: [0, 1), rows that list this one as a neighbour / (that +
        k).
    indices : ndarray of int64, shape (n, k)
        Nearest first.
    distances : ndarray, shape (n, k)
        Cosine (1 - cosine similarity) or euclidean.
    method : str
        "exact" or "approximate".
    recall : float
        The share of true neighbours found: 1.0 when exact, else measured on `recall_rows` sampled rows.
    outlier_distance, duplicate_distance : float
        The thresholds of the flags.
    """

    table: pd.DataFrame
    indices: NDArray[np.int64]
    distances: NDArray[Any]
    metric: Metric
    outlier_distance: float
    duplicate_distance: float
    method: Method = "exact"
    recall: float = 1.0
    recall_rows: int = 0

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


def neighbors(
    features: ArrayLike,
    k: int = 10,
    *,
    metric: Metric | None = None,
    method: Method | Literal["auto"] = "auto",
    exact_up_to: int = 100_000,
    device: str = "auto",
    recall_rows: int = 500,
    seed: int = 0,
) -> Neighbors:
    """Find the nearest other rows of every row, with outliers and duplicates.

    Parameters
    ----------
    features : array-like, shape (n, d)
        Finite numbers, n > k. float32 stays float32; everything else becomes float64.
    k : int
        How many neighbours.
    metric : {"cosine", "euclidean", None}
        None takes cosine where d > 3 and euclidean otherwise.
    method : {"auto", "exact", "approximate"}
        "auto" is exact up to `exact_up_to` rows on a CPU and at every size on a GPU, else approximate.
    exact_up_to : int
        See `method`.
    device : {"auto", "cpu", "cuda"}
        "auto" takes a CUDA GPU where there is one.
    recall_rows : int
        How many rows the recall of an approximate search is measured on.
    seed : int
        For the approximate search.

    Returns
    -------
    Neighbors
        Positions, distances, and a table of outliers and duplicates.

    Raises
    ------
    InputError
        Where features are not a finite matrix, or k is not a whole number in 1 to n - 1.

    Notes
    -----
    Flags are those of cleanlab's Datalab: an outlier's mean distance exceeds Q3 + 1.7 IQR; a near duplicate is closer
    than 0.13 times the median nearest distance. Equal distances are ordered by position. The approximate search
    compares each row with the rows of its nearest cells, as many cells as a pilot needs for a recall of .985, up to 32.

    Examples
    --------
    >>> found = neighbors([[0.0], [0.1], [5.0]], k=1)
    >>> found.indices.ravel().tolist(), found.table["outlier_score"].round(2).tolist()
    ([1, 0, 1], [0.63, 0.63, 1.0])
    """
    rows = as_features(features)
    n, d = rows.shape
    k = whole_number("k", k, least=1)
    if not 1 <= k < n:
        raise InputError(f"k must lie in 1..n-1 with n = {n} rows; got {k}. Lower k or pass more rows.")
    one_of("method", method, ("auto", "exact", "approximate"))
    chosen: Metric = "cosine" if d > 3 else "euclidean"
    if metric is not None:
        one_of("metric", metric, ("cosine", "euclidean"))
        chosen = metric
    if not isinstance(device, str):
        raise InputError(f'device must be a name such as "auto", "cpu" or "cuda"; got {device!r}.')
    exact_up_to, seed = whole_number("exact_up_to", exact_up_to, least=0), seed_number(seed)
    recall_rows = whole_number("recall_rows", recall_rows, least=1)
    first = identical_rows(rows)
    if chosen == "cosine":
        rows = _measurable(rows)
    place = _device(device, n)
    if method == "auto":
        method = "exact" if place != "cpu" or n <= exact_up_to else "approximate"
    recall = 1.0
    if method == "exact" or n <= SMALL:
        found = exact_neighbors(rows, k, chosen, first, device=place)
        method, recall_rows = "exact", 0
    else:
        found, recall = _approximate(rows, k, chosen, first, seed=seed, sample=recall_rows)
    return replace(describe(found, first, chosen), method=method, recall=recall, recall_rows=recall_rows)


def _measurable(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows whose squares would leave the floats, scaled by a power of two (exact): a direction has no length."""
    largest = np.maximum(rows.max(axis=1), -rows.min(axis=1))
    limit = 2.0 ** (np.finfo(rows.dtype).maxexp // 4)
    extreme = np.flatnonzero((largest > 0) & ((largest < 1 / limit) | (largest > limit)))
    if not len(extreme):
        return rows
    rows = rows.copy()
    rows[extreme] = np.ldexp(rows[extreme], -np.frexp(largest[extreme])[1][:, None])
    return rows


def _approximate(
    rows: NDArray[Any], k: int, metric: Metric, first: NDArray[np.int64], *, seed: int, sample: int
) -> tuple[Found, float]:
    from dqkit.signals.knn.approximate import approximate_neighbors

    measured = [1.0]

    def search(distinct: NDArray[Any], reach: int) -> Found:
        if len(distinct) <= SMALL:
            return exact_neighbors(distinct, reach, metric, np.arange(len(distinct)))
        found, measured[0] = approximate_neighbors(distinct, reach, metric, seed=seed, sample=sample)
        return found

    return of_distinct_rows(rows, first, k, search), measured[0]


def _device(device: str, n: int) -> str:
    """Where to search; PyTorch is only asked where a GPU could be worth its start."""
    if device != "auto" or n <= SMALL:
        return "cpu" if device == "auto" else device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def describe(found: Found, first: NDArray[np.int64], metric: Metric) -> Neighbors:
    """Return the findings of a graph that was found before, by default exactly; first: (n,) from `identical_rows`."""
    indices, distances = found
    n, k = indices.shape
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
        outlier_distance=outlier_distance,
        duplicate_distance=duplicate_distance,
    )


def as_features(features: ArrayLike) -> NDArray[Any]:
    """Return features as a finite (n, d) float32 or float64 matrix, or raise `InputError`."""
    return finite_rows("features", features)
