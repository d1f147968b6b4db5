"""The main job, measured: label errors found and test accuracy, beside the same budget spent at random.

    python benchmarks/quickstart.py --seeds 5

Digits of scikit-learn, 10 % of the given labels flipped, half of the pool unlabelled, a quarter held out for test. Two
rounds of answers, each as many as there are planted errors, given by an annotator who knows the truth. No weak labels.
Nothing was chosen by looking at these seeds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import dqkit as dq


def guided(ds: dq.Dataset, budget: int, seed: int) -> dict[str, float]:
    """Two rounds of dqkit's queue."""
    truth = dict(zip(ds.ids, np.array(ds.classes)[ds.true_labels], strict=True))
    planted = set(ds.ids[ds.is_labeled & (ds.labels != ds.true_labels)])
    with tempfile.TemporaryDirectory() as folder, dq.Workbench.create(Path(folder) / "wb", ds) as wb:
        rounds = []
        reviewed: set[str] = set()
        for _ in range(2):
            rounds.append(wb.run_round(budget=budget, seed=seed, progress=False))
            for sample_id in wb.open_queue()["sample_id"]:
                wb.record(sample_id, truth[sample_id], annotator="simulated")
                reviewed.add(sample_id)
        last = accuracy(wb.dataset_now(), ds, seed)
        return {
            "before": rounds[0].metrics["test_accuracy"],
            "middle": rounds[1].metrics["test_accuracy"],
            "after": last,
            "planted": len(planted),
            "found": len(planted & reviewed) / len(planted),
            "found in round 1": len(planted & set(rounds[0].queue["sample_id"])) / len(planted),
            "answers": len(reviewed),
        }


def at_random(ds: dq.Dataset, budget: int, seed: int) -> dict[str, float]:
    """The same answers on random samples of the pool."""
    planted = set(ds.ids[ds.is_labeled & (ds.labels != ds.true_labels)])
    pool = np.random.default_rng(seed).permutation(ds.ids[~ds.is_test])
    labels = ds.labels.copy()
    result: dict[str, float] = {}
    for name, done in (("middle", budget), ("after", 2 * budget)):
        at = ds.positions(pool[:done])
        labels[at] = ds.true_labels[at]
        result[name] = accuracy(ds.with_labels(labels), ds, seed)
    return {**result, "found": len(planted & set(pool[: 2 * budget])) / len(planted), "answers": 2 * budget}


def accuracy(labelled: dq.Dataset, ds: dq.Dataset, seed: int) -> float:
    """Test accuracy of the default baselines trained on these labels."""
    probs = dq.cross_val_predictions(labelled, seed=seed, progress=False).pred_probs
    return float((probs.argmax(axis=1) == ds.true_labels)[ds.is_test].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    rows = []
    for seed in seeds:
        start = time.process_time()
        ds = dq.load_digits(label_noise=0.1, unlabeled=0.5, seed=seed)
        budget = int((ds.is_labeled & (ds.labels != ds.true_labels)).sum())
        ours, chance = guided(ds, budget, seed), at_random(ds, budget, seed)
        rows.append(
            {
                "seed": seed,
                "planted": budget,
                "answers": ours["answers"],
                "found dqkit": ours["found"],
                "found random": chance["found"],
                "found in round 1": ours["found in round 1"],
                "before": ours["before"],
                "after dqkit": ours["after"],
                "after random": chance["after"],
                "CPU s": time.process_time() - start,
            }
        )
        print(pd.DataFrame(rows[-1:]).to_string(index=False, header=seed == 0, float_format="%.4f"), flush=True)
    table = pd.DataFrame(rows)
    gain = table["after dqkit"] - table["after random"]
    print(f"\nmean and standard deviation over {len(table)} seeds (digits, test n = 450)")
    for name in ("found dqkit", "found random", "before", "after dqkit", "after random"):
        print(f"  {name:14s} {table[name].mean():.4f} ± {table[name].std(ddof=1):.4f}")
    ahead = int((gain > 0).sum())
    print(f"  dqkit - random {gain.mean():+.4f} ± {gain.std(ddof=1):.4f}, ahead in {ahead} of {len(gain)} seeds")


if __name__ == "__main__":
    main()
