"""Can one key make the labels worse? A person who only presses Enter, over three rounds of 100, on five sets.

13 % of the labels are made wrong: by flips to any class ("even"), or where a model that knows the truth doubts it, to
the class it takes for the truth ("look-alike"). Every row of the queue is answered by one rule:

- Enter: what Enter takes on the card. Where nothing is suggested (the blind random audit sample, most second opinions),
  Enter does nothing and the person goes on with Space.
- accept: the class that the models like best besides the given one, whatever its probability.
- keep: the given label. It changes nothing, so its column is always 0.

The table counts right labels: those that stood before the round, and what the round added or took.

    python benchmarks/do_no_harm.py --data ../shared/data --seeds 0,1
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import dqkit as dq
from dqkit.relabel import Answer, Card
from dqkit.workbench.labelling import QueueCards

RATE = 0.13
Ints = NDArray[np.int64]


def digits(_: Path) -> tuple[dq.Dataset, NDArray[np.float64]]:
    ds = dq.load_digits()
    return ds, ds.content.reshape(len(ds), -1) / 16.0


def clothing(data: Path) -> tuple[dq.Dataset, NDArray[np.float64]]:
    """1,000 photos at 96 pixels. The truth is the folder; long sleeves, shirts and t-shirts are doubtful in it."""
    from PIL import Image

    pictures, names = [], []
    with zipfile.ZipFile(data / "clothing_1000.zip") as archive:
        for name in sorted(n for n in archive.namelist() if n.lower().endswith((".jpg", ".jpeg", ".png"))):
            with Image.open(io.BytesIO(archive.read(name))) as image:
                pictures.append(np.asarray(image.convert("RGB").resize((96, 96))))
            names.append(Path(name).parent.name)
    classes = sorted(set(names))
    x = np.stack(pictures)
    small = x[:, ::6, ::6].reshape(len(x), -1) / 255.0
    return dq.from_arrays(x, [classes.index(n) for n in names], classes=classes, name="clothing"), small


def texts(file: str, n: int) -> Callable[[Path], tuple[dq.Dataset, NDArray[np.float64]]]:
    def load(data: Path) -> tuple[dq.Dataset, NDArray[np.float64]]:
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        table = pd.read_csv(data / file)
        table = table.drop_duplicates("text").sample(min(n, len(table)), random_state=0)
        classes = sorted(map(str, table["label"].unique()))
        labels = [classes.index(str(v)) for v in table["label"]]
        tfidf = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(table["text"])
        x = TruncatedSVD(100, random_state=0).fit_transform(tfidf)
        return dq.from_arrays(table["text"].tolist(), labels, classes=classes, name=Path(file).stem), x

    return load


def table(_: Path) -> tuple[dq.Dataset, NDArray[np.float64]]:
    """A made table of 1,500 rows and five classes, some of them inseparable."""
    from sklearn.datasets import make_classification

    x, y = make_classification(
        1500, 12, n_informative=8, n_classes=5, n_clusters_per_class=2, class_sep=1.6, flip_y=0.0, random_state=7
    )
    names = [f"f{i}" for i in range(x.shape[1])]
    return dq.from_arrays(pd.DataFrame(x.round(3), columns=names), y, classes=list("abcde"), name="table"), x


def fashion(data: Path) -> tuple[dq.Dataset, NDArray[np.float64]]:
    stored = np.load(data / "fashion_mnist.npz")
    rows = np.random.default_rng(0).permutation(len(stored["y_test"]))[:1500]
    x, y = stored["X_test"][rows], stored["y_test"][rows].astype(np.int64)
    names = [str(n) for n in stored["label_names"]]
    return dq.from_arrays(x, y, classes=names, name="fashion"), x.reshape(len(x), -1)[:, ::4] / 255.0


SETS: dict[str, Callable[[Path], tuple[dq.Dataset, NDArray[np.float64]]]] = {
    "digits": digits,
    "clothing": clothing,
    "trec6": texts("trec6.csv", 1500),
    "table": table,
    "ag_news": texts("ag_news_7600.csv", 1500),
    "fashion": fashion,
}
NOISES = ("even", "look-alike")


def made_wrong(true: Ints, c: int, x: NDArray[np.float64], noise: str, seed: int) -> Ints:
    """The labels with `RATE` of them wrong."""
    rng = np.random.default_rng([seed, NOISES.index(noise)])
    given = true.copy()
    if noise == "even":
        flip = rng.permutation(len(true))[: round(RATE * len(true))]
        given[flip] = (true[flip] + rng.integers(1, c, len(flip))) % c
        return given
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    probs = cross_val_predict(model, x, true, cv=5, method="predict_proba")
    rest = probs.copy()
    rest[np.arange(len(true)), true] = 0
    weight = rest.sum(axis=1) + 0.02
    flip = rng.choice(len(true), round(RATE * len(true)), replace=False, p=weight / weight.sum())
    for i in flip:
        share = rest[i] + 1e-6 * (np.arange(c) != true[i])
        given[i] = rng.choice(c, p=share / share.sum())
    return given


def enter(card: Card, _: dq.Workbench) -> str | None:
    return None if card.mode == "blind" else card.suggested_label


def accept(card: Card, bench: dq.Workbench) -> str | None:
    """The models' best class besides the given one."""
    if card.mode == "blind":
        return None
    found = bench.rounds[-1].predictions
    probs = found.pred_probs[int(bench.dataset.positions([card.sample_id])[0])].copy()
    if card.given_label in found.classes:
        probs[found.classes.index(card.given_label)] = -1
    return found.classes[int(probs.argmax())]


RULES = {"Enter": enter, "accept": accept}


def right(bench: dq.Workbench, true: Ints) -> int:
    return int((bench.dataset_now().labels == true).sum())


def answer_all(bench: dq.Workbench, rule: str) -> None:
    source, number = QueueCards(bench.state), 0
    while cards := source.cards(50, "ana", ()):
        for card in cards:
            label = RULES[rule](card, bench)
            number += 1
            event = f"{bench.rounds[-1].number}-{number}"
            kind = "skip" if label is None else "label"
            source.record(Answer(event, card.sample_id, kind, label), "ana")


def campaign(ds: dq.Dataset, true: Ints, rounds: int, budget: int, seed: int) -> dict[str, list[tuple[int, int, int]]]:
    """Rule -> per round: right labels before, right labels gained (or lost), labels changed."""
    out: dict[str, list[tuple[int, int, int]]] = {}
    folder = Path(tempfile.mkdtemp(prefix="dqkit-harm-"))
    try:
        with dq.Workbench.create(folder / "first", ds) as bench:
            bench.run_round(budget=budget, seed=seed, progress=False)
        for rule in RULES:
            shutil.copytree(folder / "first", folder / rule)
            with dq.Workbench.open(folder / rule) as bench:
                out[rule] = []
                for number in range(rounds):
                    if number:
                        bench.run_round(budget=budget, seed=seed, progress=False)
                    before, labels = right(bench, true), bench.dataset_now().labels.copy()
                    answer_all(bench, rule)
                    changed = int((bench.dataset_now().labels != labels).sum())
                    out[rule].append((before, right(bench, true) - before, changed))
    finally:
        shutil.rmtree(folder)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "../../shared/data")
    parser.add_argument("--sets", default="digits,clothing,trec6,table,ag_news,fashion")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--seeds", default="0,1")
    args = parser.parse_args()
    print(
        f"{'set':<10}{'noise':<12}{'seed':>4}  {'right of n':>12}   Enter: gained (changed) a round" + " " * 10, end=""
    )
    print("accept: gained                keep")
    worse, took = 0, time.process_time()
    for name in args.sets.split(","):
        ds, x = SETS[name](args.data)
        true = ds.labels.copy()
        for noise in NOISES:
            for seed in (int(s) for s in args.seeds.split(",")):
                noisy = ds.with_labels(made_wrong(true, len(ds.classes), x, noise, seed))
                found = campaign(noisy, true, args.rounds, args.budget, seed)
                pressed, taken = found["Enter"], found["accept"]
                worse += sum(gained < 0 for _, gained, _ in pressed)
                shown = "  ".join(f"{gained:+4d} ({changed:3d})" for _, gained, changed in pressed)
                beside = "  ".join(f"{gained:+4d}" for _, gained, _ in taken)
                start = f"{pressed[0][0]:,} of {len(true):,}"
                total = sum(gained for _, gained, _ in pressed)
                print(
                    f"{name:<10}{noise:<12}{seed:>4}  {start:>14}   {shown}  = {total:+4d}     {beside}      0",
                    flush=True,
                )
    print(f"\nRounds in which Enter lowered the number of right labels: {worse}.")
    print(f"{time.process_time() - took:.0f} CPU-s")


if __name__ == "__main__":
    main()
