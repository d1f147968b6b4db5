"""Which members find wrong labels in tables: the default three, other boosting, LightGBM, and each joined to the three.

Run: python benchmarks/tables.py [--tables FOLDER] [--only NAME ...] [--seeds 0 1] [--rate 0.13]
FOLDER holds tables as .csv, whose last column is the true label; scikit-learn's breast cancer, wine and digits are
always there. A share of the labels (--rate) is moved to another class: any (uniform), or, where there are more than
two, the one that a model confuses most with it (look-alike). Five folds are fitted on these labels. Printed, for every
set of members: accuracy on the true labels, AP and F1 of `dqkit.signals.label_errors`, CPU seconds of its fits; at the
end the means and how often each is better than the default. LightGBM is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
from label_errors import average_precision, f1
from numpy.typing import NDArray
from sklearn import datasets as bundled

from dqkit.baselines import cross_val_predictions
from dqkit.baselines.calibration import fit_calibration, pool_exponents
from dqkit.baselines.members import Member, Predict
from dqkit.baselines.tables import TableRepresentation
from dqkit.datasets import from_table
from dqkit.records import Dataset
from dqkit.signals import label_errors

Ints = NDArray[np.int64]
DEFAULT = ("boosting", "forest", "linear")
CHOICES = {
    "default": DEFAULT,
    "default + slow": (*DEFAULT, "slow"),
    "slow for boosting": ("slow", "forest", "linear"),
    "default + lightgbm": (*DEFAULT, "lightgbm"),
    "lightgbm for boosting": ("lightgbm", "forest", "linear"),
    "boosting": ("boosting",),
    "slow": ("slow",),
    "lightgbm": ("lightgbm",),
}


def slow(view: TableRepresentation, fold: int, seed: int) -> Predict:
    """scikit-learn's boosting set for wrong labels: half the rate, twice the steps, half of the columns a split."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=2 * int(np.clip(300 // view.task.n_classes, 30, 100)),
        learning_rate=0.05,
        max_leaf_nodes=15,
        min_samples_leaf=int(np.clip(len(view.task.training(fold)) // 50, 3, 20)),
        max_features=0.5,
        l2_regularization=1.0,
        early_stopping=False,
        categorical_features=view.encoded.categorical,
        random_state=seed % 2**31,
    )
    return view._fit(model, view.encoded.ordinal, fold)


def light(view: TableRepresentation, fold: int, seed: int) -> Predict:
    """LightGBM with as many steps as `slow`, on four fifths of the rows a step and half of the columns a split."""
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(
        n_estimators=2 * int(np.clip(300 // view.task.n_classes, 30, 100)),
        learning_rate=0.05,
        num_leaves=15,
        min_child_samples=int(np.clip(len(view.task.training(fold)) // 50, 3, 20)),
        subsample=0.8,
        subsample_freq=1,
        feature_fraction_bynode=0.5,
        reg_lambda=1.0,
        random_state=seed % 2**31,
        n_jobs=1,
        verbose=-1,
    )
    return view._fit(model, view.encoded.ordinal, fold)


def more_members(seconds: dict[str, float]) -> Callable[[TableRepresentation], list[Member]]:
    """The default members and the others; the CPU seconds of each one's fits are added up in `seconds`."""
    default = TableRepresentation.members

    def members(view: TableRepresentation) -> list[Member]:
        found = default(view)
        found.append(Member("slow", lambda fold, seed: slow(view, fold, seed), {}))
        if find_spec("lightgbm") is not None:
            found.append(Member("lightgbm", lambda fold, seed: light(view, fold, seed), {}))
        return [replace(member, fit=timed(member)) for member in found]

    def timed(member: Member) -> Callable[[int, int], Predict]:
        def fit(fold: int, seed: int) -> Predict:
            start = time.process_time()
            out = member.fit(fold, seed)
            seconds[member.name] = seconds.get(member.name, 0.0) + time.process_time() - start
            return out

        return fit

    return members


def sets(folder: Path | None) -> Iterator[tuple[str, pd.DataFrame, Ints]]:
    """Name, columns and true classes of each table."""
    for name in ("breast_cancer", "wine", "digits"):
        x, y = getattr(bundled, f"load_{name}")(return_X_y=True)
        yield name, pd.DataFrame(x).add_prefix("c"), y.astype(np.int64)
    for path in sorted(folder.glob("*.csv")) if folder else []:
        frame = pd.read_csv(path)
        yield path.stem, frame.iloc[:, :-1], pd.factorize(frame.iloc[:, -1], sort=True)[0].astype(np.int64)


def dataset(frame: pd.DataFrame, labels: Ints) -> Dataset:
    names = [str(name) for name in frame.columns]
    told = frame.assign(given=[f"k{i:02d}" for i in labels])
    classes = [f"k{i:02d}" for i in range(int(labels.max()) + 1)]
    return from_table(told, label="given", features=names, classes=classes, progress=False)


def flipped(frame: pd.DataFrame, true: Ints, rate: float, look_alike: bool, seed: int) -> Ints:
    """The labels with a share of them moved."""
    rng = np.random.default_rng([seed, int(look_alike)])
    c = int(true.max()) + 1
    given = true.copy()
    at = rng.permutation(len(true))[: round(rate * len(true))]
    if not look_alike:
        given[at] = (true[at] + rng.integers(1, c, len(at))) % c
        return given
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(n_estimators=100, min_samples_leaf=3, random_state=seed)
    probs = cross_val_predictions(dataset_of_numbers(frame, true), model, seed=seed, progress=False).pred_probs
    confused = np.zeros((c, c))
    for k in range(c):
        confused[k] = probs[true == k].sum(axis=0)
        confused[k, k] = -1
    given[at] = confused.argmax(axis=1)[true[at]]
    return given


def dataset_of_numbers(frame: pd.DataFrame, labels: Ints) -> Dataset:
    """Categories as codes, missing values as -1: enough for a model that only says which classes are alike."""
    codes = {str(k): v if pd.api.types.is_numeric_dtype(v) else pd.factorize(v)[0] for k, v in frame.items()}
    return dataset(pd.DataFrame(codes).astype(float).fillna(-1.0), labels)


def judged(probs: NDArray[np.float32], given: Ints, true: Ints) -> tuple[float, float, float]:
    """Accuracy on the truth, AP and F1 of what is said of these members, pooled as `cross_val_predictions` pools."""
    logs = np.log(np.maximum(probs, 1e-7))
    weights = pool_exponents(logs, given)
    mean = np.tensordot((weights / weights.sum()).astype(np.float32), logs, axes=1)
    pooled = fit_calibration(mean, given)(mean)
    found = label_errors(given, probs).table
    wrong = given != true
    return (
        float((pooled.argmax(axis=1) == true).mean()),
        average_precision(found["score"].to_numpy(), wrong),
        f1(found["flag"].to_numpy(), wrong),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=None)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--rate", type=float, default=0.13)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    lines: list[dict[str, Any]] = []
    print(f"{'table':18s} {'noise':10s} {'members':22s} accuracy     AP     F1  CPU-s")
    for name, frame, true in sets(args.tables):
        if args.only and name not in args.only:
            continue
        for seed in args.seeds:
            for look_alike in (False, True) if true.max() > 1 else (False,):
                given = flipped(frame, true, args.rate, look_alike, seed)
                seconds: dict[str, float] = {}
                with mock.patch.object(TableRepresentation, "members", more_members(seconds)):
                    out = cross_val_predictions(dataset(frame, given), seed=seed, progress=False)
                place = {member: i for i, member in enumerate(out.members)}
                for choice, members in CHOICES.items():
                    if not all(member in place for member in members):
                        continue
                    figures = judged(out.member_probs[[place[m] for m in members]], given, true)
                    spent = sum(seconds[m] for m in members)
                    noise = "look-alike" if look_alike else "uniform"
                    print(f"{name:18s} {noise:10s} {choice:22s} {' '.join(f'{v:6.3f}' for v in figures)} {spent:6.1f}")
                    lines.append(
                        dict(zip(("accuracy", "AP", "F1"), figures, strict=True))
                        | {"members": choice, "on": (name, noise, seed), "seconds": spent}
                    )
    summary(pd.DataFrame(lines))


def summary(table: pd.DataFrame) -> None:
    """Means over the tables, and differences from the default: mean, worst, and on how many it is ahead."""
    own = table[table.members == "default"].set_index("on")
    print(f"\n{'members':22s} accuracy     AP     F1  CPU-s | minus default: mean, worst, ahead in, behind in")
    for choice, part in table.groupby("members", sort=False):
        part = part.set_index("on")
        said = []
        for figure in ("accuracy", "AP", "F1"):
            gain = part[figure] - own[figure]
            said.append(f"{figure} {gain.mean():+.4f} {gain.min():+.3f} {(gain > 0.002).sum()} {(gain < -0.002).sum()}")
        means = " ".join(f"{part[figure].mean():6.3f}" for figure in ("accuracy", "AP", "F1"))
        print(f"{choice!s:22s} {means} {part.seconds.mean():6.1f} | {'; '.join(said)}; of {len(part)}")


if __name__ == "__main__":
    main()
