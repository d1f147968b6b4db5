"""CIFAR-10 from scratch on the CPU: five-fold out-of-sample accuracy of the default members, beside plain alternatives.

Run: python benchmarks/baselines_images.py [--data ../shared/data] [--n 10000] [--seed 0]
Where CUDA is present the default members include the convolutional network; device, n and seed are printed.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from dqkit.baselines import cross_val_predictions
from dqkit.datasets import from_arrays


def cifar(path: Path, n: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """n random training images."""
    saved = np.load(path / "cifar10.npz", allow_pickle=False)
    raw, offsets, labels = saved["train_jpeg"].tobytes(), saved["train_offsets"], saved["train_labels"]
    picked = np.sort(np.random.default_rng(seed).permutation(len(labels))[:n])
    images = np.stack([simplejpeg.decode_jpeg(raw[offsets[i] : offsets[i + 1]]) for i in picked])
    return images, labels[picked].astype(np.int64)


def plain(x: NDArray[np.uint8], y: NDArray[np.int64], folds: NDArray[np.int64]) -> float:
    """PCA on pixels and logistic regression, fold by fold."""
    flat = x.reshape(len(x), -1).astype(np.float32) / 255
    hits = 0
    for fold in range(5):
        train = folds != fold
        model = make_pipeline(PCA(100, svd_solver="randomized", random_state=0), LogisticRegression(max_iter=300))
        hits += int((model.fit(flat[train], y[train]).predict(flat[~train]) == y[~train]).sum())
    return hits / len(y)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip-plain", action="store_true")
    args = parser.parse_args()
    import torch

    x, y = cifar(args.data, args.n, args.seed)
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"
    print(f"CIFAR-10, n = {len(y):,} training images, 5 folds, seed {args.seed}, device: {device}")
    wall, cpu = time.perf_counter(), time.process_time()
    out = cross_val_predictions(from_arrays(x, y), seed=args.seed, progress=False)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(
        out.baselines[["model", "accuracy", "log_loss", "ece", "weight", "n", "seconds"]]
        .round(4)
        .to_string(index=False)
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"all members from call to return: {cpu:.1f} CPU-s, {wall:.1f} s wall; peak memory {peak:.2f} GB")
    if not args.skip_plain:
        wall, cpu = time.perf_counter(), time.process_time()
        accuracy = plain(x, y, out.folds)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(f"plain: PCA-100 + logistic regression: accuracy {accuracy:.4f}, {cpu:.1f} CPU-s, {wall:.1f} s wall")


if __name__ == "__main__":
    main()
