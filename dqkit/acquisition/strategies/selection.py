"""`select`: which unlabelled rows to label next, by any of the strategies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.acquisition.strategies.auto import auto
from dqkit.acquisition.strategies.badge import badge
from dqkit.acquisition.strategies.cover import kcenter, typiclust
from dqkit.acquisition.strategies.herding import maxherding, probcover, uncertainty_herding
from dqkit.acquisition.strategies.pool import Pool, make_pool
from dqkit.acquisition.strategies.uncertain import (
    bald,
    entropy,
    kl,
    least_confidence,
    margin,
    power_bald,
    power_margin,
    random,
    vote_entropy,
)
from dqkit.checks import one_of, whole_number

Strategy = Callable[[Pool, int], NDArray[np.int64]]

STRATEGIES: dict[str, Strategy] = {
    "random": random,
    "margin": margin,
    "entropy": entropy,
    "least_confidence": least_confidence,
    "vote_entropy": vote_entropy,
    "kl": kl,
    "bald": bald,
    "power_bald": power_bald,
    "power_margin": power_margin,
    "kcenter": kcenter,
    "coreset": kcenter,
    "typiclust": typiclust,
    "probcover": probcover,
    "maxherding": maxherding,
    "uncertainty_herding": uncertainty_herding,
    "badge": badge,
    "auto": auto,
}

# Those that need features alone; "auto" then is TypiClust.
WITHOUT_MODEL = frozenset(("random", "kcenter", "coreset", "typiclust", "probcover", "maxherding", "auto"))


def select(
    strategy: str,
    n: int,
    *,
    features: ArrayLike | None = None,
    pred_probs: ArrayLike | None = None,
    member_probs: ArrayLike | None = None,
    labeled: ArrayLike,
    labels: ArrayLike | None = None,
    candidates: ArrayLike | None = None,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Select unlabelled rows to label next.

    Parameters
    ----------
    strategy : str
        A name in `STRATEGIES`.
    n : int
        How many rows; all of them when fewer are left.
    features : array-like, shape (n_total, d), optional
        Finite features. They are centred where their mean is over ten times their spread.
    pred_probs : array-like, shape (n_total, c), optional
        Predicted probabilities.
    member_probs : array-like, shape (members, n_total, c), optional
        Probabilities of each member. Their mean stands in for `pred_probs` when only they are passed.
    labeled : array-like
        Boolean mask (n_total,) or positions of the labelled rows.
    labels : array-like of int, shape (n_total,), optional
        Class positions, -1 where unknown.
    candidates : array-like, optional
        Mask or positions of the rows that may be picked; every unlabelled row by default.
    seed : int
        The same arguments and seed give the same picks. Equal scores go by position.

    Returns
    -------
    ndarray of int64
        Positions of the rows, in the order they were picked.

    Raises
    ------
    InputError
        For an unknown strategy, shapes that disagree, values that are not probabilities, or a missing input that the
        strategy needs.

    Warns
    -----
    FallbackWarning
        Where a strategy lacks features. It then measures distance between predicted probabilities, or picks at random.

    Examples
    --------
    >>> probs = [[0.9, 0.1], [0.55, 0.45], [0.7, 0.3]]
    >>> select("margin", 2, pred_probs=probs, labeled=[False, False, False]).tolist()
    [1, 2]
    """
    one_of("strategy", strategy, sorted(STRATEGIES))
    n = whole_number("n", n, least=0)
    pool = make_pool(
        features, pred_probs, member_probs, labeled=labeled, labels=labels, candidates=candidates, seed=seed
    )
    wanted = min(int(n), len(pool.candidates))
    if wanted == 0:
        return np.empty(0, np.int64)
    return np.asarray(STRATEGIES[strategy](pool, wanted), dtype=np.int64)
