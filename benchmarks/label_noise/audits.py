"""Audits made of simulated pools: all members of a pool, one alone, and some of them; what the judge sees, and the
truth.

    python benchmarks/label_noise/audits.py --pools sims/pools --out sims/audits.npz
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

KEPT_ROWS = 2_000  # of an audit, to learn from and to report on
FAMILIES = {
    "linear": "linear", "ridge": "linear", "bayes": "bayes", "nearest": "nearest", "kernel": "kernel",
    "forest": "trees", "boosting": "trees", "network": "network", "memorising": "memorising",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pools", type=Path, default=Path("sims/pools"))
    parser.add_argument("--out", type=Path, default=Path("sims/audits"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    for_each_pool(args.pools, args.out, audit)


Pool = dict[str, np.ndarray]


def for_each_pool(pools: Path, out: Path, judge: Callable[[Pool, list[int]], Pool]) -> None:
    """Write what `judge` says of some members of a pool, for each choice of members and each pool not yet done."""
    for file in sorted(pools.glob("*.npz")):
        path = out / file.name
        if path.exists():
            continue
        stored, found = dict(np.load(file)), {}
        for i, members in enumerate(chosen(len(stored["models"]), int(file.stem))):
            found |= {f"{name}_{i}": value for name, value in judge(stored, members).items()}
        part = path.with_suffix(".part")
        with part.open("wb") as opened:
            np.savez(opened, **found)
        part.replace(path)


def told(stored: Pool, members: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The given labels, and the probabilities of some members, (members, n, c)."""
    probs = np.exp(stored["logs"][members].astype(np.float32))
    return stored["given"].astype(np.int64), probs / probs.sum(axis=2, keepdims=True)


def kept(n: int) -> np.ndarray:
    """The rows of an audit that are kept, of n."""
    if n <= KEPT_ROWS:
        return np.arange(n)
    return np.sort(np.random.default_rng(n).permutation(n)[:KEPT_ROWS])


def chosen(m: int, number: int) -> Iterator[list[int]]:
    """Which members: all, one, and where there are four or more some of them."""
    rng = np.random.default_rng([19, number])
    yield list(range(m))
    if m > 1:
        yield [int(rng.integers(m))]
    if m > 3:
        yield sorted(rng.permutation(m)[: rng.integers(2, m)].tolist())


def audit(stored: Pool, members: list[int]) -> Pool:
    from dqkit.signals.label_noise.evidence import Members
    from dqkit.signals.label_noise.families import weigh
    from dqkit.signals.label_noise.judge import observed

    given, probs = told(stored, members)
    mix = weigh(probs, given, np.arange(len(given)), None)
    seen = observed(mix.probs, given, Members.told(probs, given), mix.weights, 0)
    wrong = given != stored["true"]
    rows = kept(len(given))
    average = probs.mean(axis=0)
    plain = 1 - average[np.arange(len(given)), given]
    return {
        "rising": seen.rows.rising[rows].astype(np.float16),
        "situation": seen.rows.situation[rows].astype(np.float16),
        "traits": seen.traits,
        "wrong": wrong[rows],
        "rate": np.array(wrong.mean()),
        "differs": (average.argmax(axis=1) != given)[rows],
        "plain": plain[rows].astype(np.float32),
        "cleanlab": cleanlab_flags(given, average)[rows],
        "shape": np.array(probs.shape),
        "family": np.array("+".join(sorted({FAMILIES[str(stored["models"][j])] for j in members}))),
        "name": stored["name"],
        "kind": stored["kind"],
    }


def cleanlab_flags(given: np.ndarray, average: np.ndarray) -> np.ndarray:
    from cleanlab.filter import find_label_issues

    probs = average.astype(np.float64)
    probs /= probs.sum(axis=1, keepdims=True)
    try:
        return np.asarray(find_label_issues(given, probs, n_jobs=1))
    except Exception:  # a class that no row is given: cleanlab refuses
        return np.zeros(len(given), bool)


if __name__ == "__main__":
    main()
