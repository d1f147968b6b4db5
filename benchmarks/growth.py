"""How the stages of a round grow with the number of samples.

    python benchmarks/growth.py                       # 10,000 and 100,000 samples of 32 numbers
    python benchmarks/growth.py --n 100000 1000000    # minutes, and 6 GB of memory

Ten Gaussian classes in 32 dimensions, one label in ten wrong, out-of-sample probabilities made from the distances to
the class centres (so that nothing is trained), a queue of one sample in a hundred, a hundred answers before the rerank.
Prints CPU and wall seconds of each stage, the exponent p of n**p between two sizes from the CPU seconds (n log n is
1.05 to 1.09 at these sizes), and the CPU seconds of a rerank as a share of those of a round.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import dqkit as dq
from dqkit.acquisition import build_queue
from dqkit.findings import Audit, find
from dqkit.near_copies import identical_content
from dqkit.signals import (
    feature_clusters,
    knn_shapley,
    label_errors,
    neighbors,
    order_test,
    signal_table,
    uncertainty,
)

CLASSES, COLUMNS, ANSWERS = 10, 32, 100


def problem(n: int, seed: int = 0) -> tuple[dq.Dataset, dq.Predictions]:
    """A table of n rows and out-of-sample probabilities of its classes."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLASSES, COLUMNS)) * 1.2
    truth = rng.integers(CLASSES, size=n)
    x = (centres[truth] + rng.normal(size=(n, COLUMNS))).astype(np.float32)
    labels = np.where(rng.random(n) < 0.1, rng.integers(CLASSES, size=n), truth)
    far = (x**2).sum(axis=1)[:, None] - 2 * x @ centres.T + (centres**2).sum(axis=1)
    logits = -far / 4
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    names = [f"class {k}" for k in range(CLASSES)]
    ds = dq.from_arrays(x, labels, classes=names, ids=[f"row {i}" for i in range(n)])
    return ds, dq.Predictions.from_arrays(probs, ids=list(ds.ids), classes=names, features=x)


class Clock:
    """CPU and wall seconds by the name of a stage."""

    def __init__(self) -> None:
        self.spent: dict[str, tuple[float, float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.spent[name] = (time.process_time() - cpu, time.perf_counter() - wall)

    def of(self, name: str, work: Callable[[], Any]) -> Any:
        with self.stage(name):
            return work()


def measured(n: int, folder: Path) -> dict[str, tuple[float, float]]:
    clock = Clock()
    ds, predictions = clock.of("loading", lambda: problem(n))
    probs, labels, features = predictions.pred_probs, ds.labels, predictions.features
    graph = clock.of("neighbors", lambda: neighbors(features, 10))
    clock.of("label_errors", lambda: label_errors(labels, probs, neighbors=graph))
    clock.of("knn_shapley", lambda: knn_shapley(labels, graph.indices))
    clock.of("order_test", lambda: order_test(graph.indices))
    clock.of("feature_clusters", lambda: feature_clusters(features))
    clock.of("identical_content", lambda: identical_content(ds))
    clock.of("uncertainty", lambda: uncertainty(probs))
    found = clock.of("signal_table (all of them)", lambda: signal_table(ds, predictions))
    audit = Audit.of(ds, predictions=predictions, signals=found.table, summary=found.summary)
    clock.of("findings", lambda: find(audit))
    clock.of("build_queue", lambda: build_queue(found.table, budget=max(n // 100, 10), predictions=predictions))
    with clock.of("Workbench.create", lambda: dq.Workbench.create(folder / "wb", ds)) as bench:
        budget = max(n // 100, 10)
        clock.of("round", lambda: bench.run_round(budget=budget, predictions=predictions, progress=False))
        for sample_id in bench.open_queue()["sample_id"][: min(ANSWERS, budget // 2)]:
            bench.record(sample_id, "class 0", annotator="ana")
        clock.of("rerank", bench.rerank)
        bench.record(bench.open_queue()["sample_id"].iloc[0], "class 1", annotator="ana")
        clock.of("rerank after one answer", bench.rerank)
        clock.of("labels", bench.labels)
        every = [(sample_id, "label", False) for sample_id in np.random.default_rng(1).permutation(ds.ids)]
        clock.of("store.enqueue of all", lambda: bench.store.enqueue(2, every))
        clock.of("store.queue_states of all", lambda: bench.store.queue_states(2))
    return clock.spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[10_000, 100_000])
    sizes = sorted(parser.parse_args().n)
    with tempfile.TemporaryDirectory() as warm:
        measured(1_000, Path(warm))  # what is imported and compiled at the first call
    spent = {}
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            spent[n] = measured(n, Path(folder))
    print(f"{'CPU / wall seconds':28s}" + "".join(f"{n:>18,}" for n in sizes) + "   exponent")
    for name in spent[sizes[0]]:
        cells = "".join(f"{spent[n][name][0]:10.2f} /{spent[n][name][1]:6.2f}" for n in sizes)
        told = ""
        if len(sizes) > 1:
            first, last = spent[sizes[0]][name][0], spent[sizes[-1]][name][0]
            told = f"{math.log(max(last, 1e-3) / max(first, 1e-3)) / math.log(sizes[-1] / sizes[0]):11.2f}"
        print(f"{name:28s}{cells}{told}")
    for name in ("rerank", "rerank after one answer"):
        shares = [f"{spent[n][name][0] / spent[n]['round'][0]:.2f} at {n:,}" for n in sizes]
        print(f"{name}: CPU seconds as a share of a round's: {', '.join(shares)}")


if __name__ == "__main__":
    main()
