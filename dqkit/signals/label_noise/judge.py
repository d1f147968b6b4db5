"""The judge: how probable it is that each label is wrong, learned from thousands of simulated audits.

An audit is a dataset, a kind and a rate of label noise, and models trained on the noisy labels. The judge is a small
network that was trained to say, for each row of such audits, whether its label is wrong. It takes the evidence of the
row (`evidence.py`) and the traits of the dataset (`traits.py`). The package holds its weights;
`benchmarks/label_noise/` holds the audits, the training and the measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.label_noise.evidence import RISING, Members, Ranks, RowEvidence, row_evidence
from dqkit.signals.label_noise.flagging import NORMAL
from dqkit.signals.label_noise.noise_fit import NoiseFit, fit_noise
from dqkit.signals.label_noise.noise_model import FIT_ROWS, Floats, Ints, fit_sample, row_blocks
from dqkit.signals.label_noise.traits import traits

WEIGHTS = "judge.npz"
Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Observed:
    """A dataset as the judge sees it. rows: the evidence of its labelled rows. traits: of the whole."""

    rows: RowEvidence
    traits: NDArray[np.float64]
    fit: NoiseFit
    ranks: Ranks


@dataclass(frozen=True, eq=False)
class Audit:
    """What the judge says of a dataset.

    log_odds: (k,) of an error, for each labelled row. outside: 0 to 1, how far the dataset is unlike all simulated
    ones; so far noise by class decides in the judge's place. off: (low, high) in log odds, how far the rate may be
    below and above the mean probability, 95 %.
    """

    seen: Observed
    log_odds: NDArray[np.float64]
    outside: float
    off: tuple[float, float]

    @property
    def rows(self) -> RowEvidence:
        """The evidence of the labelled rows."""
        return self.seen.rows

    def log_odds_of(self, probs: Floats, given: Ints, members: Members) -> NDArray[np.float64]:
        """(r,) the log odds of an error of some rows under other labels; arguments as `audited` takes them."""
        rows, _ = row_evidence(probs, given, members, self.seen.fit, self.seen.ranks)
        return _log_odds(rows, self.seen.traits, self.outside)


def audited(mix: Floats, given: Ints, members: Members, weights: NDArray[np.float64], seed: int) -> Audit:
    """Judge the labelled rows.

    mix: (k, c) the members' weighted mean, k >= 1. given: (k,). members: what each says of these rows. weights: (m,)
    of the members. seed: of the rows that the dataset is fitted to, where there are more than 50,000.
    """
    seen = observed(mix, given, members, weights, seed)
    outside = _outside(seen.traits)
    return Audit(seen, _log_odds(seen.rows, seen.traits, outside), outside, _off(seen.traits))


def observed(mix: Floats, given: Ints, members: Members, weights: NDArray[np.float64], seed: int) -> Observed:
    """What the judge sees; arguments as `audited` takes them."""
    few = fit_sample(mix, given, seed) if len(given) > FIT_ROWS else slice(None)
    fit = fit_noise(mix[few], given[few], seed, rows=len(given))
    rows, ranks = row_evidence(mix, given, members, fit)
    return Observed(rows, traits(mix[few], given[few], members.of(few), weights, fit, rows.of(few)), fit, ranks)


def typical(off: tuple[float, float]) -> float:
    """The standard deviation of the middle of the misses, whose 95 % lie within `off`: their tails are heavy."""
    return sum(off) / 2 / NORMAL * float(_weights()["core"])


def _log_odds(rows: RowEvidence, seen: NDArray[np.float64], outside: float) -> NDArray[np.float64]:
    learned = _learned(rows, seen)
    if outside <= 0:
        return learned
    by_class = rows.rising[:, RISING.index("class_noise")].astype(np.float64)
    return np.asarray((1 - outside) * learned + outside * by_class)


def _learned(rows: RowEvidence, seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean log odds of the networks; see `benchmarks/label_noise/learn.py` for their form."""
    w = _weights()
    code_of = [np.tanh(w["encode"][i] @ _scaled_traits(seen) + w["encode_bias"][i]) for i in range(len(w["encode"]))]
    slopes = [_softplus(w["slopes"][i] @ code + w["slopes_bias"][i]) for i, code in enumerate(code_of)]
    up, out = _softplus(w["up"]), _softplus(w["out"])
    total = np.zeros(len(rows.rising))
    for at in row_blocks(len(total), 4 * w["up"].shape[1]):
        rising = _scaled(rows.rising[at], "rising")
        situation = _scaled(rows.situation[at], "situation")
        for i, code in enumerate(code_of):
            size = len(code)
            bend = w["bend"][i][:, :size] @ code + w["bend_bias"][i]
            inside = rising @ up[i].T + situation @ w["bend"][i][:, size:].T + bend
            half = inside.shape[1] // 2
            inside[:, :half] = _softplus(inside[:, :half])
            inside[:, half:] = -_softplus(-inside[:, half:])
            aside = w["aside"][i][:, :size] @ code + w["aside_bias"][i]
            aside = np.tanh(situation @ w["aside"][i][:, size:].T + aside)
            total[at] += rising @ slopes[i] + inside @ out[i] + aside @ w["shift"][i] + w["shift_bias"][i]
    return np.asarray(total / len(code_of))


def _outside(seen: NDArray[np.float64]) -> float:
    """0 where the traits are as near to those of the simulated audits as these are to each other (but for one in a
    thousand), 1 from twice that distance on."""
    w = _weights()
    apart = w["guard"] @ ((seen - w["traits_mean"]) / w["traits_scale"])
    distance = float(np.sqrt(np.mean(np.square(apart))))
    return float(np.clip(distance / float(w["guard_limit"]) - 1, 0, 1))


def _off(seen: NDArray[np.float64]) -> tuple[float, float]:
    w = _weights()
    inside = np.tanh(w["off_in"] @ _scaled_traits(seen) + w["off_in_bias"])
    low, high = _softplus(w["off_out"] @ inside + w["off_out_bias"]) * w["off_factor"]
    return float(low), float(high)


def _scaled_traits(seen: NDArray[np.float64]) -> Array:
    w = _weights()
    return np.asarray(np.clip((seen - w["traits_mean"]) / w["traits_scale"], -3, 3), np.float32)


def _scaled(values: Array, name: str) -> Array:
    w = _weights()
    return np.asarray(np.clip((values - w[f"{name}_mean"]) / w[f"{name}_scale"], -6, 6), np.float32)


def _softplus(values: Array) -> Array:
    return np.asarray(np.maximum(values, 0) + np.log1p(np.exp(-np.abs(values))), np.float32)


@cache
def _weights() -> dict[str, Array]:
    """The arrays of the judge, as `benchmarks/label_noise/learn.py` names them."""
    with resources.files("dqkit.signals.label_noise").joinpath(WEIGHTS).open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        return {name: stored[name].astype(np.float32) for name in stored.files}
