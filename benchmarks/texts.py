"""Texts with 13 % of the labels moved: words alone, a sentence encoder alone, both as members, cleanlab beside them.

Accuracy is on the true labels; AP and F1 are of the wrong labels that `label_errors` ranks and flags. Sets: AG News,
TREC-6, YouTube spam from --data, and any Parquet or CSV files with the columns text and label named by --more.

Run: python benchmarks/texts.py [--data ../shared/data] [--more FILE ...] [--sizes 200 1000 3000] [--seeds 3]
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from sklearn.metrics import average_precision_score, f1_score

import dqkit as dq
from dqkit.baselines import embed
from dqkit.baselines.embedding.texts import installed_encoder
from dqkit.signals import label_errors

NOISE = 0.13


def texts_of(folder: Path, more: list[Path]) -> dict[str, pd.DataFrame]:
    """Name -> frame with text and label."""
    comments = [pd.read_csv(file) for file in sorted((folder / "youtube_spam").glob("*.csv"))]
    spam = pd.concat(comments).rename(columns={"CONTENT": "text", "CLASS": "label"})
    found = {
        "trec6": pd.read_csv(folder / "trec6.csv"),
        "youtube": spam,
        "ag_news": pd.read_csv(folder / "ag_news_7600.csv"),
    }
    for file in more:
        found[file.stem] = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--more", type=Path, nargs="*", default=[])
    parser.add_argument("--sizes", type=int, nargs="*", default=[200, 1000, 3000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path("work/texts_cache"))
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    settings = {"words": False, "encoder": installed_encoder(), "both": None}
    head = "set           n member       accuracy       AP    F1  F1 cleanlab  CPU s  (mean over seeds; ± of accuracy)"
    print(head, flush=True)
    for name, frame in texts_of(args.data, args.more).items():
        for n in [size for size in args.sizes if size < len(frame)]:
            rows: dict[str, list[tuple[float, ...]]] = {setting: [] for setting in settings}
            for seed in range(args.seeds):
                rng = np.random.default_rng(seed)
                some = frame.iloc[rng.permutation(len(frame))[:n]]
                truth, classes = pd.factorize(some["label"].astype(str), sort=True)
                given = truth.copy()
                moved = rng.random(n) < NOISE
                given[moved] = (given[moved] + rng.integers(1, len(classes), int(moved.sum()))) % len(classes)
                names = [f"class {name}" for name in classes]  # a number alone might be a position
                ds = dq.from_arrays(some["text"].astype(str).tolist(), given, classes=names)
                embed(ds, settings["encoder"], cache_dir=args.cache, progress=False)
                for setting, pretrained in settings.items():
                    began = time.process_time()
                    found = dq.baselines.cross_val_predictions(
                        ds, pretrained=pretrained, seed=seed, progress=False, checkpoint_dir=args.cache / setting
                    )
                    took = time.process_time() - began
                    wrong = label_errors(given, found.member_probs).table
                    peer = find_label_issues(given, found.pred_probs.astype(float))
                    rows[setting].append(
                        (
                            float((found.pred_probs.argmax(axis=1) == truth).mean()),
                            float(average_precision_score(moved, wrong["score"])),
                            float(f1_score(moved, wrong["flag"])),
                            float(f1_score(moved, peer)),
                            took,
                        )
                    )
            for setting, values in rows.items():
                a, p, f, c, t = np.mean(values, axis=0)
                spread = np.std([row[0] for row in values])
                print(
                    f"{name:10s} {n:5d} {setting:9s} {a:.3f} ± {spread:.3f}   {p:.3f}  {f:.3f}  {c:.3f}  {t:8.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
