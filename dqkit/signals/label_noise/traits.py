"""What a dataset's predictions and labels are like as a whole: some fifty numbers, by which the judge weighs the
evidence of the rows.

None depends on the order of classes, rows or members. The number of rows enters only as what chance it leaves
(one over a square root), so that ten times the same rows are judged alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dqkit.signals.label_noise.evidence import RISING, SITUATION, Members, RowEvidence
from dqkit.signals.label_noise.noise_fit import NoiseFit
from dqkit.signals.label_noise.noise_model import Floats, Ints

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
TRUSTS = (0.0, 0.3, 0.6, 1.0)
CONFIDENT = ((0.0, 0.1), (0.1, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))
KEPT = 0.9  # of the cells of a noise matrix: the worst tenth holds the model's own confusions

TRAITS = (
    "chance_all",
    "chance_class",
    "one_class_share",
    "log_classes",
    "one_member_share",
    "class_entropy",
    *(f"differs_trust_{t}" for t in TRUSTS),
    "fading_0.6",
    "fading_1.0",
    "differs",
    *(f"differs_confident_{a}_{b}" for a, b in CONFIDENT),
    *(f"odds_{q}" for q in QUANTILES),
    "exponent",
    "floor",
    "by_class_rate",
    "by_class_exponent",
    "by_class_doubt",
    "by_class_explains",
    "bare_rate",
    "bare_exponent",
    "even_mean",
    "even_spread",
    "even_common",
    "clear_rate",
    "overall_rate",
    "clear_to_overall",
    "entropy",
    "confidence",
    "overconfidence",
    "loss",
    "joint_rate",
    "above_threshold_rate",
    "own_where_differs",
    "top_where_differs",
    "top_where_agrees",
    "top_where_differs_0.25",
    "top_where_differs_0.75",
    "rival_where_differs",
    "members_agree",
    "members_with_label",
    "members_differ_together",
    "members_agree_together",
    "worst_member",
    "best_member",
    "largest_weight",
    "disputed_spread",
    "disputed_most",
    "cells_top",
    "cells_symmetric",
)


def traits(
    probs: Floats, given: Ints, members: Members, weights: NDArray[np.float64], fit: NoiseFit, seen: RowEvidence
) -> NDArray[np.float64]:
    """(len(TRAITS),) of k rows. probs: (k, c); weights: (m,) of the members; seen: the evidence of the same rows."""
    k, c = probs.shape
    m = len(members.named)
    at = np.arange(k)
    predicted, top, own = probs.argmax(axis=1), probs.max(axis=1), probs[at, given]
    differs = predicted != given

    def share(value: float) -> float:
        """Log odds of a share of the rows, kept from infinity by what chance leaves."""
        inside = (value * fit.rows + 0.3) / (fit.rows + 0.6)
        return float(np.clip(np.log(inside / (1 - inside)), -8, 8))

    by_trust = [float((_at_trust(seen, t) > 0).mean()) for t in TRUSTS]
    by_confidence = differs[np.argsort(-top, kind="stable")]
    inside = members.at_given.mean(axis=1)
    named = members.named
    together = [float((named[i] == named[j]).mean()) for i in range(m) for j in range(i)]
    with_label = (named == given).mean(axis=1)
    spread, common = evenness(fit.by_class_bare.counts)
    even = seen.rising[:, RISING.index("even_noise")].astype(float)
    clear_rate, overall_rate = (1 - float(np.trace(x)) / c for x in (fit.clear, fit.overall))
    joint_rate, above_rate = _confident_joint(probs, given, fit.confidence)
    cells_top, cells_symmetric = _cells(predicted, given, c)
    common_class = np.bincount(given, minlength=c) >= 5
    disputed = fit.disputed[common_class] if common_class.any() else fit.disputed
    where = top[differs] if differs.any() else np.array([1.0 / c])
    agreeing = top[~differs] if not differs.all() else np.array([1.0 / c])
    rival = np.exp(seen.situation[:, SITUATION.index("rival_share")].astype(float))
    used = float(len(np.unique(given)))
    values = [
        1 / np.sqrt(fit.rows),
        1 / np.sqrt(fit.rows / used),
        1 / c,
        np.log(c),
        1 / m,
        float(-(fit.share * np.log(fit.share)).sum() / np.log(c)),
        *map(share, by_trust),
        np.log((by_trust[0] + 1e-3) / (by_trust[2] + 1e-3)),
        np.log((by_trust[0] + 1e-3) / (by_trust[3] + 1e-3)),
        share(float(differs.mean())),
        *(share(float(by_confidence[int(a * k) : max(int(b * k), int(a * k) + 1)].mean())) for a, b in CONFIDENT),
        *np.quantile(seen.rising[:, RISING.index("sharp_odds")], QUANTILES),
        np.log(fit.exponent),
        np.log10(fit.floor + 1e-5),
        share(fit.by_class.rate),
        np.log(fit.by_class.exponent),
        _logit(fit.by_class.doubt),
        np.log((fit.by_class.rate + 1e-3) / (by_trust[0] + 1e-3)),
        share(fit.by_class_bare.rate),
        np.log(fit.by_class_bare.exponent),
        share(float((1 / (1 + np.exp(-even))).mean())),
        spread,
        common,
        share(clear_rate),
        share(overall_rate),
        np.log((clear_rate + 1e-3) / (overall_rate + 1e-3)),
        float(-(probs * np.log(np.maximum(probs, 1e-9))).sum(axis=1).mean() / np.log(c)),
        float(top.mean()),
        float(top.mean() - 1 + differs.mean()),
        float(-np.log(np.maximum(own, 1e-4)).mean() / np.log(c)),
        share(joint_rate),
        share(above_rate),
        float(own[differs].mean()) if differs.any() else 0.0,
        float(where.mean()),
        float(agreeing.mean()),
        *np.quantile(where, (0.25, 0.75)),
        float(rival[differs].mean()) if differs.any() else 1.0,
        float(np.mean(together)) if m > 1 else 1.0,
        float(inside.mean()),
        float((named[:, differs] == predicted[differs]).mean()) if differs.any() else 1.0,
        float((named[:, ~differs] == predicted[~differs]).mean()) if not differs.all() else 1.0,
        float(with_label.min()),
        float(with_label.max()),
        float(weights.max()),
        float(disputed.std()),
        float(disputed.max()),
        cells_top,
        cells_symmetric,
    ]
    return np.asarray(np.nan_to_num(values), np.float64)


def _at_trust(seen: RowEvidence, trust: float) -> NDArray[np.float32]:
    """Clean log odds against the label where it counts as evidence to the power of `trust`."""
    clean = seen.rising[:, RISING.index("clean_odds")]
    slips, clear = (seen.situation[:, SITUATION.index(name)] for name in ("slips", "slips_clear"))
    return np.asarray(clean + trust * (slips + clear) / 2)


def evenness(counts: NDArray[np.float64]) -> tuple[float, float]:
    """How evenly the off-diagonal cells of (c, c) counts of true by given labels are filled.

    The excess squared coefficient of variation beyond Poisson's of the calmer nine tenths of the cells (people take
    one class for another that looks like it; noise put in at random does not), and the share of all errors that the
    mean rate of those cells explains. Both in [0, 2].

    >>> even, people = np.full((10, 10), 9.0), np.zeros((10, 10))
    >>> people[np.arange(9), np.arange(1, 10)] = 90.0
    >>> evenness(even), evenness(people)
    ((0.0, 1.0), (2.0, 0.0))
    """
    c = len(counts)
    off = ~np.eye(c, dtype=bool)
    errors, rows = counts[off], np.repeat(counts.sum(axis=1), c - 1)
    total = float(errors.sum())
    calm = np.argsort(errors / np.maximum(rows, 1e-9), kind="stable")[: int(np.ceil(KEPT * len(errors)))]
    rate = float(errors[calm].sum()) / max(float(rows[calm].sum()), 1e-9)
    expected = rate * rows[calm]
    square = float((expected**2).sum())
    if total < 1 or square <= 0:
        return 2.0, 0.0
    spread = float(((errors[calm] - expected) ** 2 - errors[calm]).sum()) / square
    return float(np.clip(spread, 0, 2)), float(np.clip(rate * float(rows.sum()) / total, 0, 2))


def _confident_joint(probs: Floats, given: Ints, confidence: NDArray[np.float64]) -> tuple[float, float]:
    """The noise rate of the calibrated confident joint (Northcutt et al. 2021), and the share of rows that it counts
    off the diagonal."""
    c = probs.shape[1]
    above = np.where(probs >= confidence, probs, 0)
    has = above.max(axis=1) > 0
    to = above.argmax(axis=1)
    joint = np.zeros((c, c))
    np.add.at(joint, (given[has], to[has]), 1)
    scaled = joint / np.maximum(joint.sum(axis=1, keepdims=True), 1) * np.bincount(given, minlength=c)[:, None]
    rate = 1 - float(np.trace(scaled)) / max(float(scaled.sum()), 1e-9)
    return rate, float((has & (to != given)).mean())


def _cells(predicted: Ints, given: Ints, c: int) -> tuple[float, float]:
    """Of the disagreements: the share in the largest tenth of the cells, and the share that is mutual."""
    cells = np.zeros((c, c))
    np.add.at(cells, (predicted, given), 1)
    np.fill_diagonal(cells, 0)
    total = max(float(cells.sum()), 1.0)
    falling = -np.sort(-cells[~np.eye(c, dtype=bool)])
    largest = falling[: max(1, len(falling) // 10)].sum()
    return float(largest / total), float(np.minimum(cells, cells.T).sum() / total)


def _logit(p: float) -> float:
    inside = min(max(p, 1e-4), 1 - 1e-4)
    return float(np.log(inside / (1 - inside)))
