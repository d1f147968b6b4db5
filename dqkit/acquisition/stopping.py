"""When is it enough? Several criteria, each with its verdict; the user decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.records import InputError


@dataclass(frozen=True)
class Criterion:
    """One criterion: its name, stop (True, False, or None when it cannot tell yet), the number and what it means."""

    name: str
    stop: bool | None
    value: float
    text: str


def stopping(
    *,
    rounds: Sequence[Mapping[str, float]] = (),
    pred_probs: ArrayLike | None = None,
    previous_probs: ArrayLike | None = None,
    errors_left: tuple[float, float, float] | None = None,
    labeled: int | None = None,
    budget_left: float | None = None,
    per: int = 100,
    min_gain: float = 0.005,
) -> list[Criterion]:
    """The criteria that the arguments allow, in a fixed order: gain, stability, errors, uncertainty, budget.

    rounds: earlier rounds, oldest first, each with `labels` (number of labels trained on) and `accuracy` in [0, 1].
    pred_probs, previous_probs: (n, c) on the same rows, of this round and the one before. errors_left: estimated
    label errors left with interval (`ControlEstimates.errors_left`), out of `labeled` labels. budget_left: answers the
    user can still pay for. per: the number of further labels a gain is projected for. min_gain: the accuracy gain that
    still pays.

    >>> [c.stop for c in stopping(budget_left=0)]
    [True]
    """
    out: list[Criterion] = []
    if rounds:
        out.append(projected_gain(rounds, per=per, min_gain=min_gain))
    probs = None if pred_probs is None else np.asarray(pred_probs, dtype=float)
    if probs is not None and previous_probs is not None:
        out.append(stability(probs, np.asarray(previous_probs, dtype=float)))
    if errors_left is not None:
        out.append(remaining_errors(errors_left, labeled or 0))
    if probs is not None:
        out.append(overall_uncertainty(probs))
    if budget_left is not None:
        spent = budget_left <= 0
        text = "the budget is spent" if spent else f"{budget_left:g} answers are left in the budget"
        out.append(Criterion("budget", spent, float(budget_left), text))
    return out


def projected_gain(rounds: Sequence[Mapping[str, float]], *, per: int, min_gain: float) -> Criterion:
    """Accuracy that the next `per` labels should add, from a line through accuracy against log(labels).

    The interval is the 95 % one of the fitted slope (t, rounds - 2 degrees of freedom), so it needs three rounds.
    It says stop when even its upper end is below `min_gain`, go on when its lower end is above.
    """
    from scipy.stats import t

    name = f"gain of the next {per} labels"
    labels = np.array([r["labels"] for r in rounds], dtype=float)
    accuracy = np.array([r["accuracy"] for r in rounds], dtype=float)
    if (labels <= 0).any():
        raise InputError(f"rounds must hold positive label counts; got {labels.tolist()}.")
    if len(np.unique(labels)) < 3:
        return Criterion(name, None, float("nan"), f"unknown: {len(labels)} rounds, three with new labels are needed")
    x = np.log(labels)
    x = x - x.mean()
    slope = float(x @ accuracy / (x @ x))
    residual = accuracy - accuracy.mean() - slope * x
    error = float(np.sqrt((residual @ residual) / (len(x) - 2) / (x @ x)))
    half = float(t.ppf(0.975, len(x) - 2)) * error
    step = float(np.log((labels[-1] + per) / labels[-1]))
    room = 1 - float(accuracy[-1])
    gain, low, high = (float(min(v * step, room)) for v in (slope, slope - half, slope + half))
    stop = True if high < min_gain else (False if low > min_gain else None)
    text = f"{100 * gain:+.2f} points of accuracy [{100 * low:+.2f}, {100 * high:+.2f}]; {100 * min_gain:.2f} would pay"
    return Criterion(name, stop, gain, text)


def stability(probs: NDArray[np.float64], previous: NDArray[np.float64], *, agreement: float = 0.99) -> Criterion:
    """Cohen's kappa between this round's predicted classes and the last one's (Bloodgood & Vijay-Shanker 2009)."""
    if probs.shape != previous.shape or probs.ndim != 2:
        raise InputError(f"previous_probs must have the shape of pred_probs; got {previous.shape} and {probs.shape}.")
    now, before = probs.argmax(axis=1), previous.argmax(axis=1)
    same = float((now == before).mean()) if len(now) else float("nan")
    c = probs.shape[1]
    chance = float((np.bincount(now, minlength=c) / len(now)) @ (np.bincount(before, minlength=c) / len(now)))
    kappa = 1.0 if chance >= 1 else (same - chance) / (1 - chance)
    verb = "hardly change" if kappa >= agreement else "still change"
    text = f"predictions {verb} from round to round: kappa {kappa:.3f} (stable from {agreement})"
    return Criterion("prediction stability", kappa >= agreement, kappa, text)


def remaining_errors(errors_left: tuple[float, float, float], labeled: int, *, tolerated: float = 0.01) -> Criterion:
    """Estimated wrong labels among those nobody reviewed, against a tolerated share of all labels."""
    value, low, high = errors_left
    limit = tolerated * labeled
    if not np.isfinite(value):
        return Criterion("label errors left", None, value, "unknown: no control row has been answered")
    stop = True if high <= limit else (False if low > limit else None)
    text = f"about {value:.0f} label errors left [{low:.0f}, {high:.0f}]; {limit:.0f} would be tolerable"
    return Criterion("label errors left", stop, value, text)


def overall_uncertainty(probs: NDArray[np.float64], *, tolerated: float = 0.02) -> Criterion:
    """Mean least confidence over the pool (Zhu et al. 2008): by its own account, how often the model is wrong."""
    doubt = float((1 - probs.max(axis=1)).mean()) if len(probs) else 0.0
    text = f"by its own probabilities the model is wrong on {100 * doubt:.1f} % of the pool; "
    text += f"{100 * tolerated:.0f} % is low"
    return Criterion("overall uncertainty", doubt <= tolerated, doubt, text)


def advice(criteria: Sequence[Criterion]) -> str:
    """The verdicts in one paragraph.

    >>> advice(stopping(budget_left=0))
    'Stop: 1 of 1 criteria say it is enough. budget: stop, the budget is spent. The decision is yours.'
    """
    if not criteria:
        return "Nothing is known yet: finish a round first."
    stops = sum(c.stop is True for c in criteria)
    goes = sum(c.stop is False for c in criteria)
    spent = any(c.name == "budget" and c.stop for c in criteria)
    if spent or stops > goes:
        head = f"Stop: {stops} of {len(criteria)} criteria say it is enough."
    elif goes > stops:
        head = f"Go on: {goes} of {len(criteria)} criteria say that more labels pay."
    else:
        head = "Undecided: the criteria do not agree."
    said = {True: "stop", False: "go on", None: "cannot tell"}
    parts = "; ".join(f"{c.name}: {said[c.stop]}, {c.text}" for c in criteria)
    return f"{head} {parts}. The decision is yours."
