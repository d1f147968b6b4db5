"""An import of files whose pixels are cached: seconds, and file-system calls a file, of the first load and the next.

Run: python benchmarks/cached_import.py [--files 50000]
Files: PNG of 8 x 8 random pixels, ten classes, made in a temporary folder; the cache is empty before the first load.
Calls: os.stat, os.lstat, os.readlink, open and os.open as Python makes them, counted in a third load of its own;
with strace on the machine, every call that takes a path (`strace -f -c -e trace=%file`), less those of an import of
dqkit alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import dqkit as dq

LOAD = "import sys, dqkit as dq; dq.from_folder(sys.argv[1], progress=False)"
IMPORT = "import sys, dqkit as dq; dq.from_folder"
WATCHED = {"open", "os.listdir", "os.scandir"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=50_000)
    n = parser.parse_args().files
    with tempfile.TemporaryDirectory() as name:
        os.environ["DQKIT_CACHE"] = str(Path(name) / "cache")
        root = Path(name) / "pictures"
        make(root, n)
        print(f"{n:,} files")
        for what in ("first load", "second load", "third load"):
            print(f"{what:14} {timed(root)}")
        calls = counted(root)
        print(f"Python's calls a file: {sum(calls.values()) / n:.2f}   {dict(calls.most_common(4))}")
        if shutil.which("strace"):
            print(f"strace, calls with a path a file: {(traced(LOAD, root) - traced(IMPORT, root)) / n:.2f}")
        extra = root / "class_0" / "new.png"
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(extra)
        print(f"{'one file more':14} {timed(root)}")


def timed(root: Path) -> str:
    wall, cpu = time.perf_counter(), time.process_time()
    dataset = dq.from_folder(root, progress=False)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return f"{wall:7.2f} s   {cpu:7.2f} CPU s of all threads   {len(dataset):,} samples"


def make(root: Path, n: int) -> None:
    rng = np.random.default_rng(0)
    for k in range(10):
        (root / f"class_{k}").mkdir(parents=True)
    for i in range(n):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(root / f"class_{i % 10}" / f"{i:06d}.png")


def counted(root: Path) -> Counter[str]:
    """How often each function is called while the folder is loaded again."""
    calls: Counter[str] = Counter()
    sys.addaudithook(lambda event, _: calls.update([event]) if event in WATCHED else None)
    kept: dict[str, Any] = {name: getattr(os, name) for name in ("stat", "lstat", "readlink")}

    def wrapped(name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls[f"os.{name}"] += 1
            return kept[name](*args, **kwargs)

        return call

    for name in kept:
        setattr(os, name, wrapped(name))
    try:
        dq.from_folder(root, progress=False)
    finally:
        for name, function in kept.items():
            setattr(os, name, function)
    return Counter(calls)


def traced(code: str, root: Path) -> int:
    with tempfile.NamedTemporaryFile("r") as table:
        subprocess.run(
            ["strace", "-f", "-c", "-e", "trace=%file", "-o", table.name, sys.executable, "-c", code, str(root)],
            check=True,
        )
        rows = [line.split() for line in table.read().splitlines() if line.strip().endswith("total")]
    return int(rows[-1][3])


if __name__ == "__main__":
    main()
