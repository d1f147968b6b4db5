"""Labels from nothing, by a person who errs: the queue beside random samples, ActiveLab and new labels alone.

No sample is labelled at the outset. Each round buys `--budget` answers, each wrong with the chance of its column (to
any other class), a second answer to the same sample drawn anew; then a refit. The queue's first picks are typical
samples, the others begin at random. Printed per data set and error rate: the area under the accuracy curve (mean over
the rounds), the accuracy at the end, how many answers went to samples that had one, and wrong labels mended by them
less right ones spoilt. "queue, new alone" never asks again.

    python benchmarks/from_nothing.py --sets digits,trec,ag_news,blobs --seeds 5
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from active_learning import TASKS, Task, fit, probabilities
from one_budget import active_lab, at_random, out_of_sample, predictions_of, signals_of

from dqkit.acquisition import build_queue, select

PICKERS = ("queue", "queue, new alone", "ActiveLab", "random")


def picks(
    how: str, task: Task, labels: np.ndarray, answers: np.ndarray, probs: np.ndarray, n: int, seed: int
) -> np.ndarray:
    """Positions of the next n samples to ask about."""
    known = labels >= 0
    if how == "random":
        return at_random(task.x, labels, probs, known, n, seed)
    if how == "ActiveLab":
        return active_lab(task.x, labels, probs, known, n, seed)
    signals = signals_of(labels, probs, seed)
    people = {"source": np.where(known, "human", "none"), "annotators": known.astype(int), "answers": answers}
    queue = build_queue(
        signals,
        budget=n,
        seed=seed,
        predictions=predictions_of(task.x, probs),
        status=pd.DataFrame(people, index=signals.index),
        exclude=signals.index[known].tolist() if how == "queue, new alone" else (),
        audit_share=0.0,
    )
    return queue["sample_id"].astype(int).to_numpy()


def one(task: Task, how: str, error: float, budget: int, rounds: int, seed: int) -> tuple[list[float], int, int]:
    """Accuracy after each round, answers that were second ones, and labels mended by them less those spoilt."""
    rng = np.random.default_rng([seed, int(1000 * error)])
    n, classes = len(task.y), int(task.y.max()) + 1
    labels, answers = np.full(n, -1), np.zeros(n, dtype=np.int64)
    accuracy, again, mended = [], 0, 0
    probs = np.zeros((n, classes))
    for number in range(rounds):
        if number == 0:
            first = "random" if how in ("random", "ActiveLab") else "auto"
            at = select(first, budget, features=task.x, labeled=labels >= 0, seed=seed)
        else:
            at = picks(how, task, labels, answers, probs, budget, seed * 100 + number)
        for i in at:
            wrong = rng.random() < error
            said = int((task.y[i] + rng.integers(1, classes)) % classes) if wrong else int(task.y[i])
            if labels[i] >= 0:
                again += 1
                mended += int(said == task.y[i]) - int(labels[i] == task.y[i])
            answers[i] = answers[i] + 1 if labels[i] == said else 1
            labels[i] = said
        known = labels >= 0
        if len(np.unique(labels[known])) < 2:
            accuracy.append(100 * float((task.y_test == labels[known][0]).mean()))
            probs[:] = 1 / classes
            continue
        model = fit(task.x[known], labels[known])
        accuracy.append(100 * float((model.predict(task.x_test) == task.y_test).mean()))
        try:
            probs = out_of_sample(task.x, labels, classes, seed)
        except ValueError:  # fewer than five labels of every class
            probs = probabilities(model, task.x, classes).astype(float)
    return accuracy, again, mended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "../../shared/data")
    parser.add_argument("--sets", default="digits,trec,ag_news,blobs")
    parser.add_argument("--errors", default="0,0.05,0.15")
    parser.add_argument("--budget", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    for name in args.sets.split(","):
        task = TASKS[name](args.data)
        scale = np.float32(0.3 / task.x.std())
        task = replace(task, x=task.x * scale, x_test=task.x_test * scale)
        print(f"\n{name}: from no label, {args.rounds} rounds of {args.budget} answers, {args.seeds} seeds", flush=True)
        for error in (float(e) for e in args.errors.split(",")):
            for how in PICKERS:
                got = [one(task, how, error, args.budget, args.rounds, seed) for seed in range(args.seeds)]
                area = np.array([np.mean(g[0]) for g in got])
                spread = f" +- {area.std(ddof=1):.1f}" if len(area) > 1 else ""
                print(
                    f"  {100 * error:2.0f} % wrong  {how:16}  AULC {area.mean():.1f}{spread}  "
                    f"end {np.mean([g[0][-1] for g in got]):.1f}  asked again {np.mean([g[1] for g in got]):.0f}  "
                    f"mended {np.mean([g[2] for g in got]):.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
