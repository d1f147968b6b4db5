"""How good the `relabel` picks are: 10 % planted flips, budget 5 % of n, beside cleanlab's ranking and random review.

Precision and recall of the picks, and the test accuracy of logistic regression before, after fixing the picks, and with
no flips at all. Out-of-sample probabilities from 5-fold logistic regression on frozen features,
scaled to a spread of 0.3 so that its penalty counts.

    python benchmarks/relabel_picks.py --sets digits,ag_news,fashion --seeds 5
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from active_learning import TASKS, Task, fit
from cleanlab.rank import get_label_quality_scores
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from dqkit.acquisition import build_queue
from dqkit.signals import label_errors


def queue_picks(labels: np.ndarray, probs: np.ndarray, budget: int, seed: int) -> np.ndarray:
    """Positions of the queue's rows, all labels given, no control slice."""
    found = label_errors(labels, probs, seed=seed)
    signals = pd.DataFrame(
        {
            "label_score": found.table["score"].to_numpy(),
            "label_flag": found.table["flag"].to_numpy(),
            "given_label": labels.astype(str),
            "suggested_label": found.table["suggested_label"].to_numpy().astype(str),
        },
        index=pd.Index([f"{i:06d}" for i in range(len(labels))]),
    )
    queue = build_queue(signals, budget=budget, seed=seed, control=0.0)
    return queue["sample_id"].astype(int).to_numpy()


def one(task: Task, seed: int) -> list[dict[str, float | str]]:
    rng = np.random.default_rng(seed)
    n, classes = len(task.y), int(task.y.max()) + 1
    wrong = rng.permutation(n)[: n // 10]
    given = task.y.copy()
    given[wrong] = (given[wrong] + rng.integers(1, classes, len(wrong))) % classes
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = LogisticRegression(max_iter=1000)
    probs = cross_val_predict(model, task.x, given, cv=folds, method="predict_proba")
    budget = round(0.05 * n)
    picks = {
        "queue": queue_picks(given, probs, budget, seed),
        "cleanlab": np.argsort(get_label_quality_scores(given, probs), kind="stable")[:budget],
        "random": rng.permutation(n)[:budget],
    }

    def accuracy(labels: np.ndarray) -> float:
        return 100 * float((fit(task.x, labels).predict(task.x_test) == task.y_test).mean())

    before, clean = accuracy(given), accuracy(task.y)
    rows: list[dict[str, float | str]] = []
    for name, at in picks.items():
        fixed = given.copy()
        fixed[at] = task.y[at]
        hits = np.isin(at, wrong).sum()
        rows.append(
            {
                "picks": name,
                "precision": hits / budget,
                "recall": hits / len(wrong),
                "before": before,
                "after": accuracy(fixed),
                "no flips": clean,
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "../../shared/data")
    parser.add_argument("--sets", default="digits,ag_news,fashion")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    for name in args.sets.split(","):
        task = TASKS[name](args.data)
        scale = np.float32(0.3 / task.x.std())
        task = replace(task, x=task.x * scale, x_test=task.x_test * scale)
        table = pd.DataFrame([row for seed in range(args.seeds) for row in one(task, seed)])
        print(f"\n{name}: n {len(task.y)}, 10 % flips, budget 5 %, {args.seeds} seeds, mean (sd)")
        stats = table.groupby("picks", sort=False).agg(["mean", "std"])
        for picks in stats.index:
            cells = (
                f"{c} {stats.loc[picks, (c, 'mean')]:.3f} ({stats.loc[picks, (c, 'std')]:.3f})"
                for c in ("precision", "recall", "before", "after", "no flips")
            )
            print(f"  {picks:9}", "  ".join(cells), flush=True)


if __name__ == "__main__":
    main()
