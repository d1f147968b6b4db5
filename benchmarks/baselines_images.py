"""CIFAR-10 from scratch: five-fold out-of-sample accuracy of the default members, beside plain alternatives.

Run: python benchmarks/baselines_images.py [--data ../shared/data] [--n 10000] [--seed 0]
     python benchmarks/baselines_images.py --n 50000 --networks 1 --plain network    # the small network on a CPU
     python benchmarks/baselines_images.py --n 50000 --networks 5    # five folds x five members on a GPU
Where CUDA is present the default members include one convolutional network. Printed are device, n and seed, and for
every network the mean and spread over the folds. `--plain network` trains a plain small network for five epochs on the
same folds (or the first `--plain-folds` of them), so that both are timed in one run on one machine.
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
from dqkit.records import Predictions


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


def plain_network(
    x: NDArray[np.uint8], y: NDArray[np.int64], folds: NDArray[np.int64], trained: int, seed: int, epochs: int = 5
) -> float:
    """Three convolutions with batch normalisation and pooling, Adam, batches of 128, mirrored at random."""
    import torch
    from torch import nn

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pixels = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))).to(device)
    labels = torch.from_numpy(y).to(device)
    torch.manual_seed(seed)

    def inputs(at: NDArray[np.int64]) -> torch.Tensor:
        return (pixels[torch.from_numpy(at).to(device)].float() / 255 - 0.47) / 0.25

    hits = judged = 0
    for fold in range(trained):
        layers: list[nn.Module] = []
        for a, b in ((3, 32), (32, 64), (64, 128)):
            layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]
        model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 10)).to(device)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        train, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        rng = np.random.default_rng([seed, fold])
        for _ in range(epochs):
            for at in np.array_split(rng.permutation(train), -(-len(train) // 128)):
                batch = inputs(at)
                batch = batch.flip(3) if rng.random() < 0.5 else batch
                loss = nn.functional.cross_entropy(model(batch), labels[torch.from_numpy(at).to(device)])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        model.eval()
        with torch.no_grad():
            for at in np.array_split(held, -(-len(held) // 500)):
                hits += int((model(inputs(at)).argmax(1).cpu().numpy() == y[at]).sum())
        judged += len(held)
    return hits / judged


def spread(out: Predictions, y: NDArray[np.int64]) -> None:
    """Mean and spread over the folds of every network and of the ensemble."""
    named = {name: out.member_probs[i] for i, name in enumerate(out.members) if name.startswith("network")}
    for name, probs in (named | {"ensemble": out.pred_probs}).items():
        hit = probs.argmax(axis=1) == y
        by_fold = [float(hit[out.folds == fold].mean()) for fold in range(int(out.folds.max()) + 1)]
        print(f"{name}: accuracy by fold {np.mean(by_fold):.4f} +- {np.std(by_fold, ddof=1):.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--networks", type=int, default=None, help="how many networks; left out, what a user gets")
    parser.add_argument("--plain", choices=["linear", "network", "none"], default="linear", help="what runs beside it")
    parser.add_argument("--plain-folds", type=int, default=5, help="folds the plain network is trained on")
    args = parser.parse_args()
    import torch

    x, y = cifar(args.data, args.n, args.seed)
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"
    print(f"CIFAR-10, n = {len(y):,} training images, 5 folds, seed {args.seed}, device: {device}")
    wall, cpu = time.perf_counter(), time.process_time()
    out = cross_val_predictions(from_arrays(x, y), seed=args.seed, network=args.networks, progress=False)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(
        out.baselines[["model", "accuracy", "log_loss", "ece", "weight", "n", "seconds"]]
        .round(4)
        .to_string(index=False)
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"all members from call to return: {cpu:.1f} CPU-s, {wall:.1f} s wall; peak memory {peak:.2f} GB")
    spread(out, y)
    if args.plain == "none":
        return
    wall, cpu = time.perf_counter(), time.process_time()
    if args.plain == "linear":
        accuracy, said = plain(x, y, out.folds), "PCA-100 + logistic regression, 5 folds"
    else:
        accuracy = plain_network(x, y, out.folds, args.plain_folds, args.seed)
        said = f"small network, 5 epochs, {args.plain_folds} fold(s)"
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"plain: {said}: accuracy {accuracy:.4f}, {cpu:.1f} CPU-s, {wall:.1f} s wall")


if __name__ == "__main__":
    main()
