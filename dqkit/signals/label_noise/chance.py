"""Whether out-of-sample predictions tell anything about the labels: at chance, they can judge none of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.label_noise.noise_model import Ints

# Of rows that were dealt to folds more pass than the level says: a label trains the models that judge other rows, so
# the statistic spreads more widely than over the orders. At 0.1 % one or two in a hundred such predictions were seen to
# pass; `benchmarks/at_chance.py` counts it for predictions that are drawn at random. Below 40 rows hardly an order is
# that rare, and 1 % is asked for.
LEVEL = 0.001
LEVEL_OF_FEW = 0.01
FEW = 40
SURE = 10.0
ORDERS = 1_999
FEWER_ORDERS = 999
MANY_ROWS = 20_000
ENOUGH = 10  # orders at least as good end the count: the p value is then near ENOUGH / ORDERS or above
CANNOT_JUDGE = "The baselines cannot judge these labels"
DOMINANT = 0.9
FEW_ROWS = 20
FEW_A_CLASS = 5


def tells_of_labels(probs: NDArray[Any], given: Ints, seed: int = 0) -> bool:
    """Whether the mean of the members, or one of them, tells more of the labels than chance allows.

    probs: (members, k, c) of the labelled rows. given: (k,). The mean is tested at 0.1 % (1 % below 40 rows), then each
    member at that level over their number.
    """
    mean = probs.mean(axis=0, dtype=np.float32) if len(probs) > 1 else probs[0]
    level = LEVEL_OF_FEW if len(given) < FEW else LEVEL
    if chance_p_value(mean, given, seed) <= level:
        return True
    m = len(probs)
    return m > 1 and any(chance_p_value(member, given, seed) * m <= level for member in probs)


def chance_p_value(probs: NDArray[Any], given: Ints, seed: int = 0) -> float:
    """P(the labels get as much probability, or more) if the same labels were dealt to the rows at random.

    probs: (k, c). given: (k,), 0..c-1. A one-sided permutation test of the mean probability of the given label: it
    counts class shares and sample size, asks nothing of calibration, and a model that always names the commonest class
    gets 1. Its standard deviation over all orders is known (Hoeffding 1951); ten of them above the mean have p < 1 %
    whatever the distribution (Cantelli's inequality), and get the p value of a normal one. Else up to 1,999 orders are
    drawn, fewer once ten are as good (Besag & Clifford 1991).

    >>> sure = np.array([[0.9, 0.1]] * 10 + [[0.1, 0.9]] * 10)
    >>> chance_p_value(sure, np.repeat([0, 1], 10)) < 0.01, chance_p_value(sure, np.tile([0, 1], 10)) > 0.5
    (True, True)
    """
    k, c = probs.shape
    if k < 2:
        return 1.0
    count = np.bincount(given, minlength=c)
    share = count / k
    column = probs.mean(axis=0, dtype=np.float64)
    grand = float(column @ share)
    at_given = probs[np.arange(k), given].astype(np.float64)
    spread = 0.0
    for start in range(0, k, MANY_ROWS):
        block = probs[start : start + MANY_ROWS].astype(np.float64)
        centred = block - (block @ share)[:, None] - column + grand
        spread += float((np.square(centred) @ count).sum())
    deviation = np.sqrt(spread / (k - 1))
    if not deviation > 1e-9 * k * max(grand, 1e-12):
        return 1.0
    z = (float(at_given.sum()) - k * grand) / deviation
    if z >= SURE:
        return 0.5 * math.erfc(z / math.sqrt(2))
    # By content and not by place, so that the order of the rows has no part in it.
    order = np.lexsort((at_given, given))
    rows, labels = probs[order], given[order]
    found = float(rows[np.arange(k), labels].sum(dtype=np.float64)) * (1 - 1e-9)
    draw = np.random.default_rng(seed)
    places = np.arange(k)
    hits, orders = 0, ORDERS if k <= MANY_ROWS else FEWER_ORDERS
    for done in range(1, orders + 1):
        hits += bool(float(rows[places, draw.permutation(labels)].sum(dtype=np.float64)) >= found)
        if hits >= ENOUGH:
            return hits / done
    return (1 + hits) / (1 + orders)


def why_not_judged(probs: NDArray[Any], given: Ints, classes: int) -> str:
    """The sentence that says that the labels cannot be judged, and why; probs: (k, c), the members' mean."""
    k = len(given)
    if k == 0:
        return f"{CANNOT_JUDGE}: there is none."
    count = np.bincount(given, minlength=classes)
    used = int((count > 0).sum())
    common = float(count.max()) / k
    agree = float((probs.argmax(axis=1) == given).mean())
    told = (
        f"{CANNOT_JUDGE}: on samples that they were not trained on, the predictions equal {agree:.1%} of the labels, "
        f"and always naming the commonest class gives {common:.1%}. So they say no more about the labels than chance"
    )
    if used < 2:
        return f"{told}: all labels are of one class."
    if k < FEW_ROWS or k < FEW_A_CLASS * used:
        return f"{told}: {k:,} labelled samples of {used} classes are too few. Label more samples of each class."
    if common >= DOMINANT:
        return f"{told}: one class holds {common:.1%} of them. Label more samples of the other classes."
    return (
        f"{told}: the features seem to say nothing about the classes. Look at the features and at what the labels "
        "mean, or pass other estimators or features."
    )
