"""What the random audit sample shows: unbiased error rates, what the queue saves, what each detector yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dqkit.checks import instance, numbers, shown, whole_number
from dqkit.records import InputError

MOST_ROWS = 10**15


@dataclass(frozen=True)
class Share:
    """A count as a share, with its 95 % interval.

    Attributes
    ----------
    hits, of : int
        k of n.
    value, low, high : float
        The share and its interval; NaN, 0 and 1 for n = 0.
    """

    hits: int
    of: int
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if not self.of:
            return "not measured yet"
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}] ({self.hits} of {self.of})"


@dataclass(frozen=True)
class ControlEstimates:
    """Estimates from the answered rows of the random audit sample.

    Attributes
    ----------
    label_error_rate : Share
        The share of wrong labels among the labels that no person had seen.
    model_accuracy : Share
        The share of rows where the suggested class was the answer.
    errors_left : (float, float, float)
        Wrong labels that are still unseen, with an interval.
    yields : DataFrame
        One row per action, over all answered rows outside the random sample: reviewed, changed, share, low, high,
        times_random (the share over the random sample's share for the same action).
    saved : float or None
        Answers that random review would have needed to change as many labels as the queue did, less those spent. None
        while nothing is known of the wrong labels that are left.
    detectors : DataFrame
        Like `yields`, one row per detector.
    saved_range : (float, float)
        `saved` at the ends of the interval of the wrong labels left.
    """

    label_error_rate: Share
    model_accuracy: Share
    errors_left: tuple[float, float, float]
    yields: pd.DataFrame
    saved: float | None
    detectors: pd.DataFrame
    saved_range: tuple[float, float]


def share(hits: int, of: int) -> Share:
    """Share of hits with its 95 % Clopper-Pearson interval, which never covers less than it says.

    >>> str(share(3, 20))
    '15.0 % [3.2, 37.9] (3 of 20)'
    """
    from scipy.stats import beta

    if not 0 <= hits <= of:
        raise InputError(f"hits must lie between 0 and {of}; got {hits}.")
    low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, of - hits + 1))
    high = 1.0 if hits == of else float(beta.ppf(0.975, hits + 1, of - hits))
    return Share(hits, of, hits / of if of else float("nan"), low, high)


def control_estimates(
    answers: pd.DataFrame,
    *,
    unseen: int | Mapping[int, int] = 0,
    left: int | None = None,
    wrong_left: tuple[float, float, float] | None = None,
) -> ControlEstimates:
    """Estimate error rates and the yield of the queue from answered rows.

    Parameters
    ----------
    answers : DataFrame
        One row per answered row of any round's queue. Columns: action, control (bool), answer (class name), given_label
        (before the answer, None if there was none), suggested_label; optionally round, and detector (what named the
        row).
    unseen : int or mapping of int to int
        Labels that no person has seen yet; or, with the column round, how many there were when the queue of each round
        was drawn. Then every round estimates the wrong labels it began with, less those found since, and the rounds are
        averaged by their number of answers from the random sample.
    left : int, optional
        Labels that no person has seen by now. No more than these can be wrong.
    wrong_left : (float, float, float), optional
        How many of `left` are wrong, with its interval, by a better estimate than the random sample alone
        (`dqkit.signals.wrong_labels_left`); NaN first where nothing can be said. Then `unseen` is not used.

    Returns
    -------
    ControlEstimates
        Rates, yields and savings.

    Raises
    ------
    InputError
        Where a column is missing.

    Notes
    -----
    The control rows are a simple random sample of the rows that no person had seen, so their shares are unbiased
    whatever the detectors do. Leave out rows that were skipped. A row without a given label and without a suggestion is
    not used.

    Examples
    --------
    >>> rows = pd.DataFrame({"action": "relabel", "control": [True] * 10 + [False] * 4, "answer": ["a"] * 14,
    ...     "given_label": ["a"] * 9 + ["b"] * 4 + ["a"], "suggested_label": ["a"] * 14})
    >>> out = control_estimates(rows, unseen=100)
    >>> out.label_error_rate.value, float(out.yields.loc["relabel", "share"]), out.saved
    (0.1, 0.75, 26.0)
    """
    instance("answers", answers, pd.DataFrame, "a DataFrame, one row an answered row of a queue")
    if not isinstance(unseen, Mapping):
        unseen = whole_number("unseen", unseen, least=0, most=MOST_ROWS)
    for number, count in unseen.items() if isinstance(unseen, Mapping) else ():
        whole_number(f"unseen[{shown(number)}]", count, least=0, most=MOST_ROWS)
        if not isinstance(number, int | np.integer):
            raise InputError(f"unseen must map the numbers of rounds to counts; got the round {shown(number)}.")
    if left is not None:
        left = whole_number("left", left, least=0, most=MOST_ROWS)
    if wrong_left is not None:
        whole_number("left, the labels that wrong_left is part of,", left, least=0, most=MOST_ROWS)
        ends = numbers("wrong_left", wrong_left, shape="(3,), the estimate and its interval")
        if ends.shape != (3,) or not np.isfinite(ends[1:]).all():
            raise InputError(f"wrong_left must be the estimate and its interval; got {shown(wrong_left)}.")
    missing = {"action", "control", "answer", "given_label", "suggested_label"} - set(answers.columns)
    if missing:
        raise InputError(f"answers must have the column {sorted(missing)[0]!r}; got {', '.join(map(str, answers))}.")
    known = answers[answers["answer"].notna() & (answers["given_label"].notna() | answers["suggested_label"].notna())]
    if not all(isinstance(value, bool | np.bool_) for value in known["control"]):
        raise InputError("the column control of answers must hold True or False.")
    control = known["control"].to_numpy(bool)
    had_label = known["given_label"].notna().to_numpy(bool)
    changed = had_label & (known["given_label"] != known["answer"]).to_numpy(bool)
    agreed = (known["suggested_label"] == known["answer"]).to_numpy(bool)
    rate = share(int(changed[control].sum()), int((control & had_label).sum()))
    queued = ~control & had_label
    found, spent = float(changed[queued].sum()), float(queued.sum())
    if wrong_left is not None:
        errors = _at_most(left, wrong_left)
        seen = known[had_label].drop_duplicates("sample_id") if "sample_id" in known else known[had_label]
        was = (int((seen["given_label"] != seen["answer"]).sum()), len(seen), int(left or 0))
        value, most, least = (_saved(found, spent, was, each) for each in errors)
        saved = None if value != value or not spent else value
    else:
        errors = _at_most(left, _errors_left(rate, known, control & had_label, changed, unseen))
        saved = round(found / rate.value - spent, 6) if rate.hits else None
        least = found / rate.high - spent if rate.of else -spent
        most = found / rate.low - spent if rate.low > 0 else (float("inf") if found else -spent)
    news = np.where(had_label, changed, ~agreed)
    detector = known["detector"] if "detector" in known else pd.Series("", index=known.index)
    named = detector.notna().to_numpy() & detector.ne("").to_numpy()
    return ControlEstimates(
        label_error_rate=rate,
        model_accuracy=share(int(agreed[control].sum()), int((control & known["suggested_label"].notna()).sum())),
        errors_left=errors,
        yields=_yields(known["action"].to_numpy(object), news, control),
        saved=saved,
        detectors=_yields(detector[named].to_numpy(object), news[named], control[named], everywhere=rate),
        saved_range=(least, most),
    )


def _saved(found: float, spent: float, was: tuple[int, int, int], wrong_left: float) -> float:
    """Answers that random review needs to find as many wrong labels, less those spent.

    was: wrong labels found, labels checked, labels left. All wrong labels are those found and those left.
    """
    changed, checked, left = was
    all_wrong = changed + wrong_left
    return float(found * (checked + left) / all_wrong - spent) if all_wrong else -spent


def _errors_left(
    rate: Share, known: pd.DataFrame, drawn: np.ndarray, changed: np.ndarray, unseen: int | Mapping[int, int]
) -> tuple[float, float, float]:
    if not isinstance(unseen, Mapping):
        value = rate.value * unseen if rate.of else float("nan")
        return value, rate.low * unseen, rate.high * unseen
    if "round" not in known:
        raise InputError("answers must have the column 'round' when unseen is given by round; it has none.")
    rounds = known["round"].to_numpy()
    if not rate.of:
        most = float(max(unseen.values(), default=0) - changed.sum())
        return float("nan"), 0.0, max(most, 0.0)
    began = found = value = 0.0
    for number, count in unseen.items():
        here = drawn & (rounds == number)
        weight = here.sum() / rate.of
        began += weight * count
        found += weight * changed[rounds >= number].sum()
        value += changed[here].sum() / rate.of * count
    return tuple(max(float(v) - found, 0.0) for v in (value, rate.low * began, rate.high * began))  # type: ignore[return-value]


def _at_most(left: int | None, errors: tuple[float, float, float]) -> tuple[float, float, float]:
    if left is None:
        return errors
    if left == 0:
        return 0.0, 0.0, 0.0
    value, low, high = (min(each, float(left)) if each == each else each for each in errors)
    return value, low, high


def _yields(
    name: np.ndarray, news: np.ndarray, control: np.ndarray, *, everywhere: Share | None = None
) -> pd.DataFrame:
    """By name: what was reviewed and how often the answer was news (label changed, or model's guess wrong).

    times_random compares with the control rows of the same name, or with `everywhere`.
    """
    rows = {}
    for each in sorted(set(name.tolist())):
        mine, base = (name == each) & ~control, (name == each) & control
        got = share(int(news[mine].sum()), int(mine.sum()))
        plain = everywhere or share(int(news[base].sum()), int(base.sum()))
        rows[each] = {
            "reviewed": got.of,
            "changed": got.hits,
            "share": got.value,
            "low": got.low,
            "high": got.high,
            "times_random": got.value / plain.value if plain.hits else float("nan"),
        }
    columns = ["reviewed", "changed", "share", "low", "high", "times_random"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)
