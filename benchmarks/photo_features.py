"""What stands on the features of photos: pictures that do not belong, and learning curves.

Run: python benchmarks/photo_features.py [--data ../shared/data] [--seeds 10]

Off-topic pictures: each class of clothing_1000 in turn is foreign to the nine others. Three of its photos, then ten, go
among their 900, and the outlier score ranks them all. Printed: the area under the ROC curve (AUROC, 1 is perfect,
0.5 is chance), the mean over the ten classes and the worst, and the same with small pictures of CIFAR-10 instead. Ten
that look alike are neighbours of each other, so they seem to belong.
Learning curves: 300 photos are kept for the test, ten labels are drawn at random, ten more are added each round up to
210, by a logistic regression on the features. Printed: the mean test accuracy over the rounds (in %), each strategy
less random with its 95 % interval over the seeds. Both with the features of the default and with those of the pixels
alone. Nothing in dqkit was chosen on these figures.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
from active_learning import CORE, curve, shown
from active_learning_sets import Task, split
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import dqkit as dq
from dqkit.baselines import untrained_predictions
from dqkit.signals import neighbors

VIEWS = {"default": None, "pixels alone": False}


def features_of(ds: dq.Dataset, kept: Path) -> dict[str, NDArray[np.float32]]:
    return {
        name: untrained_predictions(ds, pretrained=told, checkpoint_dir=kept / name[:3], progress=False).features
        for name, told in VIEWS.items()
    }


def off_topic(
    features: NDArray[np.float32], classes: NDArray[np.int64], strange: NDArray[np.int64], foreign: int
) -> list[float]:
    """AUROC for each class planted among the others; the last one is of the strange pictures among all classes."""
    found = []
    for c in range(int(classes.max()) + 1):
        rng = np.random.default_rng(c)
        others = np.flatnonzero((classes != c) & (classes >= 0))
        planted = rng.permutation(np.flatnonzero(classes == c))[:foreign]
        found.append(auroc(features, others, planted))
    found.append(auroc(features, np.flatnonzero(classes >= 0), strange[:foreign]))
    return found


def auroc(features: NDArray[np.float32], others: NDArray[np.int64], planted: NDArray[np.int64]) -> float:
    at = np.concatenate([others, planted])
    score = neighbors(features[at]).table["outlier_score"]
    return float(roc_auc_score(np.arange(len(at)) >= len(others), score))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--foreign", type=int, nargs="*", default=[3, 10], help="how many are planted")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        folder, kept = Path(place) / "photos", Path(place) / "kept"
        zipfile.ZipFile(args.data / "clothing_1000.zip").extractall(folder)
        raw = np.load(args.data / "cifar10.npz")
        inside = next(path for path in sorted(folder.rglob("*")) if path.suffix.lower() == ".jpg").parent.parent
        (inside / "strange").mkdir()
        for i in range(max(args.foreign)):
            picture = raw["train_jpeg"][raw["train_offsets"][i] : raw["train_offsets"][i + 1]].tobytes()
            (inside / "strange" / f"{i}.jpg").write_bytes(picture)
        ds = dq.from_folder(folder)
        names = [name for name in ds.classes if name != "strange"]
        own = np.array([names.index(ds.classes[y]) if ds.classes[y] in names else -1 for y in ds.labels])
        found = features_of(ds, kept)
        print("off-topic pictures: AUROC        mean of ten classes   worst   small pictures of CIFAR-10")
        for foreign in args.foreign:
            for name, x in found.items():
                *by_class, cifar = off_topic(x, own, np.flatnonzero(own < 0), foreign)
                title = f"{foreign} planted, {name}"
                print(f"{title:32} {np.mean(by_class):19.3f} {min(by_class):7.3f} {cifar:28.3f}", flush=True)
        print(f"\nlearning curves, {args.seeds} seeds: area under the curve, less random")
        for name, x in found.items():
            task: Task = split(name, x[own >= 0], own[own >= 0], 300, 10, 10, 210)
            area = {
                strategy: 100 * np.array([np.mean(curve(task, strategy, seed)[0]) for seed in range(args.seeds)])
                for strategy in CORE
            }
            for strategy, values in area.items():
                print(f"{name:16} {strategy:12} {values.mean():6.2f}   {shown(values - area['random'])}", flush=True)


if __name__ == "__main__":
    main()
