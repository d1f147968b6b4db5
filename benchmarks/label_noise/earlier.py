"""What another version of dqkit says of the same audits, for `holdout.py --rules`.

Run it with that version on the path; this one is compared with the hand-set rules of the commit before the judge.

    PYTHONPATH=OTHER_CHECKOUT python benchmarks/label_noise/earlier.py --pools sims/pools --out sims/rules
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from audits import KEPT_ROWS, chosen

from dqkit.signals import label_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pools", type=Path, default=Path("sims/pools"))
    parser.add_argument("--out", type=Path, default=Path("sims/rules"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    for file in sorted(args.pools.glob("*.npz")):
        path = args.out / file.name
        if path.exists():
            continue
        stored, found = dict(np.load(file)), {}
        given = stored["given"].astype(np.int64)
        rows = np.arange(len(given))
        if len(rows) > KEPT_ROWS:  # the rows that `audits.py` keeps
            rows = np.sort(np.random.default_rng(len(rows)).permutation(len(rows))[:KEPT_ROWS])
        for i, members in enumerate(chosen(len(stored["models"]), int(file.stem))):
            probs = np.exp(stored["logs"][members].astype(np.float32))
            errors = label_errors(given, probs / probs.sum(axis=2, keepdims=True))
            found[f"flag_{i}"] = errors.table["flag"].to_numpy()[rows]
            found[f"score_{i}"] = errors.table["score"].to_numpy(np.float32)[rows]
            found[f"rate_{i}"] = np.array(errors.noise_rate)
        np.savez(path, **found)


if __name__ == "__main__":
    main()
