"""What the random control slice shows: unbiased error rates, what the queue saves, what each detector yields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dqkit.records import InputError


@dataclass(frozen=True)
class Share:
    """k of n, as a share with its 95 % interval (NaN and [0, 1] for n = 0)."""

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
    """Estimates from answered control rows.

    label_error_rate: share of wrong labels among the labels no human had seen. model_accuracy: share of rows where the
    suggested class was the answer, over all control rows. errors_left: label_error_rate times the number of such
    labels still unseen, with its interval. yields: DataFrame by action, over all answered rows but the controls:
    reviewed, changed, share, low, high, times_random (share over the control's share for the same action).
    saved: answers that random review would have needed to change as many labels as the queue did, less those spent;
    None while the control has found no wrong label.
    """

    label_error_rate: Share
    model_accuracy: Share
    errors_left: tuple[float, float, float]
    yields: pd.DataFrame
    saved: float | None


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


def control_estimates(answers: pd.DataFrame, *, unseen: int = 0) -> ControlEstimates:
    """What the answered rows of the queues say about the data, the model and the detectors.

    answers: one row per answered row of any round's queue. Columns: action, control (bool), answer (class name),
        given_label (class name before the answer, None if there was none), suggested_label.
        Where a round's controls were drawn from other rows than the round before (they always are: reviewed rows drop
        out), pass the answers of one round for an estimate of that round's data, or of all for a running average.
    unseen: labels that no human has seen yet.

    The control rows are a simple random sample of the rows no human had seen, so their shares are unbiased whatever
    the detectors do. Rows answered by skip have no answer: leave them out.
    Raises `InputError` naming a missing column.

    >>> rows = pd.DataFrame({"action": "relabel", "control": [True] * 10 + [False] * 4, "answer": ["a"] * 14,
    ...     "given_label": ["a"] * 9 + ["b"] * 4 + ["a"], "suggested_label": ["a"] * 14})
    >>> out = control_estimates(rows, unseen=100)
    >>> out.label_error_rate.value, float(out.yields.loc["relabel", "share"]), out.saved
    (0.1, 0.75, 26.0)
    """
    missing = {"action", "control", "answer", "given_label", "suggested_label"} - set(answers.columns)
    if missing:
        raise InputError(f"answers must have the column {sorted(missing)[0]!r}; got {', '.join(map(str, answers))}.")
    known = answers[answers["answer"].notna()]
    control = known["control"].to_numpy(bool)
    had_label = known["given_label"].notna().to_numpy(bool)
    changed = had_label & (known["given_label"] != known["answer"]).to_numpy(bool)
    agreed = (known["suggested_label"] == known["answer"]).to_numpy(bool)
    rate = share(int(changed[control].sum()), int((control & had_label).sum()))
    yields = _yields(known["action"].to_numpy(str), changed, control, had_label, agreed)
    queued = ~control & had_label
    saved = None
    if rate.hits:
        saved = round(float(changed[queued].sum() / rate.value - queued.sum()), 6)
    left = (
        (rate.value * unseen, rate.low * unseen, rate.high * unseen) if rate.of else (float("nan"), 0.0, float(unseen))
    )
    return ControlEstimates(rate, share(int(agreed[control].sum()), int(control.sum())), left, yields, saved)


def _yields(
    action: np.ndarray, changed: np.ndarray, control: np.ndarray, had_label: np.ndarray, agreed: np.ndarray
) -> pd.DataFrame:
    """By action: what was reviewed and how often the answer was news (label changed, or model's guess wrong)."""
    news = np.where(had_label, changed, ~agreed)
    rows = {}
    for name in sorted(set(action.tolist())):
        mine = (action == name) & ~control
        base = (action == name) & control
        got = share(int(news[mine].sum()), int(mine.sum()))
        plain = share(int(news[base].sum()), int(base.sum()))
        rows[name] = {
            "reviewed": got.of,
            "changed": got.hits,
            "share": got.value,
            "low": got.low,
            "high": got.high,
            "times_random": got.value / plain.value if plain.hits else float("nan"),
        }
    columns = ["reviewed", "changed", "share", "low", "high", "times_random"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)
