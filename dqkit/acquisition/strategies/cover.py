"""Strategies that spread labels over the feature space: farthest first, and typical rows of new clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dqkit.acquisition.strategies.pool import MAX_CANDIDATES, Pool
from dqkit.acquisition.strategies.uncertain import random
from dqkit.arrays.clusters import kmeans
from dqkit.arrays.distances import BLOCK, nearest, squared_distances, squared_norms

MAX_CLUSTERS = 500
NEIGHBORS = 20
DENSE_CLUSTER = 2000
SHORTLIST = 1024


def kcenter(pool: Pool, n: int) -> NDArray[np.int64]:
    """n candidates, each the farthest from everything labelled or picked before it (CoreSet, Sener & Savarese 2018).

    With nothing labelled the first pick is the row nearest to the mean.
    """
    x = pool.embedding("kcenter")
    if x is None:
        return random(pool, n)
    candidates = pool.shortlist(n, MAX_CANDIDATES)
    rows = x[candidates]
    norms = squared_norms(rows)
    if len(pool.labeled):
        return candidates[farthest_first(rows, norms, nearest(rows, x[pool.anchors])[1], n)]
    center = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    first = int(squared_distances(rows, center[None], norms)[:, 0].argmin())
    gap = squared_distances(rows, rows[first : first + 1], norms)[:, 0]
    gap[first] = -1
    return np.asarray(candidates[np.concatenate([[first], farthest_first(rows, norms, gap, n - 1)])], dtype=np.int64)


def farthest_first(
    rows: NDArray[np.float32], norms: NDArray[np.float32], gap: NDArray[np.float32], n: int
) -> NDArray[np.int64]:
    """Places of n rows, each the farthest from those before it; gap: squared distance to what is covered already.

    Gaps only shrink, so an old gap bounds the new one. The rows with the largest old gaps play the greedy game among
    themselves for as long as one of them exceeds every bound outside; only then do all rows see the new picks, in one
    matrix product. Picks equal those of the plain loop, without reading the whole matrix once a pick.
    """
    picks: list[int] = []
    seen = 0
    while len(picks) < n:
        short = (
            np.sort(np.argpartition(-gap, SHORTLIST - 1)[:SHORTLIST]) if len(gap) > SHORTLIST else np.arange(len(gap))
        )
        inside = rows[short]
        near = gap[short]
        bound = -1.0
        if len(short) < len(gap):
            outside = gap.copy()
            outside[short] = -1
            bound = float(outside.max())
        while len(picks) < n:
            at = int(near.argmax())
            if near[at] <= bound:
                break
            picks.append(int(short[at]))
            np.minimum(near, squared_distances(inside, inside[at : at + 1], norms[short])[:, 0], out=near)
            near[at] = -1
        if len(picks) == seen:  # every shortlisted row ties with one outside: go by place
            picks.append(int(gap.argmax()))
        if len(picks) < n:
            for start in range(0, len(rows), BLOCK):
                block = squared_distances(rows[start : start + BLOCK], rows[picks[seen:]], norms[start : start + BLOCK])
                np.minimum(gap[start : start + BLOCK], block.min(axis=1), out=gap[start : start + BLOCK])
        gap[picks] = -1
        seen = len(picks)
    return np.array(picks[:n], np.int64)


def typiclust(pool: Pool, n: int) -> NDArray[np.int64]:
    """n candidates, each typical of the largest cluster with fewest labels (TypiClust, Hacohen et al. 2022).

    k-means into as many clusters as there will be labels (at most 500); typicality is the inverse mean distance to
    the 20 nearest rows of the cluster.
    """
    x = pool.embedding("typiclust")
    if x is None:
        return random(pool, n)
    anchors, candidates = pool.anchors, pool.shortlist(n, MAX_CANDIDATES)
    rows = np.concatenate([anchors, candidates])
    clusters = kmeans(x[rows], min(len(anchors) + n, MAX_CLUSTERS), seed=pool.seed)
    where = clusters[len(anchors) :]
    taken = np.bincount(clusters[: len(anchors)], minlength=clusters.max() + 1)
    sizes = np.bincount(clusters, minlength=clusters.max() + 1)
    queues: dict[int, list[int]] = {}
    picks: list[int] = []
    left = np.bincount(where, minlength=len(sizes))
    while len(picks) < n:
        open_clusters = np.flatnonzero(left > 0)
        # fewest labels first, then the largest; clusters too small to judge typicality in come last
        order = np.lexsort((open_clusters, -sizes[open_clusters], taken[open_clusters], sizes[open_clusters] < 5))
        cluster = int(open_clusters[order[0]])
        if cluster not in queues:
            queues[cluster] = _by_typicality(x, rows[clusters == cluster], candidates, where == cluster, pool.seed)
        picks.append(queues[cluster].pop(0))
        taken[cluster] += 1
        left[cluster] -= 1
    return np.asarray(candidates[picks], dtype=np.int64)


def _by_typicality(
    x: NDArray[np.float32],
    members: NDArray[np.int64],
    candidates: NDArray[np.int64],
    inside: NDArray[np.bool_],
    seed: int,
) -> list[int]:
    """Places in `candidates` of one cluster's rows, the most typical of 2000 first; any others last, by place."""
    places = np.flatnonzero(inside)
    if len(places) > DENSE_CLUSTER:
        judged = np.sort(np.random.default_rng(seed).choice(places, DENSE_CLUSTER, replace=False))
        rest = np.setdiff1d(places, judged, assume_unique=True)
        places = judged
    else:
        rest = places[:0]
    order = np.argsort(-typicality(x[candidates[places]], x[members], seed=seed), kind="stable")
    return [int(place) for place in np.concatenate([places[order], rest])]


def typicality(rows: NDArray[np.float32], cluster: NDArray[np.float32], *, seed: int = 0) -> NDArray[np.float32]:
    """(n,) inverse mean distance of each row to its 20 nearest rows of the cluster it belongs to.

    Clusters of more than 2000 rows are judged against a sample of 2000.
    """
    if len(cluster) > DENSE_CLUSTER:
        cluster = cluster[np.sort(np.random.default_rng(seed).choice(len(cluster), DENSE_CLUSTER, replace=False))]
    k = min(NEIGHBORS, len(cluster) - 1)
    if k < 1:
        return np.ones(len(rows), np.float32)
    out = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), DENSE_CLUSTER):
        gaps = np.sqrt(squared_distances(rows[start : start + DENSE_CLUSTER], cluster))
        # the row itself is among the nearest, at distance 0, hence k + 1 values and a division by k
        out[start : start + DENSE_CLUSTER] = np.partition(gaps, k, axis=1)[:, : k + 1].sum(axis=1) / k
    return np.asarray(1 / (out + 1e-5), dtype=np.float32)
