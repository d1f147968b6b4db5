"""The judge on published networks: five each on CIFAR-10 under human and synthetic noise, and on roman numerals.

The probabilities are those of the repository cleanlab/label-error-detection-benchmarks; give the folder
`src/experiments` of a copy of it. Nothing in the package was chosen on them. Weights that were trained without any
picture of CIFAR-10 can be given, because the simulated audits hold some of those pictures under other labels.

    python benchmarks/label_noise/published.py --experiments FOLDER [--weights judge.npz]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from audits import cleanlab_flags
from holdout import best_f1, f1
from sklearn.metrics import average_precision_score

from dqkit.signals import LabelErrors

ANSWERS = 50
SETS = {
    "synthetic 20 %": "cifar-10",
    "human 9 %": "cifar-10n-aggregate",
    "human 40 %": "cifar-10n-worst",
    "roman numerals": "roman-numeral",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    args = parser.parse_args()
    if args.weights:
        use(args.weights)
    for name, folder in SETS.items():
        networks, given, wrong, probs = read(args.experiments / folder)
        print(f"{name}: {len(given):,} rows, {wrong.mean():.1%} wrong")
        for title, some in [("all five", probs), *((n, probs[[i]]) for i, n in enumerate(networks))]:
            print(f"  {title:32s} {line(given, wrong, some)}", flush=True)


def use(weights: Path) -> None:
    from dqkit.signals.label_noise import judge

    stored = np.load(weights)
    arrays = {name: stored[name].astype(np.float32) for name in stored.files}
    judge._weights = lambda: arrays


def read(folder: Path) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Names of the networks, given labels, which are wrong, (networks, n, c); all have the rows in one order."""
    found: list[tuple[str, np.ndarray, np.ndarray, np.ndarray]] = []
    for one in folders(folder):
        probs = np.load(one / "pred_probs.npy").astype(np.float32)
        if (one / "true_labels.npy").exists():
            given, true = (np.load(one / f"{name}_labels.npy").astype(int) for name in ("noisy", "true"))
            wrong = given != true
        else:
            given, wrong = np.load(one / "labels.npy").astype(int), np.load(one / "label_errors_mask.npy")
        found.append((one.name.rsplit("_cv_", 1)[1], given, wrong, probs / probs.sum(axis=1, keepdims=True)))
    names, given, wrong, probs = zip(*found, strict=True)
    assert all((g == given[0]).all() for g in given)
    return list(names), given[0], wrong[0].astype(bool), np.stack(probs)


def folders(folder: Path) -> Iterator[Path]:
    return (one for one in sorted(folder.iterdir()) if (one / "pred_probs.npy").exists())


def line(given: np.ndarray, wrong: np.ndarray, probs: np.ndarray) -> str:
    from dqkit.signals import label_errors

    average = probs.mean(axis=0)
    plain = 1 - average[np.arange(len(given)), given]
    start = time.process_time()
    found = label_errors(given, probs)
    seconds = time.process_time() - start
    flag, (low, high) = found.table["flag"].to_numpy(), found.noise_rate_interval
    return (
        f"F1 {f1(wrong, flag):.3f} (cleanlab {f1(wrong, cleanlab_flags(given, average)):.3f}, differs "
        f"{f1(wrong, average.argmax(axis=1) != given):.3f}, best threshold {best_f1(wrong, plain):.3f}) AP "
        f"{average_precision_score(wrong, found.table['score']):.4f} "
        f"(average {average_precision_score(wrong, plain):.4f}) "
        f"rate {found.noise_rate:.3f} [{low:.3f}, {high:.3f}] unlike {found.unlike_simulated:.2f} {seconds:.1f} CPU-s; "
        f"after {ANSWERS} answers F1 {after(found, wrong):.3f}"
    )


def after(found: LabelErrors, wrong: np.ndarray) -> float:
    """Mean F1 of the other rows once so many rows, drawn at random, have been looked at; five draws."""
    out = []
    for seed in range(5):
        rows = np.random.default_rng(seed).permutation(len(wrong))[:ANSWERS]
        rest = np.setdiff1d(np.arange(len(wrong)), rows)
        flag = found.updated(rows, wrong[rows]).table["flag"].to_numpy()
        out.append(f1(wrong[rest], flag[rest]))
    return float(np.mean(out))


if __name__ == "__main__":
    main()
