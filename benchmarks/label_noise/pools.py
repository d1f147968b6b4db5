"""Simulated pools: a dataset, noisy labels, and several models' out-of-sample probabilities on them.

Each pool is one file, made from its number alone: the prior of the judge of label errors, written down as code.
Numbers from 100,000 on are large pools, of 5,000 to 50,000 rows. Numbers from 200,000 on are large pools of sets that
strong models know well, under the noise that such sets mostly have. `audits.py` makes audits of all.

    python benchmarks/label_noise/pools.py --features sims/data --out sims/pools --first 0 --count 3000
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import torch
from models import out_of_fold
from noise import KINDS, corrupted

# Datasets that stand for many others are drawn more often than a small table.
OFTEN = {"networks": 10.0, "pretrained": 7.0, "sentences": 5.0, "patches": 4.0, "pixels": 3.0, "tfidf": 4.0}
ALSO = {"digits": 3.0, "letter": 4.0, "penbased": 3.0, "satimage": 3.0, "texture": 3.0, "segment": 2.0, "vowel": 2.0}
RARELY = 0.7
MADE = 0.15
LARGE_FROM = 100_000
QUICK_KINDS = ["linear", "linear", "ridge", "bayes"]
LARGE_KINDS = ["linear", "linear", "network", "network", "ridge", "bayes"]
LARGE = (5_000, 50_000)
STRONG_FROM = 200_000
STRONG_SETS = ("cifar_networks", "cifar_pretrained", "fashion_pretrained", "fashion_patches", "letter", "penbased")
STRONG_KINDS = ("none", "even", "by_class", "by_class", "pairs", "person", "majority", "worst", "in_doubt", "mixture")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=Path, default=Path("sims/data"))
    parser.add_argument("--out", type=Path, default=Path("sims/pools"))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=3000)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    names = sorted(file.stem for file in args.features.glob("*.npz"))
    failed: Counter[str] = Counter()
    for number in range(args.first, args.first + args.count):
        path = args.out / f"{number:06d}.npz"
        if path.exists():
            continue
        start = time.process_time()
        try:
            told = pool(number, args.features, names)
        except ValueError as problem:  # a draw that holds too little, such as one class
            failed[str(problem)[:60]] += 1
            continue
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **told)
        part.replace(path)
        shape, wrong = told["logs"].shape, float((told["given"] != told["true"]).mean())
        print(
            f"{number} {told['name']} {told['kind']} {'+'.join(told['models'])} {shape} wrong {wrong:.3f} "
            f"{time.process_time() - start:.1f} CPU-s",
            flush=True,
        )
    print(f"not made: {dict(failed)}")


def pool(number: int, features: Path, names: list[str]) -> dict[str, np.ndarray]:
    """given, true (n,); logs (members, n, c) log probabilities as float16; and what they were made of."""
    rng = np.random.default_rng([18, number])
    name, x, true = drawn_rows(features, names, rng, large=number >= LARGE_FROM, strong=number >= STRONG_FROM)
    n, c, d = len(true), int(true.max()) + 1, x.shape[1]
    strong = number >= STRONG_FROM
    kind = str(rng.choice(list(KINDS))) if rng.random() > 0.1 else str(rng.choice(["worst", "person", "by_class"]))
    kind = str(rng.choice(STRONG_KINDS)) if strong else kind
    belief = what_is_hard(x, true, c, rng)
    given = corrupted(kind, true, x, belief, rng)
    if len(np.unique(given)) < 2:
        raise ValueError("one class is left")
    large = n * c > 40_000
    kinds = ["linear", "linear", "network", "network", "memorising", "ridge", "nearest", "bayes"]
    kinds += [] if large else ["kernel"]
    kinds += [] if large or c > 12 else ["forest"]
    kinds += [] if n * c > 8_000 else ["boosting"]
    if n > 8_000:
        kinds = LARGE_KINDS if number >= LARGE_FROM else QUICK_KINDS
    folds = int(rng.choice([3, 5])) if n * c < 60_000 else 3
    members = int(rng.choice([1, 2, 3, 4, 5, 7], p=[0.12, 0.1, 0.3, 0.16, 0.28, 0.04]))
    members = min(members, 4) if number >= LARGE_FROM else members
    alike, first, output = rng.random() < 0.45, str(rng.choice(kinds)), str(rng.choice(OUTPUTS))
    logs, models = [], []
    for _ in range(members):
        model = first if alike else str(rng.choice(kinds))
        part = None
        if members > 1 and rng.random() < 0.5 and d > 3:
            part = rng.permutation(d)[: max(2, int(d * rng.uniform(0.4, 1)))]
        scores = out_of_fold(model, x, given, c, rng, folds, part).astype(np.float64)
        own = output if rng.random() < 0.7 else str(rng.choice(OUTPUTS))
        logs.append(as_told(scores, given, own, model, rng))
        models.append(model)
    stacked = np.maximum(np.stack(logs), -16.0).astype(np.float16)
    return {
        "name": np.array(name),
        "kind": np.array(kind),
        "models": np.array(models),
        "given": given.astype(np.int16),
        "true": true.astype(np.int16),
        "logs": stacked,
    }


def drawn_rows(
    features: Path, names: list[str], rng: np.random.Generator, *, large: bool, strong: bool
) -> tuple[str, np.ndarray, np.ndarray]:
    """Some rows, classes and columns of one dataset."""
    if strong:
        names = [name for name in names if name in STRONG_SETS]
    elif large:
        names = [name for name in names if rows_of(features / f"{name}.npz") >= LARGE[0]]
    name = "made" if rng.random() < (MADE if not large or strong else 0.4) else str(rng.choice(names, p=weights(names)))
    if name == "made":
        x, y = made(rng, *(LARGE if large else (150, 8_000)))
    else:
        stored = np.load(features / f"{name}.npz")
        x, y = stored["x"], stored["y"]
        c = int(y.max()) + 1
        if c > 3 and rng.random() < 0.35:  # some of the classes only
            keep = np.isin(y, rng.permutation(c)[: rng.integers(2, c)])
            x, y = x[keep], y[keep]
        if rng.random() < 0.25:  # imbalance
            share = np.exp(-np.abs(rng.normal(size=int(y.max()) + 1)) * rng.uniform(0.3, 1.5))
            keep = rng.random(len(y)) < share[y]
            x, y = (x[keep], y[keep]) if keep.sum() > 150 else (x, y)
        many = not large and name.endswith("networks") and rng.random() < 0.15
        most = LARGE[1] if large or many else 6_000 if rng.random() < 0.5 else 2_000
        least = LARGE[0] if large else 10_000 if many else 140
        rows = rng.permutation(len(y))[: int(np.exp(rng.uniform(np.log(least), np.log(most))))]
        x, y = x[rows], y[rows]
    keep = np.bincount(y)[y] >= 6
    x, y = x[keep], np.unique(y[keep], return_inverse=True)[1]
    if len(y) < 60 or y.max() < 1:
        raise ValueError("too few rows")
    if name.endswith("networks"):
        x = x + rng.normal(size=x.shape).astype(np.float32) * rng.uniform(0.1, 0.8 if strong else 1.6)
    d = x.shape[1]
    if d > 8 and rng.random() < 0.3:  # a weaker view
        k = int(rng.integers(max(3, d // 10), d))
        x = x[:, :k] if rng.random() < 0.5 else x[:, rng.permutation(d)[:k]]
    spread = x.std() + 1e-6 if rng.random() < 0.5 else x.std(axis=0) + 1e-3
    return name, np.ascontiguousarray((x - x.mean(axis=0)) / spread, np.float32), y.astype(np.int64)


@cache
def rows_of(file: Path) -> int:
    return len(np.load(file)["y"])


def weights(names: list[str]) -> np.ndarray:
    each = np.array([OFTEN.get(name.split("_")[-1], ALSO.get(name, RARELY)) for name in names])
    return np.asarray(each / each.sum())


def made(rng: np.random.Generator, least: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian classes in groups that look alike; difficulty, clusters and imbalance at random."""
    c = int(np.exp(rng.uniform(np.log(2), np.log(200))))
    n = int(np.exp(rng.uniform(np.log(max(least, 12 * c)), np.log(most))))
    d, groups, k = int(rng.integers(4, 60)), max(1, int(c / rng.uniform(1, 5))), int(rng.integers(1, 4))
    centre = rng.normal(size=(groups, d)) * rng.uniform(0.5, 2.5)
    mean = centre[rng.integers(0, groups, c)][:, None] + rng.normal(size=(c, k, d)) * rng.uniform(0.3, 2.0)
    share = np.exp(rng.normal(size=c) * rng.choice([0, 0, 0.5, 1.0]))
    y = rng.choice(c, n, p=share / share.sum())
    x = mean[y, rng.integers(0, k, n)] + rng.normal(size=(n, d)) * rng.uniform(0.6, 1.6, d)
    return x.astype(np.float32), y


def what_is_hard(x: np.ndarray, true: np.ndarray, c: int, rng: np.random.Generator) -> np.ndarray:
    """(n, c) belief of models trained on the truth, seeing other columns: what people find hard, more or less."""
    from dqkit.signals.label_noise.noise_model import best_exponent, sharpen

    d = x.shape[1]
    columns = rng.permutation(d)[: max(2, int(d * rng.uniform(0.3, 1)))]
    scores = out_of_fold(str(rng.choice(["linear", "network", "ridge", "nearest"])), x, true, c, rng, 3, columns)
    if rng.random() < 0.5:
        other = out_of_fold(str(rng.choice(["linear", "network", "nearest"])), x, true, c, rng, 3)
        scores = 2 * scores / (scores.std() + 1e-6) + 2 * other / (other.std() + 1e-6)
    probs = softmax(scores.astype(np.float64))
    return sharpen(probs, best_exponent(probs, true) * float(np.exp(rng.normal() * 0.4))).astype(float)


# As a model says it; calibrated on the noisy labels; too sure or not sure enough; with an even share mixed in; shaken.
OUTPUTS = ("plain", "plain", "calibrated", "calibrated", "tempered", "tempered", "floor", "shaken")


def as_told(scores: np.ndarray, given: np.ndarray, output: str, model: str, rng: np.random.Generator) -> np.ndarray:
    """(n, c) log probabilities, in the form that users bring them."""
    from dqkit.baselines.calibration import fit_calibration
    from dqkit.signals.label_noise.noise_model import best_exponent

    probs = softmax(scores)
    if output == "calibrated":
        probs = fit_calibration(scores, given)(scores).astype(np.float64)
    elif output == "tempered" or model == "bayes":
        fitted = best_exponent(probs, given) if rng.random() < 0.6 else 1.0
        probs = softmax(scores * fitted * np.exp(rng.normal() * 0.5))
    elif output == "floor":
        share = 10 ** rng.uniform(-3, -0.8)
        probs = (1 - share) * probs + share / probs.shape[1]
    elif output == "shaken":  # networks that know their noise are sure, and sure of other things each time
        logs = np.log(np.maximum(probs, 1e-7)) * np.exp(rng.uniform(0, 1))
        probs = softmax(logs + rng.uniform(0.2, 2.0) * rng.normal(size=logs.shape))
    probs = np.maximum(probs, 1e-7)
    return np.log(probs / probs.sum(axis=1, keepdims=True))


def softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


if __name__ == "__main__":
    main()
