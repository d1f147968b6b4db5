"""The default strategy: typical and diverse rows while the model knows little, uncertain and diverse rows later."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dqkit.acquisition.cover import typiclust
from dqkit.acquisition.distance import kmeans
from dqkit.acquisition.doubt import margin_scores
from dqkit.acquisition.pool import Pool, top

SHORTLIST = 5


def auto(pool: Pool, n: int) -> NDArray[np.int64]:
    """n candidates: typical rows of new clusters while evidence for the model is thin, then uncertain, diverse ones."""
    if pool.pred_probs is None or not _model_is_skilled(pool):
        return typiclust(pool, n)
    scores = margin_scores(pool.pred_probs[pool.candidates])
    short = top(scores, SHORTLIST * n)
    x = pool.features
    if x is None or len(short) <= n:
        return pool.candidates[short[:n]]
    groups = kmeans(x[pool.candidates[short]], n, seed=pool.seed)
    rank_in_group = np.zeros(len(short), np.int64)
    seen: dict[int, int] = {}
    for place, group in enumerate(groups.tolist()):
        rank_in_group[place] = seen.get(group, 0)
        seen[group] = seen.get(group, 0) + 1
    return pool.candidates[short[np.argsort(rank_in_group, kind="stable")[:n]]]


def _model_is_skilled(pool: Pool) -> bool:
    """True when leave-one-out nearest neighbours beat the majority class by half the way to perfect."""
    known = pool.labeled[pool.labels[pool.labeled] >= 0]
    if pool.features is None or len(known) < 10:
        return bool(len(known))
    from dqkit.acquisition.distance import squared_distances

    rng = np.random.default_rng(pool.seed)
    some = known if len(known) <= 2000 else np.sort(rng.choice(known, 2000, replace=False))
    gaps = squared_distances(pool.features[some], pool.features[some])
    np.fill_diagonal(gaps, np.inf)
    y = pool.labels[some]
    hit = float((y[gaps.argmin(axis=1)] == y).mean())
    majority = float(np.bincount(y).max() / len(y))
    return hit > 0.5 * (1 + majority)
