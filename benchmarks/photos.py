"""Real photos with planted label errors: the default, the default without a pretrained network, and cleanlab.

Run: python benchmarks/photos.py [--data ../shared/data] [--seeds 5] [--rate 0.13]
     python benchmarks/photos.py --folder PATH    # photos of your own, a folder per class
     python benchmarks/photos.py --small    # CIFAR-10 and digits: what is not photos, and must be as it was

13 % of the labels are moved, evenly to any other class ("even") or to the class that looks most like it ("alike").
Printed for each, as mean and standard deviation over the seeds: accuracy on the labels before they were moved (every
sample predicted by models that have not seen its label), average precision of the order by suspicion, F1 of the flags,
and CPU seconds of one call. Embeddings do not depend on labels: they are made once and kept, and their cost is a line
of its own.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

import dqkit as dq
from dqkit.baselines import cross_val_predictions, embed
from dqkit.signals import label_errors

# Which class of clothes a person would take another for.
ALIKE = {
    "dress": "skirt",
    "skirt": "dress",
    "hat": "shoes",
    "shoes": "hat",
    "longsleeve": "t-shirt",
    "t-shirt": "longsleeve",
    "outwear": "shirt",
    "shirt": "outwear",
    "pants": "shorts",
    "shorts": "pants",
}
Ints = NDArray[np.int64]


def moved(y: Ints, towards: Ints | None, n_classes: int, rate: float, seed: int) -> Ints:
    """The labels with `rate` of them moved to towards[class], or to any other class."""
    rng = np.random.default_rng([seed, 16])
    given, at = y.copy(), rng.permutation(len(y))[: round(rate * len(y))]
    even = (y[at] + rng.integers(1, n_classes, len(at))) % n_classes
    given[at] = even if towards is None else towards[y[at]]
    return given


def confused(ds: dq.Dataset, folder: Path) -> Ints:
    """For each class the other one that the default gives most probability to, on the labels as they are."""
    probs = cross_val_predictions(ds, checkpoint_dir=folder, progress=False).pred_probs
    sums = np.stack([probs[ds.labels == c].sum(axis=0) for c in range(len(ds.classes))])
    np.fill_diagonal(sums, -1)
    return sums.argmax(axis=1).astype(np.int64)


def judged(probs: NDArray[Any], order: NDArray[Any], flags: NDArray[Any], given: Ints, y: Ints) -> list[float]:
    wrong = given != y
    f1 = 2 * (flags & wrong).sum() / max(1, flags.sum() + wrong.sum())
    return [float((probs.argmax(axis=1) == y).mean()), float(average_precision_score(wrong, order)), float(f1)]


def by_dqkit(member_probs: NDArray[Any], probs: NDArray[Any], given: Ints, y: Ints) -> list[float]:
    table = label_errors(given, member_probs).table
    return judged(probs, table["score"].to_numpy(), table["flag"].to_numpy(), given, y)


def by_cleanlab(probs: NDArray[Any], given: Ints, y: Ints) -> list[float]:
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    probs = probs.astype(np.float64) / probs.sum(axis=1, keepdims=True)
    quality = get_label_quality_scores(given, probs)
    return judged(probs, 1 - quality, find_label_issues(given, probs), given, y)


def rows_of(ds: dq.Dataset, given: Ints, seed: int, kept: Path) -> dict[str, list[float]]:
    """What each way reaches on one draw of errors: accuracy, average precision, F1, CPU seconds."""
    y, noisy = ds.labels, ds.with_labels(given)
    out = {}
    for name, told in (("before: pixels alone", {"pretrained": False}), ("default now", {})):
        began = time.process_time()
        found = cross_val_predictions(noisy, seed=seed, checkpoint_dir=kept / name[:3], progress=False, **told)
        cost = time.process_time() - began
        out[name] = [*by_dqkit(found.member_probs, found.pred_probs, given, y), cost]
    photo = [i for i, member in enumerate(found.members) if member.startswith("photo_")]
    logs = np.log(np.maximum(found.member_probs[photo], 1e-7))
    weights = found.weights[photo] / found.weights[photo].sum()
    alone = np.exp(np.tensordot(weights, logs, axes=1))
    out["pretrained alone"] = [*by_dqkit(found.member_probs[photo], alone, given, y), float("nan")]
    out["cleanlab, same probabilities"] = [*by_cleanlab(found.pred_probs, given, y), float("nan")]
    return out


def photos(ds: dq.Dataset, towards: dict[str, str] | None, seeds: int, rate: float) -> None:
    with tempfile.TemporaryDirectory() as place:
        kept = Path(place)
        wall, cpu = time.perf_counter(), time.process_time()
        embed(ds, cache_dir=kept / "def", progress=False)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(f"{ds.name}: {len(ds):,} photos, {len(ds.classes)} classes; embeddings {cpu:.1f} CPU-s, {wall:.1f} s")
        if towards is None:
            other = confused(ds, kept / "def")
        else:
            other = np.array([ds.classes.index(towards[name]) for name in ds.classes])
        for noise, to in (("even", None), ("alike", other)):
            found: dict[str, list[list[float]]] = {}
            for seed in range(seeds):
                given = moved(ds.labels, to, len(ds.classes), rate, seed)
                for name, row in rows_of(ds, given, seed, kept).items():
                    found.setdefault(name, []).append(row)
            print(
                f"\n{rate:.0%} moved, {noise}, {seeds} seeds".ljust(34), "accuracy     AP           F1           CPU-s"
            )
            for name, rows in found.items():
                mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1 if seeds > 1 else 0)
                cells = "".join(f"{m:.3f} ± {s:.3f} " for m, s in zip(mean[:3], spread[:3], strict=True))
                print(f"{name:32} {cells}{'' if np.isnan(mean[3]) else f'{mean[3]:6.1f}'}", flush=True)


def small(data: Path) -> None:
    """Pictures of 32 and 8 pixels: the default is the same with the pretrained network and without."""
    from baselines_images import cifar

    x, y = cifar(data, 4_000, 0)
    for ds in (dq.from_arrays(x, y), dq.load_digits()):
        for name, told in (("default", {}), ("pretrained=False", {"pretrained": False})):
            began = time.process_time()
            found = cross_val_predictions(ds, progress=False, **told)
            cost = time.process_time() - began
            hits = (found.pred_probs.argmax(axis=1) == ds.labels).mean()
            print(f"{len(ds):,} pictures of {ds.content.shape[1]} px, {name}: {hits:.4f} in {cost:.1f} CPU-s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument(
        "--folder", type=Path, default=None, help="photos, a folder per class; clothing_1000 by default"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rate", type=float, default=0.13)
    parser.add_argument("--small", action="store_true", help="CIFAR-10 and digits")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.small:
        small(args.data)
        return
    if args.folder is not None:
        photos(dq.from_folder(args.folder), None, args.seeds, args.rate)
        return
    with tempfile.TemporaryDirectory() as place:
        zipfile.ZipFile(args.data / "clothing_1000.zip").extractall(place)
        photos(dq.from_folder(place), ALIKE, args.seeds, args.rate)


if __name__ == "__main__":
    main()
