"""One budget over new labels and doubtful old ones, beside ActiveLab, new labels alone, old ones alone and random.

At the outset `--start` rows are labelled, a fifth of them wrongly; each round buys `--budget` answers (always right),
then a refit. Printed: test accuracy of logistic regression (features scaled to a spread of 0.3: its penalty counts)
after every round, the share of answers spent on old labels, and how many wrong labels were mended.

    python benchmarks/one_budget.py --sets digits,ag_news,fashion --seeds 5
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from active_learning import TASKS, Task, fit, probabilities
from cleanlab.multiannotator import get_active_learning_scores
from cleanlab.rank import get_label_quality_scores
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from dqkit.acquisition import build_queue, select
from dqkit.records import Predictions
from dqkit.signals import label_errors

Picker = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int, int], np.ndarray]


def signals_of(labels: np.ndarray, probs: np.ndarray, seed: int) -> pd.DataFrame:
    """What `build_queue` needs of the signals, by id; classes are named by their numbers."""
    known = np.flatnonzero(labels >= 0)
    found = label_errors(labels[known], probs[known], seed=seed).table
    names = np.array([str(k) for k in range(probs.shape[1])] + [None], dtype=object)
    ids = [f"{i:07d}" for i in range(len(labels))]
    signals = pd.DataFrame(
        {
            "label_score": 0.0,
            "label_flag": False,
            "given_label": names[labels],
            "suggested_label": names[probs.argmax(axis=1)],
            "least_confidence": 1 - probs.max(axis=1),
        },
        index=ids,
    )
    signals.iloc[known, 0] = found["score"].to_numpy()
    signals.iloc[known, 1] = found["flag"].to_numpy()
    return signals


def predictions_of(x: np.ndarray, probs: np.ndarray) -> Predictions:
    """The probabilities under the ids and class names of `signals_of`."""
    ids, names = [f"{i:07d}" for i in range(len(x))], [str(k) for k in range(probs.shape[1])]
    return Predictions.from_arrays(probs, ids=ids, classes=names, features=x)


def queue(x: np.ndarray, labels: np.ndarray, probs: np.ndarray, seen: np.ndarray, budget: int, seed: int) -> np.ndarray:
    signals, predictions = signals_of(labels, probs, seed), predictions_of(x, probs)
    status = pd.Series(np.where(seen, "human", np.where(labels >= 0, "given", "none")), index=signals.index)
    out = build_queue(signals, budget=budget, seed=seed, predictions=predictions, status=status, audit_share=0.0)
    return out["sample_id"].astype(int).to_numpy()


def active_lab(
    x: np.ndarray, labels: np.ndarray, probs: np.ndarray, seen: np.ndarray, budget: int, seed: int
) -> np.ndarray:
    old, new = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
    scores = get_active_learning_scores(labels[old][:, None].astype(float), probs[old], probs[new])
    return np.concatenate([old, new])[np.argsort(np.concatenate(scores), kind="stable")[:budget]]


def new_alone(
    x: np.ndarray, labels: np.ndarray, probs: np.ndarray, seen: np.ndarray, budget: int, seed: int
) -> np.ndarray:
    return select("auto", budget, features=x, pred_probs=probs, labeled=labels >= 0, labels=labels, seed=seed)


def old_alone(
    x: np.ndarray, labels: np.ndarray, probs: np.ndarray, seen: np.ndarray, budget: int, seed: int
) -> np.ndarray:
    old = np.flatnonzero((labels >= 0) & ~seen)
    return old[np.argsort(get_label_quality_scores(labels[old], probs[old]), kind="stable")[:budget]]


def at_random(
    x: np.ndarray, labels: np.ndarray, probs: np.ndarray, seen: np.ndarray, budget: int, seed: int
) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.flatnonzero(~seen))[:budget]


PICKERS: dict[str, Picker] = {
    "queue": queue,
    "ActiveLab": active_lab,
    "new alone": new_alone,
    "old alone": old_alone,
    "random": at_random,
}


def out_of_sample(x: np.ndarray, labels: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """(n, c): five-fold for labelled rows, the model of all of them for the others."""
    known = labels >= 0
    out = probabilities(fit(x[known], labels[known]), x, classes).astype(float)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    present = np.unique(labels[known])
    held = cross_val_predict(
        LogisticRegression(max_iter=1000), x[known], labels[known], cv=folds, method="predict_proba"
    )
    out[known] = 0.0
    out[np.ix_(known, present)] = held
    return np.asarray((out + 1e-9) / (out + 1e-9).sum(axis=1, keepdims=True))


def one(task: Task, pick: Picker, start: int, budget: int, rounds: int, seed: int) -> tuple[list[float], float, int]:
    rng = np.random.default_rng(seed)
    n, classes = len(task.y), int(task.y.max()) + 1
    known = rng.permutation(n)[:start]
    labels, seen = np.full(n, -1), np.zeros(n, dtype=bool)
    labels[known] = task.y[known]
    wrong = known[: start // 5]
    labels[wrong] = (labels[wrong] + rng.integers(1, classes, len(wrong))) % classes
    accuracy, old = [], 0
    for number in range(rounds + 1):
        accuracy.append(
            100 * float((fit(task.x[labels >= 0], labels[labels >= 0]).predict(task.x_test) == task.y_test).mean())
        )
        if number < rounds:
            probs = out_of_sample(task.x, labels, classes, seed)
            at = pick(task.x, labels, probs, seen, budget, seed * 100 + number)
            old += int((labels[at] >= 0).sum())
            labels[at], seen[at] = task.y[at], True
    return accuracy, old / (budget * rounds), int((labels[wrong] == task.y[wrong]).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "../../shared/data")
    parser.add_argument("--sets", default="digits,ag_news,fashion")
    parser.add_argument("--start", type=int, default=300)
    parser.add_argument("--budget", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    for name in args.sets.split(","):
        task = TASKS[name](args.data)
        scale = np.float32(0.3 / task.x.std())
        task = replace(task, x=task.x * scale, x_test=task.x_test * scale)
        print(
            f"\n{name}: {args.start} labels, a fifth wrong, {args.rounds} rounds of {args.budget}, {args.seeds} seeds"
        )
        for label, pick in PICKERS.items():
            got = [one(task, pick, args.start, args.budget, args.rounds, seed) for seed in range(args.seeds)]
            curve = np.array([g[0] for g in got])
            path = " ".join(f"{v:.1f}" for v in curve.mean(axis=0))
            print(
                f"  {label:10} accuracy {path} (last sd {curve[:, -1].std():.1f})  on old labels "
                f"{100 * np.mean([g[1] for g in got]):.0f} %  mended {np.mean([g[2] for g in got]):.0f}",
                flush=True,
            )


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
