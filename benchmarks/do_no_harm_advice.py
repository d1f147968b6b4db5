"""Does the interval of `wb.advice()` hold the true number of wrong labels left? Forty simulated campaigns.

    python benchmarks/do_no_harm_advice.py --data ../shared/data

Each campaign takes a set with known labels, plants errors, and runs two rounds of 100 answers by a person who may err.
After each round it compares what advice says is left with the truth. Beside it stand the random audit sample alone and
the model alone. The sets, their rows and the draws are others than those that the constant in
`dqkit/signals/label_noise/wrong_labels.py` was chosen on.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from label_error_sets import by_class, by_doubt, even, sparse

import dqkit as dq
from dqkit.acquisition import control_estimates
from dqkit.workbench import evidence

Made = tuple[Any, np.ndarray, list[str]]
KINDS, RATES, ERRS = ("even", "doubt", "class"), (0.03, 0.08, 0.2), (0.0, 0.02, 0.05)


def ag_news(data: Path) -> Made:
    frame = pd.read_csv(data / "ag_news_7600.csv").sample(1000, random_state=1)
    names = sorted(map(str, frame["label"].unique()))
    return list(frame["text"]), np.array([names.index(str(value)) for value in frame["label"]]), names


def fashion(data: Path) -> Made:
    with np.load(data / "fashion_mnist.npz") as file:
        rows = 30_000 + np.random.default_rng(1).permutation(30_000)[:1000]
        return file["X_train"][rows], file["y_train"][rows].astype(np.int64), [f"class {k}" for k in range(10)]


def spam(data: Path) -> Made:
    frames = [pd.read_csv(file) for file in sorted((data / "youtube_spam").glob("*.csv"))]
    frame = pd.concat(frames).drop_duplicates("CONTENT").sample(1000, random_state=1)
    return list(frame["CONTENT"]), frame["CLASS"].to_numpy(np.int64), ["fine", "spam"]


def tumours(data: Path) -> Made:
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    return found.data.astype(np.float32), found.target.astype(np.int64), ["malignant", "benign"]


def made(data: Path) -> Made:
    from sklearn.datasets import make_classification

    x, y = make_classification(1000, 15, n_informative=8, n_classes=3, class_sep=1.0, random_state=11)
    return x.astype(np.float32), y.astype(np.int64), ["a", "b", "c"]


SETS: tuple[Callable[[Path], Made], ...] = (ag_news, fashion, spam, tumours, made)


def planted(
    x: Any, y: np.ndarray, names: list[str], kind: str, rate: float, doubt: np.ndarray, seed: int
) -> np.ndarray:
    rng = np.random.default_rng([seed, 17])
    if kind == "even":
        return by_class(y, even(len(names), rate), rng)
    if kind == "class":
        return by_class(y, sparse(len(names), rate, 0.5 if len(names) > 2 else 0.0, seed + 100), rng)
    return by_doubt(y, doubt, rate, 1.5, rng)


def campaign(
    x: Any, y: np.ndarray, names: list[str], given: np.ndarray, err: float, seed: int
) -> list[dict[str, float]]:
    """What was said and what was true after each of two rounds."""
    dataset = dq.from_arrays(x, [names[i] for i in given], classes=names)
    truth = dict(zip(dataset.ids, y, strict=True))
    rng = np.random.default_rng([seed, 18])
    rows = []
    with tempfile.TemporaryDirectory() as folder, dq.Workbench.create(Path(folder) / "wb", dataset) as bench:
        for turn in range(2):
            rnd = bench.run_round(budget=100, seed=seed + turn, progress=False)
            for sample in rnd.queue["sample_id"]:
                answer = int(truth[sample])
                if rng.random() < err:
                    answer = int((answer + 1 + rng.integers(len(names) - 1)) % len(names))
                bench.record(sample, names[answer], annotator="simulated")
            unseen = (bench.labels()["source"] == "given").to_numpy()
            true = int(((y != given) & unseen).sum())
            unseen_by_round = {r.number: int((r.labels_before["source"] == "given").sum()) for r in bench.rounds}
            alone = control_estimates(evidence.answers(bench.state), unseen=unseen_by_round, left=int(unseen.sum()))
            told = rnd.summary["label_errors"]
            model = (float("nan"), 0.0, float(unseen.sum()))
            if "estimated_rate" in told:
                chance = rnd.signals["error_probability"].to_numpy(float)
                ends = [end * chance[unseen].sum() / max(chance.sum(), 1e-12) * len(y) for end in told["interval"]]
                model = (float(chance[unseen].sum()), ends[0], ends[1])
            for who, (value, low, high) in (
                ("advice", bench.advice().control.errors_left),
                ("random sample alone", alone.errors_left),
                ("model alone", model),
            ):
                covers = bool(np.floor(low) <= true <= np.ceil(high))
                rows.append(
                    {"who": who, "round": turn + 1, "true": true, "value": value, "covers": covers, "width": high - low}
                )
            rate = alone.label_error_rate
            rows.append(
                {
                    "who": "rate",
                    "round": turn + 1,
                    "true": float((y != given)[(rnd.labels_before["source"] == "given").to_numpy()].mean()),
                    "value": rate.hits,
                    "width": rate.of,
                    "covers": True,
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of real data sets")
    parser.add_argument("--campaigns", type=int, default=40, metavar="N", help="how many (default 40)")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    begun, wall = time.process_time(), time.time()
    loaded: dict[str, tuple[Any, np.ndarray, list[str], np.ndarray]] = {}
    rows: list[dict[str, Any]] = []
    for k in range(arguments.campaigns):
        load, kind = SETS[k % len(SETS)], KINDS[k % len(KINDS)]
        rate, err = RATES[(k // len(SETS)) % len(RATES)], ERRS[(k // 2) % len(ERRS)]
        if load.__name__ not in loaded:
            x, y, names = load(arguments.data)
            whole = dq.from_arrays(x, [names[i] for i in y], classes=names)
            doubt = dq.cross_val_predictions(whole, progress=False, seed=99).pred_probs
            loaded[load.__name__] = x, y, names, doubt
        x, y, names, doubt = loaded[load.__name__]
        given = planted(x, y, names, kind, rate, doubt, k)
        found = campaign(x, y, names, given, err, k)
        rows += [{"set": load.__name__, "noise": kind, "planted": rate, "err": err, **row} for row in found]
        for row in (row for row in found if row["who"] == "advice"):
            mark = "" if row["covers"] else "  MISSED"
            print(
                f"{load.__name__:10} {kind:6} {rate:4.0%} wrong, person errs {err:3.0%}, round {row['round']}: "
                f"{row['true']:4} left, advice {row['value']:4.0f}, width {row['width']:4.0f}{mark}",
                flush=True,
            )
    table = pd.DataFrame(rows)
    print()
    for who in ("advice", "random sample alone", "model alone"):
        mine = table[table["who"] == who]
        off = (mine["value"] - mine["true"]).abs().mean()
        print(
            f"{who:20} interval covers the truth in {mine['covers'].mean():.1%} of {len(mine)} "
            f"(after round 1 {mine[mine['round'] == 1]['covers'].mean():.1%}, after round 2 "
            f"{mine[mine['round'] == 2]['covers'].mean():.1%}), mean width {mine['width'].mean():.0f}, "
            f"mean distance {off:.0f}"
        )
    # Answers to the random sample against the true rate of what they were drawn from, round 1 of people who never err.
    sure = table[(table["who"] == "rate") & (table["round"] == 1) & (table["err"] == 0)]
    print(
        f"random audit sample, people who never err: {sure['value'].sum():.0f} of {sure['width'].sum():.0f} wrong, "
        f"expected {float((sure['true'] * sure['width']).sum()):.1f}"
    )
    print(f"{time.process_time() - begun:.0f} CPU-s, {time.time() - wall:.0f} s of wall time")


if __name__ == "__main__":
    main()
