"""Weak labels beside the majority vote and Snorkel's label model as it comes: real votes, then simulated functions.

    python benchmarks/weak_labels.py [--data ../shared/data] [--seeds 20]

YouTube spam (two classes, ten published functions): the votes on the training comments; as trusted labels none, a share
of the training comments (the others are judged), or the 120 comments set aside for that, whose end model is judged on
the test comments: TF-IDF and logistic regression, every comment twice, weighted by its probabilities.
Simulated: functions that vote on any class or on one alone; even or skewed classes; independent, or each third one
mostly a copy of its neighbour; without trusted labels and with 5 %.
Per row: accuracy of the most probable label / mean log-loss, on the covered samples without a trusted label. A vote
share of 0 counts as .001.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import vstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from snorkel.labeling.model import LabelModel

from dqkit.weak_labels import label_model

Probs = NDArray[np.float64]
Ints = NDArray[np.int64]


def majority(votes: Ints, classes: int, dev: Ints) -> Probs:
    counts = np.stack([(votes == c).sum(axis=1) for c in range(classes)], axis=1)
    counts = counts + (counts.sum(axis=1, keepdims=True) == 0)
    return counts / counts.sum(axis=1, keepdims=True)


def snorkel(votes: Ints, classes: int, dev: Ints) -> Probs:
    """As its tutorials fit it: 500 epochs, the class balance from trusted labels where all classes have one."""
    model = LabelModel(cardinality=classes, verbose=False)
    known = dev[dev >= 0]
    every_class = len(np.unique(known)) == classes
    model.fit(votes, Y_dev=known if every_class else None, n_epochs=500, seed=0, progress_bar=False)
    return np.asarray(model.predict_proba(votes))


def ours(votes: Ints, classes: int, dev: Ints) -> Probs:
    return label_model(votes, classes, dev_labels=dev).probs


METHODS = {"majority": majority, "Snorkel": snorkel, "dqkit": ours}


def judged(votes: Ints, truth: Ints, classes: int, dev: Ints) -> dict[str, tuple[float, float, float]]:
    """Accuracy, log-loss and CPU seconds of each method; ties are broken at random."""
    asked = (votes >= 0).any(axis=1) & (dev < 0)
    out = {}
    for name, method in METHODS.items():
        began = time.process_time()
        probs = method(votes, classes, dev)[asked]
        spent = time.process_time() - began
        noise = 1e-9 * np.random.default_rng(0).random(probs.shape)
        right = ((probs + noise).argmax(axis=1) == truth[asked]).mean()
        loss = -np.log(np.clip(probs[np.arange(len(probs)), truth[asked]], 1e-3, 1)).mean()
        out[name] = float(right), float(loss), spent
    return out


def simulated(
    classes: int, functions: int, *, one_class: bool, skewed: bool, copies: bool, seed: int, n: int = 1500
) -> tuple[Ints, Ints]:
    """Votes and truth; accuracies between .55 and .95, each function reaches four in ten samples."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, classes + 1) ** float(skewed)
    share /= share.sum()
    truth = rng.choice(classes, n, p=share)
    votes = np.full((n, functions), -1)
    for j, right in enumerate(rng.uniform(0.55, 0.95, functions)):
        if one_class:
            k = j % classes
            wrongly = 0.4 * share[k] * (1 - right) / right / (1 - share[k])
            votes[rng.random(n) < np.where(truth == k, 0.4, wrongly), j] = k
        else:
            said = np.where(rng.random(n) < right, truth, rng.integers(0, classes, n))
            votes[:, j] = np.where(rng.random(n) < 0.4, said, -1)
        if copies and j % 3 == 2:
            same = rng.random(n) < 0.7
            votes[same, j] = votes[same, j - 1]
    return votes, truth


def end_model(texts: list[str], probs: Probs, test_texts: list[str], test_labels: Ints) -> float:
    """Test accuracy after training on every text once a class, weighted by its probability."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(texts)
    classes = probs.shape[1]
    model = LogisticRegression(max_iter=1000, C=10).fit(
        vstack([words.transform(texts)] * classes),
        np.repeat(np.arange(classes), len(texts)),
        sample_weight=probs.T.ravel(),
    )
    return float((model.predict(words.transform(test_texts)) == test_labels).mean())


def shown(rows: list[dict[str, tuple[float, float, float]]], *, spread: bool = False) -> str:
    """Means over the rows; with `spread`, the standard deviation of the accuracies too."""

    def one(name: str) -> str:
        right, loss = (np.array([row[name][i] for row in rows]) for i in (0, 1))
        around = f" +- {right.std(ddof=1):.3f}" if spread and len(rows) > 1 else ""
        return f"{name} {right.mean():.3f}{around} / {loss.mean():.3f}"

    return "   ".join(one(name) for name in METHODS)


def youtube(folder: Path, seeds: int) -> None:
    parts = {}
    for name in ("train", "valid", "test"):
        rows = list(json.loads((folder / f"{name}.json").read_text()).values())
        votes = np.array([row["weak_labels"] for row in rows])
        parts[name] = [row["data"]["text"] for row in rows], votes, np.array([row["label"] for row in rows])
    texts, votes, truth = parts["train"]
    print(f"YouTube spam, {len(texts):,} comments, {(votes >= 0).any(axis=1).sum():,} with a vote; accuracy / log-loss")
    for share in (0.0, 0.02, 0.08, 0.3):
        rows = []
        for seed in range(seeds if share else 1):
            known = np.random.default_rng([seed, 1]).random(len(truth)) < share
            rows.append(judged(votes, truth, 2, np.where(known, truth, -1)))
        print(f"  {share:4.0%} trusted, {len(rows)} draw(s):  {shown(rows, spread=True)}")
    _, valid_votes, valid = parts["valid"]
    every = np.concatenate([votes, valid_votes])
    dev = np.concatenate([np.full(len(votes), -1), valid])
    covered = (votes >= 0).any(axis=1)
    kept = [text for text, on in zip(texts, covered, strict=True) if on]
    print(f"  {len(valid)} others trusted:  {shown([judged(every, np.concatenate([truth, valid]), 2, dev)])}")
    ends = {
        name: end_model(kept, method(every, 2, dev)[: len(votes)][covered], parts["test"][0], parts["test"][2])
        for name, method in METHODS.items()
    }
    print("  test accuracy of the end model:  " + "   ".join(f"{name} {value:.3f}" for name, value in ends.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "../../shared/data")
    parser.add_argument("--seeds", type=int, default=20, help="draws of the trusted YouTube comments")
    args = parser.parse_args()
    youtube(args.data / "youtube_spam", args.seeds)
    groups, everything = defaultdict(list), []
    seed = 0
    for classes, functions in ((2, 5), (2, 10), (4, 8), (10, 10), (10, 20)):
        for one_class in (False, True):
            for skewed in (False, True):
                for copies in (False, True):
                    for share in (0.0, 0.05):
                        seed += 1
                        votes, truth = simulated(
                            classes, functions, one_class=one_class, skewed=skewed, copies=copies, seed=seed
                        )
                        known = np.random.default_rng([seed, 1]).random(len(truth)) < share
                        row = judged(votes, truth, classes, np.where(known, truth, -1))
                        groups[one_class, skewed, share].append(row)
                        everything.append(row)
    print(f"simulated, {seed} settings; accuracy / log-loss")
    for (one_class, skewed, share), rows in groups.items():
        said = "one class each" if one_class else "any class"
        print(f"  {said:14s} {'skewed' if skewed else 'even':6s} {share:3.0%} trusted ({len(rows)}):  {shown(rows)}")
    print(f"  all ({len(everything)}):  {shown(everything)}")
    seconds = {name: sum(row[name][2] for row in everything) for name in METHODS}
    print("  CPU seconds:  " + "   ".join(f"{name} {value:.1f}" for name, value in seconds.items()))


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Snorkel 0.10 uses names that newer torch and numpy deprecate
        main()
