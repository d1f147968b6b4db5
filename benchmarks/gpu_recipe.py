"""The network that a GPU gets, trained on whatever machine this is: is the recipe good enough, whatever the speed?

Run: python benchmarks/gpu_recipe.py [--data ../shared/data] [--width 64] [--epochs 14] [--n 50000]
One fold of five of CIFAR-10 is held out. Printed: the mean loss of each pass, and held-out accuracy on the images as
they are, with their mirror images, and with both moved by a pixel (what `cross_val_predictions` does). On two CPU cores
a full run takes an hour; `--width 32` a quarter of that.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from baselines_images import cifar

from dqkit.baselines import stratified_folds
from dqkit.baselines.network.architecture import best_device, settings_for
from dqkit.baselines.network.batches import Images
from dqkit.baselines.network.member import judge
from dqkit.baselines.network.training import TrainingSet, Watch, train_network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--n", type=int, default=50_000)
    parser.add_argument(
        "--width", type=int, default=None, help="channels of the first stage; left out, what a GPU gets"
    )
    parser.add_argument("--epochs", type=int, default=None, help="passes over the data; likewise")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = cifar(args.data, args.n, args.seed)
    folds = stratified_folds(y, folds=5, seed=args.seed)
    train, held = np.flatnonzero(folds != 0), np.flatnonzero(folds == 0)
    settings = settings_for((32, 32), 50_000, flip=True, device=torch.device("cuda"))
    settings = replace(settings, width=args.width or settings.width, epochs=args.epochs or settings.epochs)
    device = best_device()
    print(f"{settings}\non {device}, {len(train):,} trained on, {len(held):,} held out", flush=True)
    images = Images.of(x, np.arange(len(x)), device)
    start = time.perf_counter()
    trained = train_network(
        TrainingSet(images, torch.from_numpy(train), torch.from_numpy(y[train]), 10),
        settings,
        args.seed,
        Watch(tell=lambda done, of: print(f"pass {done} of {of}: {time.perf_counter() - start:.0f} s", flush=True)),
    )
    losses = trained.losses.float().reshape(trained.epochs, -1).mean(dim=1)
    print("loss by pass: " + " ".join(f"{float(loss):.3f}" for loss in losses))
    for said, mirror, shifted in (("as they are", False, False), ("mirrored", True, False), ("and moved", True, True)):
        scores = judge(trained.model, images, held, 10, mirror=mirror, shifted=shifted)
        print(f"held-out accuracy, {said}: {float((scores.argmax(axis=1) == y[held]).mean()):.4f}")


if __name__ == "__main__":
    main()
