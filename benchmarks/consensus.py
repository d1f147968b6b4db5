"""Consensus of real crowds against the truth: majority vote, annotators weighed, and CROWDLAB with a simulated model.

    python benchmarks/consensus.py --data ../shared/data

bluebirds (108 photos, 39 workers, all answer all) and dogs4 (807 photos, 109 workers, 10 answers each). There are no
images, so the model is simulated: right in 75 % of the samples, p = 0.7 for its choice. `votes` keeps that many answers
of each sample, drawn at random; shares are means over the seeds.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.signals import consensus

Ints = NDArray[np.int64]


def answers_of(data: Path, name: str) -> tuple[Ints, Ints, int]:
    table = pd.read_csv(data / "crowd" / f"{name}_answers.csv")
    truth = pd.read_csv(data / "crowd" / f"{name}_truth.csv").set_index("item").iloc[:, 0]
    items, workers = (table[column].astype("category") for column in ("item", "worker"))
    labels = sorted(set(table["label"]) | set(truth))
    code = {label: k for k, label in enumerate(labels)}
    given = np.full((len(items.cat.categories), len(workers.cat.categories)), -1, dtype=np.int64)
    given[items.cat.codes, workers.cat.codes] = table["label"].map(code)
    return given, np.array([code[truth[item]] for item in items.cat.categories]), len(labels)


def thinned(given: Ints, votes: int, rng: np.random.Generator) -> Ints:
    key = np.where(given >= 0, rng.random(given.shape), 2.0)
    return np.where(key.argsort(axis=1).argsort(axis=1) < votes, given, -1)


def majority(given: Ints, c: int) -> Ints:
    counts = np.stack([(given == k).sum(axis=1) for k in range(c)], axis=1)
    return np.asarray(counts.argmax(axis=1), dtype=np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    print(
        "crowd       votes | share right: majority  dqkit (method)            dqkit with a model  model alone | CPU-s"
    )
    for name in ("bluebirds", "dogs4"):
        given, truth, c = answers_of(args.data, name)
        most = int((given >= 0).sum(axis=1).max())
        for votes in (3, 5, most):
            rows, method = [], ""
            for seed in args.seeds:
                rng = np.random.default_rng(seed)
                few = thinned(given, votes, rng)
                guess = np.where(rng.random(len(truth)) < 0.75, truth, (truth + rng.integers(1, c, len(truth))) % c)
                probs = np.where(np.arange(c) == guess[:, None], 0.7, 0.3 / (c - 1))
                start = time.process_time()
                alone, joined = consensus(few, classes=c), consensus(few, probs)
                seconds = time.process_time() - start
                method = alone.method
                found = [majority(few, c), alone.samples["consensus_label"], joined.samples["consensus_label"], guess]
                rows.append([*(float((labels == truth).mean()) for labels in found), seconds])
            plain, own, model, guessed, cpu = np.mean(rows, axis=0)
            shares = f"{plain:21.3f}  {own:.3f} {method:22s} {model:18.3f} {guessed:12.3f}"
            print(f"{name:12s} {votes:4d} | {shares} | {cpu:.1f}")


if __name__ == "__main__":
    main()
