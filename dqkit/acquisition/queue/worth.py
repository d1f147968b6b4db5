"""What one answer is worth: all three actions on one scale, expected wrong labels removed.

An unlabelled row carries, in effect, the class the model gives it, which is wrong with probability 1 - p_max; a
labelled row carries its label, wrong with probability p. A wrong label in the training set does more harm than a
missing one. With n labels of which m are wrong among c classes, evidence grows like n_eff = (n - a m)^2 / n with
a = c / (c - 1) (uniform flips; Natarajan et al. 2013 give the binary case). Its derivatives compare the two kinds of
answer: removing one error is worth 2 a / (1 + a m / n) new labels. That ratio is `harm`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.log_odds import from_log_odds, log_odds, shift_to_mean
from dqkit.checks import is_number
from dqkit.records import InputError

LEAST = 1e-9


def harm(noise_rate: float, classes: int) -> float:
    """New labels that removing one wrong label is worth, at this noise rate (wrong / labelled).

    >>> round(harm(0.0, 2), 3), round(harm(0.1, 10), 3)
    (4.0, 2.0)
    """
    a = classes / max(classes - 1, 1)
    return 2 * a / (1 + a * noise_rate)


def with_rate(score: NDArray[np.float64], rate: float | None) -> NDArray[np.float64]:
    """P(wrong) with its mean moved to `rate` by one shift of the log odds; unchanged for None, order always kept.

    >>> with_rate(np.array([0.2, 0.8]), 0.5).round(3).tolist()
    [0.2, 0.8]
    """
    if rate is None or not len(score):
        return score
    rate = float(np.clip(rate, 1e-6, 1 - 1e-6))
    return from_log_odds(shift_to_mean(log_odds(score, floor=LEAST), rate))


def human_doubt(
    score: NDArray[np.float64],
    answers: NDArray[np.int64],
    disputed: NDArray[np.bool_],
    *,
    score_rate: float,
    human_error: float,
) -> NDArray[np.float64]:
    """P(wrong) of labels that people confirmed: the model's doubt with the human error rate as its prior.

    score: (n,) P(wrong) as the detector says it. score_rate: its mean over all labels, the prior it stands on.
    answers: (n,) how many answers agree; each divides the odds again. disputed: (n,) True where people disagree; at
    least one of them is wrong, so P is 0.5 or more.
    A model of few labels doubts many that are right, and is sure of it. So no more of the labels that nobody disputes
    are taken to be wrong than people err: their mean is brought down to `human_error` where it is above.
    """
    rate = float(np.clip(score_rate, 1e-3, 0.999))
    prior = np.log(human_error / (1 - human_error)) * np.maximum(answers, 1)
    chance = from_log_odds(log_odds(score, floor=LEAST) - np.log(rate / (1 - rate)) + prior)
    agreed = ~disputed
    if agreed.any() and chance[agreed].mean() > human_error:
        chance[agreed] = with_rate(chance[agreed], human_error)
    return np.where(disputed, np.maximum(chance, 0.5), chance)


def after_yield(
    chance: NDArray[np.float64], reviewed: NDArray[np.float64], confirmed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """P(wrong) corrected by what earlier reviews found: odds times confirmed over expected, ten pseudo-reviews strong.

    reviewed: P(wrong) that the reviewed rows had been given. confirmed: whether their label was indeed wrong.
    """
    expected = float(reviewed.sum())
    missed = float((1 - reviewed).sum())
    if not len(reviewed):
        return chance
    prior = 5.0
    gain = np.log((confirmed.sum() + prior) / (expected + prior)) - np.log(
        ((~confirmed).sum() + prior) / (missed + prior)
    )
    return from_log_odds(log_odds(chance, floor=LEAST) + gain)


def checked_costs(costs: Mapping[str, float] | None, actions: tuple[str, ...]) -> dict[str, float]:
    """The cost of one answer per action, 1 where none is given; raises `InputError` on a bad name or value."""
    if costs is not None and not isinstance(costs, Mapping):
        raise InputError(f"costs must map {', '.join(actions)} to positive numbers; got {costs!r}.")
    given = dict(costs or {})
    for action, cost in given.items():
        if action not in actions or not is_number(cost) or cost <= 0:
            raise InputError(
                f"costs must map {', '.join(actions)} to positive numbers; got {action!r}: {cost!r}. "
                "Leave an action out for cost 1."
            )
    return {action: float(given.get(action, 1.0)) for action in actions}
