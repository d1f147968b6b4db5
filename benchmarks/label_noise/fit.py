"""Trains the judge of label errors on all simulated audits and writes the weights that the package holds.

python benchmarks/label_noise/fit.py --audits sims/audits --out dqkit/signals/label_noise/judge.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from holdout import by_dataset
from learn import exported, read, train
from rate import exported_width, guard, misses, widths

FOLDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audits", type=Path, default=Path("sims/audits"))
    parser.add_argument("--out", type=Path, default=Path("dqkit/signals/label_noise/judge.npz"))
    parser.add_argument("--without", nargs="*", default=[], help="datasets whose name begins so are left out")
    args = parser.parse_args()
    torch.set_num_threads(1)
    audits = [a for a in read(args.audits) if not a.name.startswith(tuple(args.without) or ("?",))]
    print(f"{len(audits):,} audits of {len({a.name for a in audits})} datasets")
    found, fold = np.empty(len(audits)), np.empty(len(audits), int)
    for one, (learned, held) in enumerate(by_dataset(audits, FOLDS)):
        judge = train([a for a, use in zip(audits, learned, strict=True) if use], networks=1)
        for i in np.flatnonzero(held):
            found[i], fold[i] = (1 / (1 + np.exp(-judge.log_odds(audits[i])))).mean(), one
    judge = train(audits)
    off = widths(audits, misses(audits, found), fold, judge.traits)
    print(f"rate: {off.covered:.1%} held by the interval in datasets left out")
    print(f"the interval is {np.median(off.wide):.2f} wide in log odds (median)")
    print(f"the middle of the misses is {off.core:.2f} times as wide as a normal distribution's")
    arrays = exported(judge) | exported_width(off) | guard(audits, judge.traits)
    np.savez_compressed(args.out, **arrays)
    print(f"{args.out}: {args.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
