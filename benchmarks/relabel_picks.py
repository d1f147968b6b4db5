"""How good the `relabel` picks are, budget 5 % of n, beside cleanlab's rankings of the same probabilities and random.

cleanlab's rankings are by self-confidence and by normalized margin, the latter best where classes are mixed up, and
ActiveLab. Precision and recall of the picks, and the test accuracy of logistic regression before, after fixing the
picks, and with no wrong label at all; regained: after - before, in points.

- digits, trec, ag_news, fashion: planted flips, 10 % to any class ("even") or 12 % by class, half of the class pairs
  never mixed up ("class"); out-of-sample probabilities from 5-fold logistic regression on frozen features, scaled to a
  spread of 0.3 so that its penalty counts.
- cifar_human: CIFAR-10 under the labels of one person per image (random1, 17 % wrong), 10,000 images; dqkit's own
  baselines, signals and features.

    python benchmarks/relabel_picks.py --sets digits,trec,ag_news,fashion,cifar_human --seeds 5
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from active_learning import TASKS, Task, fit
from cleanlab.multiannotator import get_active_learning_scores
from cleanlab.rank import get_label_quality_scores
from label_error_sets import by_class, sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from dqkit.acquisition import build_queue
from dqkit.records import Predictions
from dqkit.signals import label_errors

PLANTED = ("digits", "trec", "ag_news", "fashion")


@dataclass(frozen=True)
class Case:
    """Given and true labels of a training set, its out-of-sample probabilities and signals, and how to score a fix."""

    given: np.ndarray
    truth: np.ndarray
    probs: np.ndarray
    signals: pd.DataFrame
    x: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def planted(task: Task, noise: str, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    scale = np.float32(0.3 / task.x.std())
    x, n, classes = task.x * scale, len(task.y), int(task.y.max()) + 1
    given = task.y.astype(np.int64)
    if noise == "even":
        wrong = rng.permutation(n)[: n // 10]
        given[wrong] = (given[wrong] + rng.integers(1, classes, len(wrong))) % classes
    else:
        given = by_class(given, sparse(classes, 0.12, 0.5, seed), rng)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    probs = cross_val_predict(LogisticRegression(max_iter=1000), x, given, cv=folds, method="predict_proba")
    found = label_errors(given, probs, seed=seed)
    signals = pd.DataFrame(
        {
            "label_score": found.table["score"].to_numpy(),
            "label_flag": found.table["flag"].to_numpy(),
            "given_label": given.astype(str),
            "suggested_label": found.table["suggested_label"].to_numpy().astype(str),
        },
        index=pd.Index([f"{i:07d}" for i in range(n)]),
    )
    return Case(given, task.y, probs, signals, x, task.x_test * scale, task.y_test)


def cifar_human(data: Path, seed: int, n: int, test: int = 4000) -> Case:
    """The round of a workbench on human labels, without the workbench."""
    import simplejpeg

    from dqkit.baselines import cross_val_predictions
    from dqkit.datasets import from_arrays
    from dqkit.signals import signal_table

    saved = np.load(data / "cifar10.npz", allow_pickle=False)
    rng = np.random.default_rng(seed)

    def decoded(part: str, at: np.ndarray) -> np.ndarray:
        raw, offsets = saved[f"{part}_jpeg"].tobytes(), saved[f"{part}_offsets"]
        return np.stack([simplejpeg.decode_jpeg(raw[offsets[i] : offsets[i + 1]]) for i in at])

    inside, outside = rng.permutation(50_000)[:n], rng.permutation(10_000)[:test]
    given = saved["train_human_labels_random1"][inside].astype(np.int64)
    y_test = saved["test_labels"][outside].astype(np.int64)
    images = np.concatenate([decoded("train", inside), decoded("test", outside)])
    split = ["train"] * n + ["test"] * test
    dataset = from_arrays(images, np.concatenate([given, y_test]), classes=[str(k) for k in range(10)], split=split)
    predictions = cross_val_predictions(dataset, seed=seed, progress=False)
    signals = signal_table(dataset, predictions, seed=seed).table[:n]
    truth = saved["train_labels"][inside].astype(np.int64)
    features = predictions.features
    assert features is not None
    spread = features / (features.std(axis=0) + 1e-9) * 0.3
    return Case(given, truth, predictions.pred_probs[:n], signals, spread[:n], spread[n:], y_test)


def rows_of(case: Case, seed: int) -> list[dict[str, float | str]]:
    n = len(case.given)
    budget, wrong = round(0.05 * n), case.given != case.truth
    probs = case.probs.astype(float)
    probs /= probs.sum(axis=1, keepdims=True)
    names = [str(k) for k in range(probs.shape[1])]
    predictions = Predictions.from_arrays(probs, ids=list(case.signals.index), classes=names, features=case.x)
    queue = build_queue(case.signals, budget=budget, seed=seed, audit_share=0.0, predictions=predictions)
    by_score = build_queue(case.signals, budget=budget, seed=seed, audit_share=0.0)
    active, _ = get_active_learning_scores(case.given[:, None].astype(float), probs)

    def cleanlab(method: str) -> np.ndarray:
        return np.argsort(get_label_quality_scores(case.given, probs, method=method), kind="stable")[:budget]

    picks = {
        "queue": case.signals.index.get_indexer(pd.Index(queue["sample_id"])),
        "by label_score": case.signals.index.get_indexer(pd.Index(by_score["sample_id"])),
        "cleanlab": cleanlab("self_confidence"),
        "cleanlab margin": cleanlab("normalized_margin"),
        "ActiveLab": np.argsort(active, kind="stable")[:budget],
        "random": np.random.default_rng(seed + 1).permutation(n)[:budget],
    }

    def accuracy(labels: np.ndarray) -> float:
        return 100 * float((fit(case.x, labels).predict(case.x_test) == case.y_test).mean())

    before, clean = accuracy(case.given), accuracy(case.truth)
    out: list[dict[str, float | str]] = []
    for name, at in picks.items():
        fixed = case.given.copy()
        fixed[at] = case.truth[at]
        hits = int(wrong[at].sum())
        shares = {"precision": hits / budget, "recall": hits / int(wrong.sum())}
        out.append({"picks": name, **shares, "before": before, "after": accuracy(fixed), "no errors": clean})
    return out


def show(name: str, case: Case, rows: list[dict[str, float | str]], seeds: int) -> None:
    wrong = (case.given != case.truth).mean()
    print(f"\n{name}: n {len(case.given):,}, {100 * wrong:.1f} % wrong, budget 5 % of n, {seeds} seeds, mean (sd)")
    table = pd.DataFrame(rows)
    table["regained"] = table["after"] - table["before"]
    stats = table.groupby("picks", sort=False).agg(["mean", "std"])
    for picks in stats.index:
        cells = (
            f"{c} {stats.loc[picks, (c, 'mean')]:.3f} ({stats.loc[picks, (c, 'std')]:.3f})"
            for c in ("precision", "recall", "before", "after", "no errors", "regained")
        )
        print(f"  {picks:15}", "  ".join(cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "../../shared/data")
    parser.add_argument("--sets", default=",".join([*PLANTED, "cifar_human"]))
    parser.add_argument("--noise", default="even,class", help="planted noise: even, class")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--n", type=int, default=10_000, help="images of cifar_human")
    args = parser.parse_args()
    for name in args.sets.split(","):
        for noise in ("human",) if name == "cifar_human" else args.noise.split(","):
            rows: list[dict[str, float | str]] = []
            for seed in range(args.first_seed, args.first_seed + args.seeds):
                human = noise == "human"
                case = cifar_human(args.data, seed, args.n) if human else planted(TASKS[name](args.data), noise, seed)
                rows += rows_of(case, seed)
            show(f"{name}, {noise} noise", case, rows, args.seeds)


if __name__ == "__main__":
    main()
