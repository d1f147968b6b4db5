"""How long one durable label takes: `Workbench.record`, from the call to the label being on disk.

    python benchmarks/durable_label.py

SQLite in WAL mode with synchronous=FULL, on the disk of the temporary folder (set TMPDIR for another), a queue of 100
samples open; beside it SQLite alone with one insert per transaction under the same settings, which is the floor.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import dqkit as dq


def timed(work: Callable[[int], object], n: int) -> np.ndarray:
    """(n,) wall milliseconds of each call."""
    out = np.empty(n)
    for i in range(n):
        start = time.perf_counter()
        work(i)
        out[i] = 1000 * (time.perf_counter() - start)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=500)
    n = parser.parse_args().n
    ds = dq.load_digits(label_noise=0.1, unlabeled=0.5)
    with tempfile.TemporaryDirectory() as folder:
        with dq.Workbench.create(Path(folder) / "wb", ds) as wb:
            wb.store.enqueue(1, [(s, "label", False) for s in ds.ids[:100]])
            ours = timed(lambda i: wb.record(str(ds.ids[i % len(ds)]), "seven", annotator="ana"), n)
            kept = len(wb.store.events())
        raw = sqlite3.connect(Path(folder) / "raw.sqlite", isolation_level=None)
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, sample TEXT, label TEXT)")
        floor = timed(lambda i: raw.execute("INSERT INTO events (sample, label) VALUES (?, 'seven')", (str(i),)), n)
        raw.close()
    print(f"{kept} labels recorded, {n} calls, milliseconds a label (wall)")
    for name, values in (("dqkit record", ours), ("SQLite insert", floor)):
        p50, p95, p99 = np.percentile(values, [50, 95, 99])
        print(f"  {name:14s} p50 {p50:6.2f}  p95 {p95:6.2f}  p99 {p99:6.2f}  worst {values.max():6.2f}")


if __name__ == "__main__":
    main()
