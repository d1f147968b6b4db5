"""How long `dqkit.from_table` takes on a million rows, beside pandas' own reading of the same file.

Prints CPU and wall seconds of both, the best of the runs, and the ratio. The file is made in a temporary folder: an id,
a text of six words, a label of five values, a price, a shop and a count.

    python benchmarks/table_reading.py [--rows 1000000] [--runs 3]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import dqkit as dq

WORDS = np.array(["good", "bad", "slow", "late", "fine", "very", "not", "box", "broken", "cheap"])


def write(path: Path, n: int) -> None:
    rng = np.random.default_rng(0)
    pd.DataFrame(
        {
            "id": [f"r{i:07d}" for i in range(n)],
            "text": [" ".join(row) for row in WORDS[rng.integers(0, 10, (n, 6))]],
            "stars": rng.integers(1, 6, n),
            "price": rng.normal(50, 9, n).round(2),
            "shop": WORDS[rng.integers(0, 10, n)],
            "count": rng.integers(0, 1000, n),
        }
    ).to_csv(path, index=False)


def seconds(call: Callable[[], object], runs: int) -> tuple[float, float]:
    """CPU and wall seconds, each the best of the runs."""
    found = []
    for _ in range(runs):
        cpu, wall = time.process_time(), time.perf_counter()
        call()
        found.append((time.process_time() - cpu, time.perf_counter() - wall))
    return min(c for c, _ in found), min(w for _, w in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write(path, given.rows)
        print(f"{given.rows:,} rows, {path.stat().st_size / 1e6:.0f} MB; best of {given.runs} runs; CPU s, wall s")
        base = seconds(lambda: pd.read_csv(path), given.runs)
        print(f"{'pandas.read_csv':<28}{base[0]:8.2f}{base[1]:8.2f}")
        for name, options in (
            ("from_table, texts", {"text": "text"}),
            ("from_table, texts and ids", {"text": "text", "id": "id"}),
            ("from_table, features", {"features": ["price", "shop", "count"], "id": "id"}),
        ):
            cost = seconds(lambda options=options: dq.from_table(path, label="stars", **options), given.runs)
            ratios = [ours / theirs for ours, theirs in zip(cost, base, strict=True)]
            print(f"{name:<28}{cost[0]:8.2f}{cost[1]:8.2f}   {ratios[0]:.1f}x CPU, {ratios[1]:.1f}x wall")


if __name__ == "__main__":
    main()
