"""When is it enough? Several criteria, each with its verdict; the user decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import (
    as_probabilities,
    instance,
    is_iterable,
    is_number,
    mapping,
    number,
    numbers,
    shown,
    whole_number,
    whole_numbers,
)
from dqkit.records import InputError

MOST_ROWS = 10**15


@dataclass(frozen=True)
class Criterion:
    """One criterion of whether to stop labelling.

    Attributes
    ----------
    name : str
        What it looks at.
    stop : bool or None
        None when it cannot tell yet.
    value : float
        The number it decides by; NaN when it is not known.
    text : str
        One sentence on it.
    """

    name: str
    stop: bool | None
    value: float
    text: str

    @property
    def verdict(self) -> str:
        """Say "stop", "go on" or "cannot tell"."""
        return {True: "stop", False: "go on", None: "cannot tell"}[self.stop]


def stopping(
    *,
    rounds: Sequence[Mapping[str, float]] = (),
    pred_probs: ArrayLike | None = None,
    previous_probs: ArrayLike | None = None,
    errors_left: tuple[float, float, float] | None = None,
    labeled: int | None = None,
    budget_left: float | None = None,
    queue: tuple[int, int] | None = None,
    untrained: bool = False,
    not_judged: str = "",
    answers_wanted: int = 30,
    per: int = 100,
    min_gain: float = 0.005,
) -> list[Criterion]:
    """Return the stopping criteria that the arguments allow.

    Parameters
    ----------
    rounds : sequence of mappings
        The rounds so far, oldest first, each with `labels` (number of labels trained on), `accuracy` in [0, 1] and
        optionally `answers` (how many of the labels people checked or gave).
    pred_probs, previous_probs : array-like, shape (n, c), optional
        Probabilities on the same rows, of this round and the one before.
    errors_left : (float, float, float), optional
        Estimated label errors left, with interval (`ControlEstimates.errors_left`).
    labeled : int, optional
        The number of labels that `errors_left` is part of.
    budget_left : float, optional
        Answers that the user can still pay for.
    queue : (int, int), optional
        Answered rows and all rows of the newest queue, for when no budget was named.
    untrained : bool
        Whether the newest round had too few labels for a model.
    not_judged : str
        Why the newest round's predictions could judge no label (`LabelErrors.not_judged`); empty where they could.
    answers_wanted : int
        How many answers of the random audit sample it takes until `errors_left` is known.
    per : int
        The number of further labels that a gain is projected for.
    min_gain : float
        The gain in accuracy that still pays.

    Returns
    -------
    list of Criterion
        In a fixed order: gain, model, judging, stability, errors, uncertainty, budget.

    Raises
    ------
    InputError
        Where the rounds hold no numbers or shapes disagree.

    Notes
    -----
    A criterion is left out where none of its arguments is given.

    Examples
    --------
    >>> [c.stop for c in stopping(budget_left=0)]
    [True]
    """
    rounds = _checked_rounds(rounds)
    per, min_gain = whole_number("per", per, least=1, most=MOST_ROWS), number("min_gain", min_gain, least=0)
    instance("untrained", untrained, (bool, np.bool_), "True or False")
    instance("not_judged", not_judged, str, "a sentence")
    budget_left = None if budget_left is None else number("budget_left", budget_left)
    labeled = None if labeled is None else whole_number("labeled", labeled, least=0, most=MOST_ROWS)
    queue = None if queue is None else _two_counts(queue)
    errors_left = None if errors_left is None else _three_numbers(errors_left)
    out: list[Criterion] = []
    if rounds:
        out.append(projected_gain(rounds, per=per, min_gain=min_gain))
    if untrained:
        text = "No model could be trained yet: label the queue, with samples of at least two classes, and run a round."
        out.append(Criterion("a model", False, float("nan"), text))
    if not_judged:
        out.append(Criterion("judging the labels", None, float("nan"), not_judged))
    probs = None if pred_probs is None else as_probabilities("pred_probs", pred_probs).astype(np.float64)
    before = None if previous_probs is None else as_probabilities("previous_probs", previous_probs).astype(np.float64)
    if probs is not None and before is not None:
        out.append(stability(probs, before))
    elif probs is not None:
        text = "Whether the predictions have settled is unknown until a second round is done."
        out.append(Criterion("prediction stability", None, float("nan"), text))
    if errors_left is not None:
        out.append(remaining_errors(errors_left, labeled or 0, wanted=answers_wanted))
    if probs is not None:
        out.append(overall_uncertainty(probs))
    if budget_left is not None:
        spent = budget_left <= 0
        text = "The budget is spent." if spent else f"The budget has {budget_left:g} answers left."
        out.append(Criterion("budget", spent, float(budget_left), text))
    elif queue is not None:
        answered, size = queue
        text = f"Of the {size:,} rows queued in this round, {answered:,} are answered; no overall budget was named."
        out.append(Criterion("budget", None, float(size - answered), text))
    return out


def _checked_rounds(rounds: Any) -> list[Mapping[str, float]]:
    if isinstance(rounds, str | bytes | Mapping | Iterator) or not is_iterable(rounds):
        raise InputError(f"rounds must be a list of mappings with labels and accuracy; got {shown(rounds)}.")
    found = list(rounds)
    for each in found:
        mapping("rounds", each, "labels and accuracy to numbers, one mapping a round")
        for name in ("labels", "accuracy", "answers"):
            if each is None or (name != "answers" and name not in each) or not is_number(each.get(name, 0)):
                raise InputError(
                    f"rounds must each hold numbers labels and accuracy; got {shown(each)}. Leave others out."
                )
    return found


def _two_counts(queue: Any) -> tuple[int, int]:
    found = whole_numbers("queue", queue, shape="(2,), answered rows and all rows", ndim=1, least=0)
    if len(found) != 2:
        raise InputError(f"queue must be two numbers, answered rows and all rows; got {shown(queue)}.")
    return int(found[0]), int(found[1])


def _three_numbers(errors_left: Any) -> tuple[float, float, float]:
    found = numbers("errors_left", errors_left, shape="(3,), the estimate and its interval")
    if found.shape != (3,) or not np.isfinite(found[1:]).all():
        raise InputError(f"errors_left must be three numbers, the estimate and its interval; got {shown(errors_left)}.")
    return float(found[0]), float(found[1]), float(found[2])


def projected_gain(rounds: Sequence[Mapping[str, float]], *, per: int, min_gain: float) -> Criterion:
    """Accuracy that the next `per` labels should add, from a line through accuracy against log(labels).

    Where no labels were added but labels were checked (`answers`), the line is through accuracy against answers.
    The interval is the 95 % one of the fitted slope (t, rounds - 2 degrees of freedom), so it needs three rounds.
    It says stop when even its upper end is below `min_gain`, go on when its lower end is above.
    """
    from scipy.stats import t

    name = f"gain of the next {per} labels"
    labels, accuracy = (np.array([r.get(key, np.nan) for r in rounds], dtype=float) for key in ("labels", "accuracy"))
    if not np.isfinite([*labels, *accuracy]).all():
        raise InputError(f"rounds must each hold numbers labels and accuracy; got {list(rounds)}. Leave others out.")
    answers = np.array([r.get("answers", 0) for r in rounds], dtype=float)
    if (labels <= 0).any():
        raise InputError(f"rounds must hold positive label counts; got {labels.tolist()}.")
    if len(np.unique(labels)) >= 3:
        x, step = np.log(labels), float(np.log((labels[-1] + per) / labels[-1]))
    elif len(np.unique(answers)) >= 3:
        x, step = answers, float(per)
    else:
        done = f"{len(labels)} {'round is' if len(labels) == 1 else 'rounds are'} done"
        text = f"What the next {per} labels would add is unknown until three rounds with new labels are done; {done}."
        return Criterion(name, None, float("nan"), text)
    x = x - x.mean()
    slope = float(x @ accuracy / (x @ x))
    residual = accuracy - accuracy.mean() - slope * x
    error = float(np.sqrt((residual @ residual) / (len(x) - 2) / (x @ x)))
    half = float(t.ppf(0.975, len(x) - 2)) * error
    room = 1 - float(accuracy[-1])
    gain, low, high = (float(min(v * step, room)) for v in (slope, slope - half, slope + half))
    stop = True if high < min_gain else (False if low > min_gain else None)
    text = (
        f"The next {per} labels should add {_points(gain)} points of accuracy "
        f"[{_points(low)}, {_points(high)}]; {100 * min_gain:.2f} would pay."
    )
    return Criterion(name, stop, gain, text)


def _points(share: float) -> str:
    """Percentage points with a sign; what rounds to nothing has none.

    >>> _points(0.0123), _points(-0.00001)
    ('+1.23', '0.00')
    """
    text = f"{100 * share:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text


def stability(probs: NDArray[np.float64], previous: NDArray[np.float64], *, agreement: float = 0.99) -> Criterion:
    """Cohen's kappa between this round's predicted classes and the last one's (Bloodgood & Vijay-Shanker 2009)."""
    if probs.shape != previous.shape or probs.ndim != 2:
        raise InputError(f"previous_probs must have the shape of pred_probs; got {previous.shape} and {probs.shape}.")
    if not len(probs):
        return Criterion("prediction stability", None, float("nan"), "There are no rows to compare.")
    now, before = probs.argmax(axis=1), previous.argmax(axis=1)
    same = float((now == before).mean())
    c = probs.shape[1]
    chance = float((np.bincount(now, minlength=c) / len(now)) @ (np.bincount(before, minlength=c) / len(now)))
    kappa = 1.0 if chance >= 1 else (same - chance) / (1 - chance)
    verb = "hardly changed" if kappa >= agreement else "still changed"
    text = (
        f"From the last round to this one the predictions {verb}: {100 * same:.1f} % are the same, "
        f"kappa {kappa:.3f} (settled from {agreement})."
    )
    return Criterion("prediction stability", kappa >= agreement, kappa, text)


def remaining_errors(
    errors_left: tuple[float, float, float], labeled: int, *, tolerated: float = 0.01, wanted: int = 30
) -> Criterion:
    """Estimated wrong labels among those nobody reviewed, against a tolerated share of all labels."""
    value, low, high = errors_left
    limit = tolerated * labeled
    if not np.isfinite(value):
        text = f"How many wrong labels are left is not known yet: answer about {wanted} more of the random sample."
        return Criterion("label errors left", None, value, text)
    stop = True if high <= limit else (False if low > limit else None)
    text = (
        f"About {value:,.0f} wrong labels are left among those that nobody has checked [{low:,.0f}, {high:,.0f}]; "
        f"{limit:,.0f} would be tolerable."
    )
    return Criterion("label errors left", stop, value, text)


def overall_uncertainty(probs: NDArray[np.float64], *, tolerated: float = 0.02) -> Criterion:
    """Mean least confidence over the pool (Zhu et al. 2008): by its own account, how often the model is wrong."""
    doubt = float((1 - probs.max(axis=1)).mean()) if len(probs) else 0.0
    text = (
        f"By its own probabilities the model is wrong on {100 * doubt:.1f} % of the samples; "
        f"{100 * tolerated:.0f} % is low."
    )
    return Criterion("overall uncertainty", doubt <= tolerated, doubt, text)
