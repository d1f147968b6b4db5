"""How often anything is flagged where the labels are pure chance, and whether informative predictions stay judged.

Three tables: labels shuffled against probabilities that know nothing of them (a user's own), labels shuffled against
features (cross-validated logistic regression), and predictions that know the truth under heavy noise. "before" is the
same finding without the test against chance. The last table is the check of the order of the columns: false alarms
under noise, and how often a wrong order is seen.

Run: python benchmarks/at_chance.py [--repeats 20]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from dqkit.checks import SwappedColumns, check_column_order
from dqkit.signals.label_noise import judging as finding

SIZES = ((30, 2), (30, 5), (100, 2), (100, 10), (300, 3), (300, 20), (1000, 5), (3000, 2), (3000, 20))


def draws(repeats: int) -> Iterator[np.random.Generator]:
    return (np.random.default_rng([7, seed]) for seed in range(repeats))


def before(labels: NDArray[np.int64], probs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The flags without the test against chance."""
    test = finding.tells_of_labels
    finding.tells_of_labels = lambda *_: True
    try:
        return flags(labels, probs)
    finally:
        finding.tells_of_labels = test


def flags(labels: NDArray[np.int64], probs: NDArray[np.float64]) -> NDArray[np.bool_]:
    members = np.asarray(probs, dtype=np.float32)[None]
    found = finding.judged_errors(members, labels, None, {}, 0, in_order=True)
    return np.asarray(found.table["flag"], dtype=bool)


def own(rng: np.random.Generator, n: int, c: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return rng.integers(0, c, n), rng.dirichlet(np.full(c, 0.7), size=n)


def trained(rng: np.random.Generator, n: int, c: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Shuffled labels, two of each class at least, and cross-validated probabilities from features of pure noise."""
    labels = rng.permutation(np.arange(n) % c)
    model = LogisticRegression(max_iter=200)
    folds = StratifiedKFold(min(3, n // c), shuffle=True, random_state=0)
    return labels, cross_val_predict(model, rng.normal(size=(n, 5)), labels, cv=folds, method="predict_proba")


def informed(
    rng: np.random.Generator, n: int, c: int, rate: float, *, pairs: bool, sharpness: float, knows_noise: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels and probabilities of a model that knows the truth to some sharpness.

    pairs: a share `rate` of the labels is the next class; else that share is drawn anew among all classes.
    """
    truth = rng.integers(0, c, n)
    matrix = (1 - rate) * np.eye(c) + (rate * np.roll(np.eye(c), 1, axis=1) if pairs else rate / c)
    labels = (rng.random(n)[:, None] > matrix[truth].cumsum(axis=1)).sum(axis=1).clip(0, c - 1)
    logits = rng.normal(size=(n, c)) + sharpness * np.eye(c)[truth]
    clean = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, clean @ matrix if knows_noise else clean


def chance_tables(repeats: int) -> None:
    for title, make in (("own probabilities that know nothing", own), ("cross-validated, features of noise", trained)):
        print(f"\n{title}: runs with any flag, and mean share of rows flagged; {repeats} runs a line")
        print(f"{'n':>6} {'c':>4} {'any, before':>12} {'any, now':>9} {'share, before':>14} {'share, now':>11}")
        total, any_flag = np.zeros((2, 2)), np.zeros(2, dtype=int)
        for n, c in SIZES:
            sums = np.zeros((2, 2))
            for rng in draws(repeats):
                labels, probs = make(rng, n, c)
                for at, flagged in enumerate((before(labels, probs), flags(labels, probs))):
                    sums[at] += flagged.any(), flagged.mean()
            total += sums / repeats / len(SIZES)
            any_flag += sums[:, 0].astype(int)
            (any0, share0), (any1, share1) = sums / repeats
            print(f"{n:>6} {c:>4} {any0:>12.0%} {any1:>9.0%} {share0:>14.1%} {share1:>11.1%}")
        print(f"{'all':>11} {total[0, 0]:>12.0%} {total[1, 0]:>9.1%} {total[0, 1]:>14.1%} {total[1, 1]:>11.2%}")
        print(f"runs with any flag: {any_flag[0]} of {repeats * len(SIZES)} before, {any_flag[1]} now")


def informed_table(repeats: int) -> None:
    print(f"\ninformative predictions: runs that are judged; {repeats} runs a line")
    for n, c, rate, pairs, sharpness in (
        *((n, c, rate, False, 3.0) for n, c in ((60, 2), (300, 3), (1000, 10)) for rate in (0.1, 0.4)),
        *((n, 10, 0.7, False, 3.0) for n in (300, 1000)),
        *((1000, 10, rate, True, 3.0) for rate in (0.4, 0.45)),
        *((n, 2, 0.0, False, 4.0) for n in (8, 12, 20)),
    ):
        judged = 0
        for rng in draws(repeats):
            labels, probs = informed(rng, n, c, rate, pairs=pairs, sharpness=sharpness, knows_noise=True)
            judged += bool(finding.tells_of_labels(probs[None].astype(np.float32), labels))
        print(f"n {n:>5}, c {c:>3}, {'pair flips' if pairs else 'even noise'} {rate:.0%}: {judged / repeats:.0%}")


def order_table(repeats: int) -> None:
    print(f"\norder of the columns: refused, warned of; {repeats} runs a line, n 60 to 3,000, c 2 to 20")
    for title, rate, pairs, sharpness, knows, order in (
        ("in order, even noise 70 %, model of the truth", 0.7, False, 3.0, False, None),
        ("in order, even noise 70 %, model of the labels", 0.7, False, 3.0, True, None),
        ("in order, pair flips 40 %, model of the truth", 0.4, True, 3.0, False, None),
        ("in order, pair flips 50 %, model of the truth", 0.5, True, 3.0, False, None),
        ("in order, pair flips 60 %, model of the truth", 0.6, True, 3.0, False, None),
        ("in order, pair flips 60 %, model of the labels", 0.6, True, 3.0, True, None),
        ("in order, weak model, even noise 20 %", 0.2, False, 0.5, False, None),
        ("in order, model of nothing", 0.2, False, 0.0, False, None),
        ("sorted as text, even noise 5 %", 0.05, False, 3.0, False, "text"),
        ("sorted as text, even noise 40 %", 0.4, False, 3.0, False, "text"),
        ("reversed, even noise 20 %", 0.2, False, 3.0, False, "reversed"),
        ("two columns exchanged, even noise 10 %", 0.1, False, 3.0, False, "two"),
    ):
        refused = warned = runs = 0
        for n, c in ((60, 2), (60, 12), (300, 3), (300, 12), (1000, 12), (3000, 2), (3000, 20)):
            if order in ("text", "two") and c < 4:
                continue
            for rng in draws(repeats):
                labels, probs = informed(rng, n, c, rate, pairs=pairs, sharpness=sharpness, knows_noise=knows)
                columns = list(range(c))
                if order == "text":
                    columns.sort(key=str)
                elif order == "reversed":
                    columns.reverse()
                elif order == "two":
                    columns[1], columns[2] = 2, 1
                runs += 1
                with warnings.catch_warnings(record=True) as heard:
                    warnings.simplefilter("always")
                    try:
                        check_column_order(probs[:, columns].argmax(axis=1), labels, c)
                    except SwappedColumns:
                        refused += 1
                warned += bool(heard)
        print(f"{title:<50} refused {refused / runs:>6.1%}  warned {warned / runs:>6.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    repeats = parser.parse_args().repeats
    order_table(repeats)
    informed_table(repeats)
    chance_tables(repeats)


if __name__ == "__main__":
    main()
