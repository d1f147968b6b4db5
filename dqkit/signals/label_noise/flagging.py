"""From the posterior of every row to error probabilities, the noise rate with its interval, and the flags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.log_odds import from_log_odds, log_odds, shift_to_mean
from dqkit.signals.label_noise.noise_share import NoiseShare
from dqkit.signals.label_noise.posterior import Disagreement, Posterior, undone
from dqkit.signals.labels import wilson_interval

# Each pair: where a sign of a weak model begins to count, and where it counts in full.
DOUBT = (0.08, 0.16)
FADING = (1.4, 1.7)
EXPLAINED = (0.45, 0.36)
# Noise that gathers where the model doubts is no noise by class: what explains next to nothing is no second estimate.
SILENT = (0.01, 0.04)
LEAST_EXPLAINED = 0.5
HEAVY = (0.42, 0.5)
CLEARED = (0.75, 0.88)
UNSURE = (0.08, 0.4)
SURE_SLOPE, UNSURE_SLOPE, PLAIN_SLOPE = 1.6, 0.6, 0.75
SHIFT_ROWS = 50_000


@dataclass(frozen=True, eq=False)
class Decision:
    """error_probability, flag, score: (k,) of the labelled rows; flag is score > 0.5. weakness: 0 to 1, how far the
    disagreement is held to be the model's own."""

    error_probability: NDArray[np.float64]
    score: NDArray[np.float64]
    flag: NDArray[np.bool_]
    rate: float
    interval: tuple[float, float]
    weakness: float


def decide(found: Posterior, share: NoiseShare) -> Decision:
    """The decision on the labelled rows; the rules stand in the docstring of `label_errors`."""
    k = len(found.score)
    if k == 0:
        empty = np.empty(0)
        return Decision(empty, empty, np.empty(0, dtype=bool), 0.0, (0.0, 1.0), 0.0)
    shares = found.shares
    # No row at all at trust 0.6 says that few are wrong, not that none is: the flags then stand alone.
    rate = float(np.sqrt(shares.used * (shares.half_trusted or shares.used)))
    own_flags = int((found.score > 0.5).sum())
    slope = float(np.clip(shares.half_trusted / max(shares.untrusted, 1e-9), 0.4, 1.0))
    full = undone(shares)
    slope = full * slope + (1 - full) * 0.9
    unclear = 1 - _ramp(share.rate / max(shares.untrusted, 1e-9), *CLEARED)
    slope *= SURE_SLOPE + (UNSURE_SLOPE - SURE_SLOPE) * unclear * _ramp(share.doubt, *UNSURE)
    logits = slope * log_odds(found.score)
    weakness = _weakness(shares, share)
    if weakness > 0:
        rate *= float(max(share.rate / max(rate, 1e-9), LEAST_EXPLAINED) ** (weakness / 2))
        plain = shift_to_mean(PLAIN_SLOPE * log_odds(found.plain), rate, most_rows=SHIFT_ROWS)
        logits = (1 - weakness) * shift_to_mean(logits, rate, most_rows=SHIFT_ROWS) + weakness * plain
    # Even noise and noise that gathers where the model doubts can leave the same matrix: the order is that of even
    # noise, under which both are ranked well; rate and flags stop half-way, for they differ by a factor of two.
    evenness = found.evenness * _ramp(share.rate / max(shares.untrusted, 1e-9), *SILENT)
    half = evenness / 2
    if evenness > 0:
        rate *= float((max(float(found.even.mean()), 1e-9) / max(rate, 1e-9)) ** half)
        logits = (1 - evenness) * shift_to_mean(logits, rate, most_rows=SHIFT_ROWS) + evenness * log_odds(found.even)
    probability = from_log_odds(shift_to_mean(logits, rate, most_rows=SHIFT_ROWS))
    order = np.argsort(-probability, kind="stable")
    more = unclear * _ramp(rate, *HEAVY)
    if weakness == 0 and more == 0 and evenness == 0:
        score = found.score  # the more probable class decides
    else:
        best = best_count(probability[order])
        count = max(own_flags, 1) * (max(best, own_flags, 1) / max(own_flags, 1)) ** more
        count = count ** (1 - weakness) * min(best, max(rate * k, 1.0)) ** weakness
        slips = max(int((found.even > 0.5).sum()), 1) if evenness > 0 else 1
        count = round(count ** (1 - half) * slips**half)
        score = from_log_odds(log_odds(probability) - log_odds(np.array(cut_after(probability[order], count))))
    flag = score > 0.5
    interval = _interval(shares, share, rate, weakness, evenness, k)
    return Decision(probability, score, flag, rate, interval, weakness)


def best_count(probability: NDArray[np.float64]) -> int:
    """How many of the rows, sorted by falling error probability, to flag for the highest expected F1.

    (Lipton, Elkan & Naryanaswamy 2014: the threshold is half the F1 it reaches.)

    >>> best_count(np.array([0.9, 0.6, 0.45, 0.05]))
    3
    """
    hits = np.cumsum(probability)
    value = 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1])
    # Where hardly an error is expected, a flag on a row that is more likely right helps nobody.
    return int(value.argmax()) + 1 if hits[-1] > 0.5 else int((probability > 0.5).sum())


def _ramp(value: float, start: float, end: float) -> float:
    return float(np.clip((value - start) / (end - start), 0.0, 1.0))


def _weakness(shares: Disagreement, share: NoiseShare) -> float:
    explained = share.rate / max(shares.untrusted, 1e-9)
    return (
        _ramp(share.doubt, *DOUBT)
        * _ramp(shares.fading, *FADING)
        * _ramp(explained, *EXPLAINED)
        * _ramp(explained, *SILENT)
    )


def cut_after(falling: NDArray[np.float64], count: int) -> float:
    """A threshold between the last flagged probability and the next one; ties of the last are left unflagged."""
    if count <= 0:
        return min(float(falling[0]) + 1e-6, 1.0)
    if count >= len(falling):
        return max(float(falling[-1]) / 2, 1e-9)
    return float((falling[count - 1] + falling[count]) / 2)


def _interval(
    shares: Disagreement, share: NoiseShare, rate: float, weakness: float, evenness: float, k: int
) -> tuple[float, float]:
    low = min(0.9 * shares.trusted, (0.9 - 0.3 * evenness) * rate, (0.9 - 0.5 * weakness) * share.rate)
    high = max(shares.untrusted, rate)
    # Above 40 % noise a class can lose its own majority, which no probability of the given label shows.
    high += 0.3 * (1 - high) * _ramp(rate, *HEAVY)
    # Wilson's low end of a share of 0 is 0 but for rounding, which must not lift it above the rate.
    below, above = wilson_interval([low * k], [k])[0][0], wilson_interval([high * k], [k])[1][0]
    return float(min(below, rate)), float(max(above, rate))
