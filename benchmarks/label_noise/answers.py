"""What answers teach: the judge on datasets that were left out, before and after some of their rows are looked at.

`holdout.py` prints it. The rows looked at are drawn at random, or those with the highest score, or both. Every figure
is of the other rows.
"""

from __future__ import annotations

import numpy as np
from learn import Audit

from dqkit.signals.label_noise.flagging import NORMAL, decide
from dqkit.signals.label_noise.taught import taught

LEAST_ROWS, LEAST_ERRORS = 150, 10
WAYS = {"20 at random": (0, 20), "50 at random": (0, 50), "40 highest, 10 at random": (40, 10)}


def report(audits: list[Audit], odds: list[np.ndarray], wide: np.ndarray, core: float) -> None:
    """odds: of every audit's rows. wide: of its interval, in log odds. core: see `rate.Widths`."""
    some = [i for i, a in enumerate(audits) if len(a.wrong) >= LEAST_ROWS and a.wrong.sum() >= LEAST_ERRORS]
    print(f"answers, {len(some):,} audits: rate off by, F1, interval holds")
    for way, (highest, random) in WAYS.items():
        sides = np.mean([before_and_after(audits[i], odds[i], wide[i], core, highest, random) for i in some], axis=0)
        before, after = (f"{off:.3f}, {f1:.3f}, {held:.1%}" for off, f1, held in sides)
        print(f"  {way:26s} before {before}; after {after}")
    slopes = np.array([np.log(best_slope(audits[i], odds[i])) for i in some])
    print(
        f"  log of the slope that suits a dataset: {1.4826 * np.median(np.abs(slopes - np.median(slopes))):.2f} apart"
    )


def before_and_after(
    audit: Audit, odds: np.ndarray, wide: float, core: float, highest: int, random: int
) -> list[tuple[float, float, float]]:
    rng = np.random.default_rng(len(odds))
    first = np.argsort(-odds, kind="stable")[:highest]
    drawn = np.setdiff1d(rng.permutation(len(odds))[:random], first)
    rows = np.r_[first, drawn]
    off = (wide / 2, wide / 2)
    rest = np.setdiff1d(np.arange(len(odds)), rows)
    wrong, out = audit.wrong[rest], []
    learned = taught(odds, off, odds[rows], audit.wrong[rows], np.arange(len(rows)) >= len(first))
    for values, ends in ((odds, off), learned):
        found = decide(values[rest], ends, sum(ends) / 2 / NORMAL * core)
        f1 = 2 * (found.flag & wrong).sum() / max(found.flag.sum() + wrong.sum(), 1)
        low, high = found.interval
        out.append((abs(found.rate - wrong.mean()), float(f1), float(low <= wrong.mean() <= high)))
    return out


def best_slope(audit: Audit, odds: np.ndarray) -> float:
    """The slope of a logistic regression of the truth on the log odds, next to no penalty."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=100.0).fit(odds[:, None], audit.wrong)
    return float(max(fitted.coef_[0, 0], 1e-2))


if __name__ == "__main__":
    raise SystemExit("python benchmarks/label_noise/holdout.py --by dataset")
