"""Approximate nearest neighbours in about n log n, with the recall that they reach measured on a sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dqkit.records import MissingExtra
from dqkit.signals.knn import Found, Metric
from dqkit.signals.knn_blocks import nearest_of, rank
from dqkit.signals.knn_points import Points, prepare

_GRAPH_NEIGHBORS = 32


def approximate_neighbors(
    features: NDArray[Any], k: int, metric: Metric, *, seed: int, sample: int
) -> tuple[Found, float]:
    """Return (n, k) positions and exact distances of rows that are probably the nearest, and their measured recall.

    features: (n, d) float32 or float64, no two rows identical, n > k. Candidates come from nearest-neighbour descent
    (Dong et al. 2011, pynndescent); their distances are computed from the features and decide the order.
    Recall is the mean share of the true k neighbours found, over `sample` rows drawn with `seed`.
    Raises `MissingExtra` where pynndescent is not installed.
    """
    points = prepare(features, metric, "cpu")
    candidate = _descend(points, k, seed)
    found = rank(points, candidate, k, metric)
    rows = np.sort(np.random.default_rng(seed).choice(len(features), size=min(sample, len(features)), replace=False))
    truth = nearest_of(points, rows, k, metric)[1]
    # A row as near as the true k-th neighbour is as good: ties must not count as misses.
    within = found[1][rows] <= truth[:, -1:] * (1 + 1e-6) + 1e-12
    return found, float(within.mean())


def _descend(points: Points, k: int, seed: int) -> torch.Tensor:
    try:
        from pynndescent import NNDescent
    except ImportError as error:
        raise MissingExtra(
            "approximate neighbours need pynndescent, which is not installed; "
            "run: pip install 'dqkit[large]', or pass method='exact'."
        ) from error
    n = len(points.unit)
    width = min(n, max(_GRAPH_NEIGHBORS, k + 8))
    # Unit rows: their euclidean order is the cosine order, and its kernel is the fastest.
    index = NNDescent(
        points.unit.numpy(),
        metric="sqeuclidean",
        n_neighbors=width,
        random_state=seed,
        n_jobs=torch.get_num_threads(),
        low_memory=True,
        compressed=False,
    )
    graph = np.asarray(index.neighbor_graph[0], dtype=np.int64)
    own = graph == np.arange(n)[:, None]
    # Itself goes last and is cut off; a row that did not find itself loses its worst candidate instead.
    order = np.argsort(own, axis=1, kind="stable")
    return torch.from_numpy(np.take_along_axis(graph, order, axis=1)[:, : width - 1])
