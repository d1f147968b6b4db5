"""How long an export takes: `Workbench.export` in each format, whole, from the call to the file being on disk.

    python benchmarks/export.py

A table of 50,000 rows with 20 numbers, as many texts, and a few thousand JPEG files, each with an answer of a person
for one row in ten; made up from a fixed seed. Wall and CPU seconds, once.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import dqkit as dq
from dqkit.records import LabelEvent

FILES = {"csv": ".csv", "parquet": ".parquet", "numpy": ".npz", "label_studio": ".json"}
ANY = ("csv", "parquet", "numpy", "torch", "label_studio", "huggingface")
IMAGES = ("csv", "folder", "yolo", "coco", "fiftyone", "huggingface", "torch", "numpy")
CLASSES = ["cat", "dog", "hen", "owl", "pig"]


def rows(n: int, rng: np.random.Generator) -> dq.Dataset:
    """Numbers, their labels and a metadata column."""
    table = pd.DataFrame(rng.normal(size=(n, 20)), columns=[f"x{i}" for i in range(20)])
    return dq.from_arrays(table, rng.integers(-1, 5, n), classes=CLASSES, name="table")


def texts(n: int, rng: np.random.Generator) -> dq.Dataset:
    """Texts of 5 to 40 words."""
    words = np.array([f"word{i}" for i in range(5000)])
    found = [" ".join(words[rng.integers(0, 5000, rng.integers(5, 40))]) for _ in range(n)]
    return dq.from_arrays(found, rng.integers(-1, 5, n), classes=CLASSES, name="texts")


def images(n: int, rng: np.random.Generator, folder: Path) -> dq.Dataset:
    """JPEG files of 320 x 240 pixels in class folders."""
    from PIL import Image

    for i in range(n):
        file = folder / CLASSES[i % 5] / f"{i:05d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        small = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(small).resize((320, 240), Image.Resampling.BILINEAR).save(file, quality=90)
    return dq.from_folder(folder, progress=False)


def answer(bench: dq.Workbench, rng: np.random.Generator) -> None:
    """A person's label for one sample in ten."""
    ids = rng.choice(bench.dataset.ids, len(bench.dataset) // 10, replace=False)
    at = "2024-05-03T12:00:00.000+00:00"
    labels = rng.choice(CLASSES, len(ids))
    bench.store.record(
        [
            LabelEvent(f"e{i}", str(s), "label", str(label), "human", "ana", at, 0, "looked twice")
            for i, (s, label) in enumerate(zip(ids, labels, strict=True))
        ]
    )


def timed(bench: dq.Workbench, formats: tuple[str, ...], out: Path) -> None:
    """Print the seconds of each format, and how much it wrote."""
    for format in formats:
        path = out / f"{format}{FILES.get(format, '')}"
        start, busy = time.perf_counter(), time.process_time()
        written = bench.export(path, format, progress=False)
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        size = path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
        print(f"  {format:13s} {seconds:6.2f} s wall  {busy:6.2f} s CPU  {written.rows:7,} rows  {size / 1e6:8.1f} MB")
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=50_000, help="rows of the table and the texts")
    parser.add_argument("--images", type=int, default=3_000)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        os.environ["DQKIT_CACHE"] = str(folder / "cache")
        sets = {
            "table": (lambda: rows(asked.n, rng), ANY),
            "texts": (lambda: texts(asked.n, rng), ANY),
            "images": (lambda: images(asked.images, rng, folder / "photos"), IMAGES),
        }
        for name, (make, formats) in sets.items():
            with dq.Workbench.create(folder / f"wb-{name}", make()) as bench:
                answer(bench, rng)
                print(f"{name}: {len(bench.dataset):,} samples")
                timed(bench, formats, folder)


if __name__ == "__main__":
    main()
