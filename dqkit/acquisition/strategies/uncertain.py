"""Strategies that ask about the samples the model, or its committee, is least sure of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dqkit.acquisition.strategies.pool import Pool, top

BLOCK = 50_000


def random(pool: Pool, n: int) -> NDArray[np.int64]:
    """n candidates drawn uniformly without replacement."""
    return pool.rng.permutation(pool.candidates)[:n]


def margin(pool: Pool, n: int) -> NDArray[np.int64]:
    """The n candidates whose two likeliest classes are closest (Scheffer et al. 2001)."""
    return pool.candidates[top(margin_scores(pool.probabilities("margin")[pool.candidates]), n)]


def entropy(pool: Pool, n: int) -> NDArray[np.int64]:
    """The n candidates with the highest predictive entropy."""
    return pool.candidates[top(entropy_scores(pool.probabilities("entropy")[pool.candidates]), n)]


def least_confidence(pool: Pool, n: int) -> NDArray[np.int64]:
    """The n candidates whose likeliest class is least likely (Lewis & Gale 1994)."""
    return pool.candidates[top(1 - pool.probabilities("least_confidence")[pool.candidates].max(axis=1), n)]


def vote_entropy(pool: Pool, n: int) -> NDArray[np.int64]:
    """The n candidates over whose class the members' votes are most split (Dagan & Engelson 1995)."""
    return pool.candidates[top(_judged(pool, "vote_entropy", vote_entropy_scores), n)]


def kl(pool: Pool, n: int) -> NDArray[np.int64]:
    """The n candidates with the largest mean KL divergence of a member from the consensus (McCallum & Nigam 1998).

    With the plain mean as consensus that divergence is BALD's score, so the picks are those of `bald` up to rounding.
    """
    return pool.candidates[top(_judged(pool, "kl", kl_scores), n)]


def bald(pool: Pool, n: int) -> NDArray[np.int64]:
    """The n candidates whose label says most about which member is right (Houlsby et al. 2011).

    The n highest scores lie close together, so with n over one and few labels the picks are near copies, and it falls
    behind random on small sets; `power_bald` spreads them. It needs members that know the same classes: one fitted on a
    sample without a class denies it, and then every row of that class scores high.
    """
    return pool.candidates[top(_judged(pool, "bald", bald_scores), n)]


def power_bald(pool: Pool, n: int) -> NDArray[np.int64]:
    """n candidates drawn without replacement with probability proportional to BALD (Kirsch et al. 2023).

    The Gumbel-top-k trick: the n largest of log score + standard Gumbel noise.
    """
    return _power(pool, _judged(pool, "power_bald", bald_scores), n)


def power_margin(pool: Pool, n: int) -> NDArray[np.int64]:
    """n candidates drawn without replacement with probability proportional to their margin score."""
    return _power(pool, margin_scores(pool.probabilities("power_margin")[pool.candidates]), n)


def _power(pool: Pool, scores: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    noise = pool.rng.gumbel(size=len(scores))
    return pool.candidates[top(np.log(np.maximum(scores, 1e-12)) + noise, n)]


def _judged(pool: Pool, name: str, score: Callable[[NDArray[np.floating]], NDArray[np.float64]]) -> NDArray[np.float64]:
    """The committee's score of every candidate, a block at a time: members in double precision are large."""
    members, at = pool.members(name), pool.candidates
    blocks = [score(members[:, at[start : start + BLOCK]]) for start in range(0, len(at), BLOCK)]
    return np.concatenate([np.empty(0), *blocks])


def margin_scores(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) one minus the gap between the two likeliest classes; (n, c) in, in [0, 1], higher = less certain."""
    if probs.shape[1] < 2:
        return np.zeros(len(probs))
    two = np.partition(probs, -2, axis=1)[:, -2:].astype(np.float64)
    return np.asarray(1 - (two[:, 1] - two[:, 0]))


def entropy_scores(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) predictive entropy over log c; in [0, 1], higher = less certain."""
    return np.asarray(_entropy(probs.astype(np.float64)) / max(np.log(probs.shape[-1]), 1e-12))


def vote_entropy_scores(members: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) entropy of the members' votes over log c; (m, n, c) in."""
    votes = members.argmax(axis=2)
    shares = np.stack([(votes == k).mean(axis=0) for k in range(members.shape[2])], axis=1)
    return entropy_scores(shares)


def kl_scores(members: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) mean over members of KL(consensus from member's view); (m, n, c) in, in nats."""
    probs = members.astype(np.float64)
    consensus = probs.mean(axis=0)
    logs = np.log(np.maximum(probs, 1e-12)) - np.log(np.maximum(consensus, 1e-12))
    return np.asarray((probs * logs).sum(axis=2).mean(axis=0))


def bald_scores(members: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) entropy of the mean minus mean entropy, over log c; (m, n, c) in, in [0, 1]."""
    probs = members.astype(np.float64)
    gap = _entropy(probs.mean(axis=0)) - _entropy(probs).mean(axis=0)
    return np.asarray(np.clip(gap / max(np.log(members.shape[2]), 1e-12), 0, 1))


def _entropy(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-(probs * np.log(np.maximum(probs, 1e-300))).sum(axis=-1))
