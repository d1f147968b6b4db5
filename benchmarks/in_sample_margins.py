"""Do in-sample margins of a linear head on frozen features find label errors, alone or beside what dqkit does?

Run: python benchmarks/in_sample_margins.py [--data ../shared/data] [--only trec fashion cifar] [--seeds 0]
     python benchmarks/in_sample_margins.py --tables FOLDER --only car    # .csv files, true label last

A logistic head on the features of the default members is trained with six penalties on the given labels (those of
`linear_heads.SHARES`), fold by fold; a sample's margin (the logit of its label less the best other one) is the mean
over all heads trained on it. Labels are moved: 13 % to any class (even), 13 % to the class most confused with it
(alike), 13 % where a model is in doubt (doubt); CIFAR-10 also has one person's labels (human). Printed: average
precision of the margins alone; AP and F1 of `label_errors` without and with them as training history (`dynamics=`),
whether its self-test lets them in, and the gain in AP that the test expects.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import simplejpeg
from label_error_sets import by_doubt
from label_errors import average_precision, f1
from numpy.typing import NDArray

from dqkit.baselines import cross_val_predictions
from dqkit.baselines.linear_heads import SHARES, logistic_folds
from dqkit.datasets import from_arrays, from_table
from dqkit.records import Dataset
from dqkit.signals import label_errors, neighbors

Ints = NDArray[np.int64]
Make = Callable[[Ints], Dataset]
SHARE = 0.13


def names(y: Ints) -> list[str]:
    return [f"k{i:02d}" for i in range(int(y.max()) + 1)]


def of_rows(frame: pd.DataFrame, y: Ints, **what: object) -> Make:
    """Labels -> the dataset of a table with these labels."""

    def make(given: Ints) -> Dataset:
        told = frame.assign(given_label=[f"k{i:02d}" for i in given])
        return from_table(told, label="given_label", classes=names(y), progress=False, **what)  # type: ignore[arg-type]

    return make


def trec(data: Path) -> tuple[Ints, Make, Ints | None]:
    frame = pd.read_csv(data / "trec6.csv")
    frame = frame[frame["split"] == "train"][["text", "label"]].reset_index(drop=True)
    y = pd.factorize(frame["label"], sort=True)[0].astype(np.int64)
    return y, of_rows(frame[["text"]], y, text="text"), None


def fashion(data: Path) -> tuple[Ints, Make, Ints | None]:
    saved = np.load(data / "fashion_mnist.npz")
    at = np.random.default_rng(5).permutation(60_000)[:3000]
    x, y = saved["X_train"][at], saved["y_train"][at].astype(np.int64)
    return y, lambda given: from_arrays(x, given, classes=names(y)), None


def cifar(data: Path) -> tuple[Ints, Make, Ints | None]:
    saved = np.load(data / "cifar10.npz")
    raw, offsets = saved["train_jpeg"].tobytes(), saved["train_offsets"]
    at = np.random.default_rng(6).permutation(50_000)[:4000]
    x = np.stack([simplejpeg.decode_jpeg(raw[offsets[i] : offsets[i + 1]]) for i in at])
    y, human = (saved[name][at].astype(np.int64) for name in ("train_labels", "train_human_labels_random1"))
    return y, lambda given: from_arrays(x, given, classes=names(y)), human


def table(path: Path) -> tuple[Ints, Make, Ints | None]:
    frame = pd.read_csv(path).iloc[:3000]
    y = pd.factorize(frame.iloc[:, -1], sort=True)[0].astype(np.int64)
    return y, of_rows(frame.iloc[:, :-1], y, features=list(frame.columns[:-1])), None


def noisy(y: Ints, clean: NDArray[np.float32], human: Ints | None, seed: int) -> Iterator[tuple[str, Ints]]:
    """Each kind of noise and its labels. clean: (n, c) out-of-sample probabilities under the true labels."""
    rng, c = np.random.default_rng([seed, 7]), clean.shape[1]
    at = rng.permutation(len(y))[: round(SHARE * len(y))]
    given = y.copy()
    given[at] = (y[at] + rng.integers(1, c, len(at))) % c
    yield "even", given
    if c > 2:
        confused = np.stack([clean[y == k].sum(axis=0) for k in range(c)])
        np.fill_diagonal(confused, -1)
        given = y.copy()
        given[at] = confused.argmax(axis=1)[y[at]]
        yield "alike", given
    yield "doubt", by_doubt(y, clean, SHARE, 1.0, rng)
    if human is not None:
        yield "human", human


def margins(features: NDArray[np.float32], given: Ints, folds: Ints, c: int) -> NDArray[np.float32]:
    """(n, penalties) mean in-sample margins of the given label."""
    x = (features / (features.std() + 1e-9)).astype(np.float32)
    total, count = np.zeros((len(x), len(SHARES)), dtype=np.float32), np.zeros((len(x), 1), dtype=np.float32)
    for i, share in enumerate(SHARES):
        heads = logistic_folds(x, given, folds, c, penalty=share * len(x), rounds=60)
        for fold, head in enumerate(heads):
            seen = np.flatnonzero(folds != fold)
            scores = x[seen] @ head[:-1] + head[-1]
            at = np.arange(len(seen)), given[seen]
            own = scores[at].copy()
            scores[at] = -np.inf
            total[seen, i] += own - scores.max(axis=1)
            count[seen] += i == 0
    return total / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--tables", type=Path, default=None)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    sets: dict[str, Callable[[], tuple[Ints, Make, Ints | None]]] = {
        load.__name__: lambda load=load: load(args.data) for load in (trec, fashion, cifar)
    }
    for path in sorted(args.tables.glob("*.csv")) if args.tables else []:
        sets[path.stem] = lambda path=path: table(path)
    print(f"{'set':18s} noise  seed wrong | margins alone: AP | AP, F1 without | AP, F1 with | let in, expected gain")
    for name, load in sets.items():
        if args.only and name not in args.only:
            continue
        y, make, human = load()
        clean = cross_val_predictions(make(y), progress=False).pred_probs
        for seed in args.seeds:
            for noise, given in noisy(y, clean, human, seed):
                wrong = given != y
                out = cross_val_predictions(make(given), seed=seed, progress=False)
                graph, own = neighbors(out.features), dict(out.dynamics)
                head = margins(out.features, given, out.folds, clean.shape[1])
                before = label_errors(given, out.member_probs, neighbors=graph, dynamics=own or None, seed=seed)
                history = own | {"head_margins": head}
                after = label_errors(given, out.member_probs, neighbors=graph, dynamics=history, seed=seed)
                said = [
                    f"{average_precision(found.table['score'].to_numpy(), wrong):.3f} "
                    f"{f1(found.table['flag'].to_numpy(), wrong):.3f}"
                    for found in (before, after)
                ]
                test = after.families[-1]
                alone = average_precision(-head.mean(axis=1), wrong)
                print(
                    f"{name[:18]:18s} {noise:6s} {seed:4d} {wrong.mean():5.3f} | {alone:.3f} | {' | '.join(said)} | "
                    f"{'yes' if test.used else 'no'} {test.gain:+.4f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
