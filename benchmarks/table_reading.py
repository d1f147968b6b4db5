"""How long `dqkit.from_table` takes on a million rows, beside pandas' own reading of the same file.

Prints CPU and wall seconds of both, the best of the runs, the ratio, and the most memory that a process of its own held
(beyond that of the imports; on Linux). The file is made in a temporary folder: an id, a text of six words, a label of
five values, a price, a shop and a count; then the same as Parquet. Texts and ids become Python strings when they are
first read: the last line of each file reads them too.

    python benchmarks/table_reading.py [--rows 1000000] [--runs 3]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
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


KINDS: dict[str, dict[str, object]] = {
    "texts": {"text": "text"},
    "texts and ids": {"text": "text", "id": "id"},
    "numbers": {"features": ["price", "count"]},
    "categories": {"features": ["shop"]},
    "both, and ids": {"features": ["price", "shop", "count"], "id": "id"},
}


def megabytes(code: str, path: Path) -> float:
    """The most memory that a process held that ran the code, beyond what the imports took."""
    if not Path("/proc/self/status").exists():
        return float("nan")
    # Not getrusage: there, a process begins with what the one that started it held.
    told = "print(next(x for x in open('/proc/self/status') if x.startswith('VmHWM')).split()[1])"
    start = "import sys, pandas as pd, pyarrow.parquet, pyarrow.csv, dqkit as dq; dq.from_table"
    lines = [f"{start}; {told}", f"{start}; {code}; {told}"]
    out = [subprocess.run([sys.executable, "-c", line, str(path)], check=True, capture_output=True) for line in lines]
    few, many = (float(run.stdout.split()[-1]) / 1024 for run in out)
    return many - few


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write(path, given.rows)
        pd.read_csv(path).to_parquet(path.with_suffix(".parquet"))
        print(f"{given.rows:,} rows; best of {given.runs} runs; CPU s, wall s, MB")
        for file, theirs in ((path, "read_csv"), (path.with_suffix(".parquet"), "read_parquet")):
            reader = getattr(pd, theirs)
            base = seconds(lambda reader=reader, file=file: reader(file), given.runs)
            most = megabytes(f"kept = pd.{theirs}(sys.argv[1])", file)
            print(f"{'pandas.' + theirs:<44}{base[0]:8.2f}{base[1]:8.2f}{most:8.0f}")
            for name, options in KINDS.items():
                cost = seconds(
                    lambda options=options, file=file: dq.from_table(file, label="stars", **options), given.runs
                )
                code = f"kept = dq.from_table(sys.argv[1], label='stars', **{options!r})"
                line(f"from_table {file.suffix}, {name}", cost, base, megabytes(code, file))
            cost = seconds(lambda file=file: read_too(file), given.runs)
            line(f"from_table {file.suffix}, texts and ids read", cost, base, float("nan"))


def read_too(file: Path) -> None:
    dataset = dq.from_table(file, label="stars", text="text", id="id")
    len(dataset.ids), len(dataset.content)


def line(name: str, cost: tuple[float, float], base: tuple[float, float], most: float) -> None:
    ratios = [ours / theirs for ours, theirs in zip(cost, base, strict=True)]
    print(f"{name:<44}{cost[0]:8.2f}{cost[1]:8.2f}{most:8.0f}   {ratios[0]:.1f}x CPU, {ratios[1]:.1f}x wall")


if __name__ == "__main__":
    main()
