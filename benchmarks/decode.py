"""Decode once: photos a second and core into the 64-pixel cache, beside Pillow opening and scaling each one.

Run: python benchmarks/decode.py [--data ../shared/data]
Photos: clothing_1000.zip, about 400 x 533 JPEG; CPU time of all threads, the cache empty, files read before.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from dqkit.datasets.pixels import decode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["DQKIT_CACHE"] = str(Path(name) / "cache")
        with zipfile.ZipFile(given.data / "clothing_1000.zip") as archive:
            archive.extractall(Path(name) / "photos")
        files = sorted(path for path in (Path(name) / "photos").rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
        sides = np.array([Image.open(file).size for file in files])
        read = sum(len(file.read_bytes()) for file in files)
        decode(files[:8], progress=False)
        cpu, wall = time.process_time(), time.perf_counter()
        found = decode(files, progress=False)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(f"{len(files):,} JPEG, median {np.median(sides, axis=0).astype(int)} pixels, {read / 1e6:.0f} MB")
        print(f"{'':10} {'CPU s':>7} {'wall s':>7} {'photos a second and core':>26}")
        print(f"{'dqkit':10} {cpu:7.2f} {wall:7.2f} {len(files) / cpu:26,.0f}   {len(found.failures)} unreadable")
        cpu, wall = time.process_time(), time.perf_counter()
        for file in files:
            np.asarray(Image.open(file).convert("RGB").resize((64, 64)))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(f"{'Pillow':10} {cpu:7.2f} {wall:7.2f} {len(files) / cpu:26,.0f}")


if __name__ == "__main__":
    main()
