"""AG News and TREC-6: five-fold out-of-sample accuracy of the default text members beside TF-IDF + logistic regression.

Run: python benchmarks/baselines_text.py [--data ../shared/data] [--seed 0]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from dqkit.baselines import cross_val_predictions
from dqkit.datasets import from_arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(f"{'dataset':14s} {'n':>6s} {'model':34s} {'accuracy':>9s} {'log-loss':>9s} {'CPU s':>7s} {'wall s':>7s}")
    for name in ("ag_news_7600", "trec6"):
        frame = pd.read_csv(args.data / f"{name}.csv")
        frame = frame[frame["split"] == "train"] if "split" in frame else frame
        ds = from_arrays(frame["text"].astype(str).tolist(), frame["label"].astype(str).tolist())
        plain = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
        for title, estimators in (("dqkit defaults", None), ("TF-IDF + logistic regression", plain)):
            cpu, wall = time.process_time(), time.perf_counter()
            out = cross_val_predictions(ds, estimators, seed=args.seed, progress=False)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            table = out.baselines.set_index("model")
            for model in (*out.members, "ensemble"):
                row = table.loc[model]
                shown = f"{title}: {model}" if estimators is None else title
                if estimators is not None and model == "ensemble":
                    continue
                last = f"{cpu:7.1f} {wall:7.1f}" if model == "ensemble" or estimators is not None else ""
                print(f"{name:14s} {len(ds):6d} {shown:34s} {row['accuracy']:9.4f} {row['log_loss']:9.4f} {last}")


if __name__ == "__main__":
    main()
