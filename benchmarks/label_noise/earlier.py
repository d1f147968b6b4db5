"""What another version of dqkit says of the same audits, for `holdout.py --rules`.

Run it with that version on the path; this one is compared with the hand-set rules of the commit before the judge.

    PYTHONPATH=OTHER_CHECKOUT python benchmarks/label_noise/earlier.py --pools sims/pools --out sims/rules
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from audits import Pool, for_each_pool, kept, told

from dqkit.signals import label_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pools", type=Path, default=Path("sims/pools"))
    parser.add_argument("--out", type=Path, default=Path("sims/rules"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    for_each_pool(args.pools, args.out, found)


def found(stored: Pool, members: list[int]) -> Pool:
    given, probs = told(stored, members)
    errors, rows = label_errors(given, probs), kept(len(given))
    return {
        "flag": errors.table["flag"].to_numpy()[rows],
        "score": errors.table["score"].to_numpy(np.float32)[rows],
        "rate": np.array(errors.noise_rate),
    }


if __name__ == "__main__":
    main()
