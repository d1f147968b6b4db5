"""Label errors found against known truth: dqkit's default, cleanlab's default flags, and the plain average.

    python benchmarks/label_errors.py --data ../shared/data [--only NAME] [--human 0] [--seeds 0 1]
    python benchmarks/label_errors.py --holdout          sets that no constant was chosen on

F1 of the flags: dqkit, cleanlab (find_label_issues over the average), disagree (the average's top class is not the
label), best (the plain average with the threshold that suits it best, which nobody knows beforehand). AP of the
ranking: dqkit, the plain average, the best single member. Then the noise rate with its interval, and the precision of
the first k rows (k = half, all and one and a half times the wrong rows), as expected and as it is. Conditions with
several members are also judged with the first member alone. `label_error_sets.py` tells where they come from.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from label_error_sets import Condition, human, networks, relabelled, small, tables, unseen
from numpy.typing import NDArray

from dqkit.signals import label_errors


@dataclass(frozen=True)
class Line:
    name: str
    members: int
    f1: tuple[float, float, float, float]  # dqkit, cleanlab, disagree, best
    ap: tuple[float, float, float]  # dqkit, average, best single
    covered: bool
    off: float  # mean distance of expected and true precision


def average_precision(score: NDArray[np.floating], wrong: NDArray[np.bool_]) -> float:
    hits = wrong[np.argsort(-score, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def f1(flag: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> float:
    return 2 * int((flag & wrong).sum()) / max(int(flag.sum() + wrong.sum()), 1)


def best_f1(score: NDArray[np.floating], wrong: NDArray[np.bool_]) -> float:
    hits = np.cumsum(wrong[np.argsort(-score, kind="stable")])
    return float((2 * hits / (np.arange(1, len(hits) + 1) + wrong.sum())).max())


def report(condition: Condition, *, alone: bool) -> Line:
    from cleanlab.filter import find_label_issues

    name, given, true, members = condition
    wrong, at = given != true, np.arange(len(given))
    probs = members[:1] if alone else members
    start = time.process_time()
    found = label_errors(given, probs)
    seconds = time.process_time() - start
    mean = probs.mean(axis=0, dtype=np.float64)
    mean /= mean.sum(axis=1, keepdims=True)
    plain = 1 - mean[at, given]
    score, flag = found.table["score"].to_numpy(), found.table["flag"].to_numpy()
    low, high = found.noise_rate_interval
    covered = bool(low <= wrong.mean() <= high)
    flags = (
        f1(flag, wrong),
        f1(find_label_issues(given, mean, n_jobs=1), wrong),
        f1(mean.argmax(axis=1) != given, wrong),
        best_f1(plain, wrong),
    )
    rank = (
        average_precision(score, wrong),
        average_precision(plain, wrong),
        max(average_precision(1 - p[at, given], wrong) for p in probs),
    )
    half = max(int(wrong.sum()) // 2, 1)
    first = np.argsort(-score, kind="stable")
    pairs = [(found.expected_precision(k), wrong[first[:k]].mean()) for k in (half, 2 * half, 3 * half)]
    fit = " ".join(f"{a:.2f}/{b:.2f}" for a, b in pairs)
    print(
        f"{name[:34]:34s} {len(given):6,d} {len(probs):2d} | {' '.join(f'{v:.3f}' for v in flags)} | "
        f"{' '.join(f'{v:.4f}' for v in rank)} | {wrong.mean():.3f} {found.noise_rate:.3f} [{low:.3f}, {high:.3f}]"
        f"{' ' if covered else '!'} {flag.mean():.3f} | {fit} | {seconds:.1f}",
        flush=True,
    )
    return Line(name, len(probs), flags, rank, covered, float(np.mean([abs(a - b) for a, b in pairs])))


def summarize(lines: list[Line]) -> None:
    """Means over the conditions: how near the best alternative, in F1 and AP, coverage and calibration."""
    for title, part in (
        ("all", ""),
        ("paper, calm", "calm"),
        ("paper, overfitted", "overfitted"),
        ("people and human", "people human"),
        ("tables", "table wine breast_cancer"),
    ):
        chosen = [line for line in lines if not part or any(word in line.name for word in part.split())]
        if not chosen:
            continue
        against = [line.f1[0] - max(line.f1[1], line.f1[3]) for line in chosen]
        reachable = [line.f1[0] - max(line.f1[1:3]) for line in chosen]
        ranked = [line.ap[0] - line.ap[1] for line in chosen]
        print(
            f"{title:18s} {len(chosen):3d} conditions: F1 minus the better of cleanlab and best threshold: mean "
            f"{np.mean(against):+.4f}, worst {min(against):+.3f}; minus the better of cleanlab and disagree: mean "
            f"{np.mean(reachable):+.4f}, worst {min(reachable):+.3f}; AP minus the average's: mean "
            f"{np.mean(ranked):+.4f}, worst {min(ranked):+.3f}; the interval held the rate in "
            f"{np.mean([line.covered for line in chosen]):.0%}; precision of the first k off by "
            f"{np.mean([line.off for line in chosen]):.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--human", type=int, default=4000, help="images to train on under human labels; 0 skips them")
    parser.add_argument("--only", default="", help="conditions whose name holds this text")
    parser.add_argument("--holdout", action="store_true", help="the held-out sets in place of the development sets")
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # convergence of the small heads does not matter here
    lines: list[Line] = []
    for seed in args.seeds:
        print(f"{'held out' if args.holdout else 'development'}, seed {seed}")
        print(
            f"{'condition':34s}      n  m | F1 dqkit cleanlab disagree best | AP dqkit average best-single | "
            "rate: true, found [95 %], flagged | precision of the first k: expected/true | CPU-s"
        )
        sources: list[Iterator[Condition]] = [
            iter([networks(args.data, args.holdout)] if seed == args.seeds[0] else [])
        ]
        sources += [relabelled(args.data, args.holdout, seed), small(args.data, args.holdout, seed)]
        sources.append(tables(args.holdout, seed))
        if args.human:
            sources.append(human(args.data, args.holdout, seed, args.human))
            sources += [unseen(args.data, seed, args.human)] if args.holdout else []
        for source in sources:
            for condition in source:
                if args.only in condition[0]:
                    lines.append(report(condition, alone=False))
                    lines += [report(condition, alone=True)] if len(condition[3]) > 1 else []
    summarize(lines)


if __name__ == "__main__":
    main()
