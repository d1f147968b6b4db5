"""How many wrong labels are left: the model's rate as the prior, the random audit sample as the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.log_odds import from_log_odds, log_odds
from dqkit.checks import number, numbers, truth_values, whole_number
from dqkit.errors import InputError
from dqkit.signals.label_noise.open_errors import open_error_rate

ENOUGH = 30  # answers of the random sample that bound a rate to 10 % where none is wrong (3 / 30), without any model
ALIKE = 20  # rows of like score that say how much of what an answered row stands for is left
MOST_ROWS = 10**15
DEGREES = 3  # of Student's t: its tails let a random sample overrule a model that was sure and wrong
T_QUANTILE = 3.182  # holds 95 % of it
LEAST_SCALE = 0.05  # in log odds; a rate given without an interval is still no certainty
_GRID: NDArray[np.float64] = np.linspace(-20, 6, 1041)


@dataclass(frozen=True, eq=False)
class AuditSample:
    """The answers to the random audit sample.

    Attributes
    ----------
    wrong : ndarray of bool, shape (k,)
        Whether the answer differs from the given label.
    weight : ndarray, shape (k,)
        The share, in [0, 1], of rows like it that nobody has checked by now; see `share_left`.
    human_error : float
        How often a person is wrong.
    """

    wrong: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=bool))
    weight: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    human_error: float = 0.02


@dataclass(frozen=True)
class WrongLabels:
    """Wrong labels among those that nobody has checked.

    Attributes
    ----------
    value : float
        The median; NaN where nothing can be said.
    low, high : float
        95 % interval; 0 and `among` where nothing can be said.
    among : int
        Labels that nobody has checked.
    more : int
        Further answers of the random audit sample that are needed before anything can be said; 0 where it can.
    """

    value: float
    low: float
    high: float
    among: int
    more: int = 0

    @property
    def known(self) -> bool:
        """Whether anything can be said."""
        return self.more == 0

    def __str__(self) -> str:
        if not self.known:
            return f"not known yet: answer about {self.more} more of the random sample"
        return f"{self.value:,.0f} [{self.low:,.0f}, {self.high:,.0f}]"


def wrong_labels_left(
    among: int,
    *,
    model: Sequence[float] | None = None,
    sample: AuditSample | None = None,
    classes: int = 2,
) -> WrongLabels:
    """Estimate how many of the labels that nobody has checked are wrong.

    Parameters
    ----------
    among : int
        How many nobody has checked.
    model : (float, float, float), optional
        The share of them that is wrong by the model, with its 95 % interval; None where it judges no label.
    sample : AuditSample, optional
        Answers to rows that were drawn at random.
    classes : int
        The number of classes; a person who errs on a wrong label rarely names the same class.

    Returns
    -------
    WrongLabels
        Without a model and with fewer than 30 answers nothing can be said.

    Raises
    ------
    InputError
        For counts or shares that are none.

    Notes
    -----
    The prior of the log odds of the rate is Student's t with three degrees of freedom on either side of the model's
    rate; its 95 % interval is the model's. Without a model it is Jeffreys's prior.
    An answer of the random sample counts by the share of rows like it that are left: what the queue has cleared away
    says nothing of the rest. A person who is wrong calls a right label wrong. The count given the rate is binomial.

    Examples
    --------
    >>> answers = AuditSample(np.array([True] + [False] * 29), np.ones(30))
    >>> str(wrong_labels_left(1000)), wrong_labels_left(1000, model=(0.05, 0.03, 0.1), sample=answers).known
    ('not known yet: answer about 30 more of the random sample', True)
    """
    n = whole_number("among", among, least=0, most=MOST_ROWS)
    classes = whole_number("classes", classes, least=2, most=MOST_ROWS)
    told = sample or AuditSample()
    wrong = truth_values("sample.wrong", told.wrong)
    weight = numbers("sample.weight", told.weight, shape=f"({len(wrong)},)", finite=True)
    if weight.shape != wrong.shape or (len(weight) and not (weight.min() >= 0 and weight.max() <= 1)):
        raise InputError(f"sample.weight must be one share in [0, 1] for each of {len(wrong)} answers.")
    error = number("sample.human_error", told.human_error, least=0, below=1)
    if n == 0:
        return WrongLabels(0.0, 0.0, 0.0, 0)
    if model is None and len(wrong) < ENOUGH:
        return WrongLabels(float("nan"), 0.0, float(n), n, ENOUGH - len(wrong))
    prior = _jeffreys() if model is None else _around(_shares(model), n)
    rate = from_log_odds(_GRID)
    changed = rate * (1 - error / (classes - 1)) + (1 - rate) * error
    hits, misses = float(weight[wrong].sum()), float(weight[~wrong].sum())
    tiny = 1e-300
    belief = prior + hits * np.log(np.maximum(changed, tiny)) + misses * np.log(np.maximum(1 - changed, tiny))
    belief = np.exp(belief - belief.max())
    belief /= belief.sum()
    value, low, high = (_quantile(at, n, rate, belief) for at in (0.5, 0.025, 0.975))
    return WrongLabels(value, low, high, n)


def wrong_labels_now(
    rate: float | None,
    interval: Sequence[float] | None,
    chance: NDArray[np.float64],
    checked: NDArray[np.bool_],
    *,
    sample: AuditSample | None = None,
    classes: int = 2,
) -> WrongLabels:
    """Estimate the wrong labels left from what a round said of all labels, and what people have decided since.

    Parameters
    ----------
    rate : float or None
        The estimated rate among all labelled samples; None where the model judges no label.
    interval : sequence of float or None
        Its lower and upper end.
    chance : ndarray, shape (n,)
        The error probability of every labelled sample.
    checked : ndarray of bool, shape (n,)
        Whether a person has decided its label by now.
    sample, classes
        See `wrong_labels_left`.

    Returns
    -------
    WrongLabels
    """
    checked = truth_values("checked", checked)
    among, n = int((~checked).sum()), len(checked)
    if rate is None or among == 0:
        return wrong_labels_left(among, sample=sample, classes=classes)
    share, ends = open_error_rate(rate, interval, np.nan_to_num(chance), checked)
    low, high = ends if ends is not None else (share, share)
    scale = n / among
    model = tuple(min(value * scale, 1.0) for value in (share, low, high))
    return wrong_labels_left(among, model=model, sample=sample, classes=classes)


def share_left(score: NDArray[np.float64], left: NDArray[np.bool_], drawn: NDArray[np.intp]) -> NDArray[np.float64]:
    """(k,) of the rows drawn at random, the share of rows of like score that nobody has checked by now.

    score, left: (n,) of all rows that could be drawn. drawn: (k,) positions.

    >>> score, left = np.r_[np.full(50, 0.9), np.full(50, 0.1)], np.arange(100) >= 50
    >>> share_left(score, left, np.array([0, 99])).tolist()
    [0.0, 1.0]
    """
    rest = np.setdiff1d(np.arange(len(score)), drawn)
    if not len(rest):
        return np.ones(len(drawn))
    rest = rest[np.argsort(score[rest], kind="stable")]
    ranked, counts = score[rest], np.concatenate([[0], np.cumsum(left[rest])])
    first, last = np.searchsorted(ranked, score[drawn], "left"), np.searchsorted(ranked, score[drawn], "right")
    # All rows of the same score; where these are few, the nearest on either side too.
    wider = np.maximum(ALIKE - (last - first) + 1, 0) // 2
    first, last = np.maximum(first - wider, 0), np.minimum(last + wider, len(rest))
    return np.asarray((counts[last] - counts[first]) / (last - first))


def _shares(model: Sequence[float]) -> NDArray[np.float64]:
    shares = numbers("model", model, shape="(3,), a share and its interval", finite=True)
    if shares.shape != (3,) or not 0 <= shares[1] <= shares[0] <= shares[2] <= 1:
        raise InputError(f"model must be a share with its interval, low <= share <= high; got {shares.tolist()}.")
    return np.asarray(shares, dtype=np.float64)


def _around(shares: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Log density of the log odds: Student's t on either side of the model's rate, half of the mass on each."""
    middle, low, high = log_odds(np.maximum(shares, 0.5 / n), floor=1e-9)
    below, above = (max(width / T_QUANTILE, LEAST_SCALE) for width in (middle - low, high - middle))
    width = np.where(middle > _GRID, below, above)
    return np.asarray(-(DEGREES + 1) / 2 * np.log1p(np.square((_GRID - middle) / width) / DEGREES) - np.log(width))


def _jeffreys() -> NDArray[np.float64]:
    return np.asarray(0.5 * np.log(from_log_odds(_GRID)) + 0.5 * np.log(from_log_odds(-_GRID)))


def _quantile(at: float, n: int, rate: NDArray[np.float64], belief: NDArray[np.float64]) -> float:
    """The least count whose cumulative probability reaches `at`."""
    from scipy.special import bdtr

    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if float(belief @ bdtr(float(middle), n, rate)) >= at else (middle + 1, high)
    return float(low)
