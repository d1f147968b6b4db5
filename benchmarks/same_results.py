"""What fixed seeds give: digests of the picks and flags of small rounds, to compare before and after a change.

python benchmarks/same_results.py > before.txt      # then again with the changed code, and compare the two
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import dqkit as dq
from dqkit.acquisition import select
from dqkit.signals import label_errors


def digest(value: Any) -> str:
    """Twelve letters that differ where the values differ in the sixth digit."""
    text = json.dumps(value, sort_keys=True, default=lambda v: v.item() if hasattr(v, "item") else str(v))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def rounded(values: Any) -> list[Any]:
    return [None if v is None else f"{float(v):.6g}" for v in values]


def made_texts(n: int = 600) -> dq.Dataset:
    rng = np.random.default_rng(1)
    words = [[f"{stem}{i}" for i in range(30)] for stem in ("sun", "rain", "snow")]
    truth = rng.integers(0, 3, n)
    texts = [" ".join(rng.choice(words[c], 5)) + " " + " ".join(rng.choice(words[(c + 1) % 3], 3)) for c in truth]
    given = np.where(rng.random(n) < 0.1, (truth + 1) % 3, truth)
    return dq.from_arrays(texts, [f"c{c}" for c in given])


def made_table(n: int = 900) -> dq.Dataset:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 4, n)
    rows = rng.normal(size=(n, 6)) + np.eye(4, 6)[truth] * 2.5
    given = np.where(rng.random(n) < 0.15, rng.integers(0, 4, n), truth)
    labels = np.where(rng.random(n) < 0.3, -1, given)
    return dq.from_arrays(rows, labels, classes=["a", "b", "c", "d"])


def round_lines(name: str, dataset: dq.Dataset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wb = dq.Workbench.create(Path(folder) / "wb", dataset)
        for number in (1, 2):
            rnd = wb.run_round(budget=40, seed=3, progress=False)
            queue, table = rnd.queue, rnd.signals
            print(f"{name} round {number} picks   {digest(queue[['sample_id', 'action']].to_numpy().tolist())}")
            print(f"{name} round {number} scores  {digest(rounded(queue['score']))}")
            print(f"{name} round {number} flags   {digest(table.index[table['label_flag'].eq(True)].tolist())}")
            figures = {k: float(f"{v:.6g}") for k, v in sorted(rnd.metrics.items()) if isinstance(v, int | float)}
            print(f"{name} round {number} figures {json.dumps(figures)}")
            for row in queue.head(25).itertuples():
                if row.suggested_label is not None:
                    wb.record(row.sample_id, row.suggested_label, annotator="ana")
        wb.close()


def pure_lines() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 5, 3000)
    logits = rng.normal(size=(3, 3000, 5)) + 2.2 * np.eye(5)[truth]
    probs = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    given = np.where(rng.random(3000) < 0.12, rng.integers(0, 5, 3000), truth)
    for how, array in (("members", probs), ("one", probs[0])):
        found = label_errors(given, array)
        flags = np.flatnonzero(found.table["flag"])
        print(f"label_errors {how} flags {digest(flags.tolist())} n={len(flags)} rate={found.noise_rate:.6g}")
        print(f"label_errors {how} order {digest(found.table['score'].rank().astype(int).tolist())}")
    features = rng.normal(size=(400, 12)) + 3 * np.eye(5, 12)[truth[:400]]
    labeled = np.zeros(400, dtype=bool)
    labeled[:20] = True
    for strategy in ("auto", "margin", "typiclust", "badge", "coreset", "maxherding"):
        try:
            picks = select(
                strategy,
                20,
                features=features,
                pred_probs=probs[0, :400],
                member_probs=probs[:, :400],
                labeled=labeled,
                labels=np.where(labeled, truth[:400], -1),
                seed=0,
            )
        except dq.InputError as error:
            print(f"select {strategy}: {error}")
            continue
        print(f"select {strategy} {digest([int(i) for i in picks])}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    pure_lines()
    round_lines("digits", dq.load_digits(label_noise=0.1, unlabeled=0.5, seed=0))
    round_lines("texts", made_texts())
    round_lines("table", made_table())
