"""A full audit of features and probabilities: dqkit beside cleanlab's Datalab, CPU time, memory and agreement.

    python benchmarks/audit_vs_datalab.py    # 10,000 and 50,000 x 512 beside Datalab, then growth to 1,000,000 x 128,
                                             # then the label part alone on 1,000,000 x 100 probabilities

Every audit runs in a process of its own on the same made data (200 Gaussian clusters, 10 classes, 10 % of the labels
flipped, 1 % outliers, 1 % near and 1 % exact copies). CPU time is that of the call alone, all threads together, after
the imports and a warm-up on 2,000 rows, which is listed apart. Memory is the peak resident size of the whole process,
imports and data included. Recall is the share of Datalab's neighbours that are found (for the growth table: the recall
that dqkit measures itself on 500 sampled rows).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CLASSES = 10


def make(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features float32 (n, d), labels (n,) and out-of-sample-like probabilities (n, c)."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(200, d)).astype(np.float32)
    cluster = rng.integers(0, 200, n)
    features = rng.standard_normal((n, d), dtype=np.float32)
    features += centre[cluster]
    one = n // 100
    features[:one] += rng.standard_normal((one, d), dtype=np.float32) * 3
    features[one : 2 * one] = features[5 * one : 6 * one]
    features[2 * one : 3 * one] = features[6 * one : 7 * one] + 0.01 * rng.standard_normal((one, d), dtype=np.float32)
    order = rng.permutation(n)
    features, true = features[order], (cluster % CLASSES)[order]
    logits = rng.normal(size=(n, CLASSES))
    logits[np.arange(n), true] += 4
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    flipped = rng.random(n) < 0.1
    labels = np.where(flipped, rng.integers(0, CLASSES, n), true)
    return features, labels, (probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)


def audit_datalab(features: np.ndarray, labels: np.ndarray, probs: np.ndarray) -> dict[str, np.ndarray]:
    from cleanlab import Datalab

    lab = Datalab({"label": labels}, label_name="label", verbosity=0)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lab.find_issues(features=features, pred_probs=probs)
    graph = lab.get_info("statistics")["weighted_knn_graph"]
    return {
        "indices": graph.indices.reshape(len(labels), -1).astype(np.int32),
        "distances": graph.data.reshape(len(labels), -1).astype(np.float32),
        "outlier": lab.get_issues("outlier")["is_outlier_issue"].to_numpy(),
        "near_duplicate": lab.get_issues("near_duplicate")["is_near_duplicate_issue"].to_numpy(),
    }


def audit_dqkit(features: np.ndarray, labels: np.ndarray, probs: np.ndarray, method: Any) -> dict[str, Any]:
    from dqkit.signals import (
        class_balance,
        feature_clusters,
        label_errors,
        neighbors,
        order_test,
        underperforming_groups,
    )

    steps: dict[str, float] = {}

    def timed(name: str, call: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = call()
        steps[name] = time.process_time() - start
        return result

    graph = timed("neighbours", lambda: neighbors(features, 10, method=method))
    timed("labels", lambda: label_errors(labels, probs))
    timed("order", lambda: order_test(graph.indices))
    timed("balance", lambda: class_balance(labels, CLASSES))
    wrong = probs.argmax(axis=1) != labels
    timed("underperforming groups", lambda: underperforming_groups(wrong, {"cluster": feature_clusters(features)}))
    return {
        "indices": graph.indices.astype(np.int32),
        "distances": graph.distances.astype(np.float32),
        "outlier": graph.table["outlier"].to_numpy(),
        "near_duplicate": graph.table["near_duplicate"].to_numpy(),
        "recall": np.float64(graph.recall),
        "steps": np.array(json.dumps(steps)),
    }


def label_part(n: int, c: int, seed: int) -> dict[str, float]:
    """Cost of `label_errors` alone, 10 % of the labels flipped."""
    from dqkit.signals import label_errors

    rng = np.random.default_rng(seed)
    true = rng.integers(0, c, n)
    probs = rng.standard_normal((n, c), dtype=np.float32)
    probs[np.arange(n), true] += 5
    np.exp(probs, out=probs)
    probs /= probs.sum(axis=1, keepdims=True)
    labels = np.where(rng.random(n) < 0.1, rng.integers(0, c, n), true)
    label_errors(labels[:2000], probs[:2000])
    cpu, wall = time.process_time(), time.perf_counter()
    label_errors(labels, probs)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu": cpu, "wall": wall, "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def work(who: str, n: int, d: int, seed: int, out: Path) -> None:
    """One audit in this process; findings to `out`, cost to standard output."""
    if who == "labels":
        np.savez(out)
        print(json.dumps(label_part(n, d, seed)))
        return
    features, labels, probs = make(n, d, seed)
    compile_s = 0.0
    if who == "datalab":
        import cleanlab.datalab.datalab  # noqa: F401 - paid before the clock starts

        call: Callable[[], dict[str, Any]] = lambda: audit_datalab(features, labels, probs)  # noqa: E731
    else:
        start = time.process_time()
        audit_dqkit(features[:2000].copy(), labels[:2000], probs[:2000], who)
        compile_s = time.process_time() - start
        call = lambda: audit_dqkit(features, labels, probs, who)  # noqa: E731
    cpu, wall = time.process_time(), time.perf_counter()
    found = call()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    np.savez(out, **found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"cpu": cpu, "wall": wall, "warm_up": compile_s, "peak_gib": peak}))


def run(who: str, n: int, d: int, seed: int, folder: Path) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    out = folder / f"{who}-{n}-{d}.npz"
    command = [sys.executable, __file__, "--worker", who, str(n), str(d), str(seed), str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    with np.load(out) as found:
        return json.loads(done.stdout.splitlines()[-1]), dict(found)


def agreement(found: dict[str, np.ndarray], peer: dict[str, np.ndarray]) -> str:
    """Share of the peer's neighbours found (a row as near as its k-th counts), and flags that differ."""
    recall = float((found["distances"] <= peer["distances"][:, -1:] + 1e-6).mean())
    apart = {name: int((found[name] != peer[name]).sum()) for name in ("outlier", "near_duplicate")}
    return f"{recall:8.5f}  {apart['outlier']:6d}/{int(peer['outlier'].sum()):<6d} " + (
        f"{apart['near_duplicate']:6d}/{int(peer['near_duplicate'].sum()):<6d}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 50_000], help="rows x 512, beside Datalab")
    parser.add_argument(
        "--growth", type=int, nargs="*", default=[10_000, 50_000, 200_000, 1_000_000], help="rows x 128"
    )
    parser.add_argument("--labels", type=int, nargs="*", default=[1_000_000], help="rows x 100 of the label part")
    parser.add_argument("--methods", nargs="*", default=["exact", "approximate"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        who, n, d, seed, out = given.worker
        work(who, int(n), int(d), int(seed), Path(out))
        return
    print(f"{platform.processor() or platform.machine()}, seed {given.seed}, one run each")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.sizes:
            print(
                f"\n{'n x 512':>9}  {'audit':<12} {'CPU s':>8} {'ratio':>6} {'wall s':>8} {'peak GiB':>8}  "
                f"{'recall':>8}  {'outlier':>13} {'near dup':>13}   flags that differ / Datalab's flags"
            )
        for n in given.sizes:
            base, peer = run("datalab", n, 512, given.seed, folder)
            print(f"{n:>9,}  {'Datalab':<12} {base['cpu']:8.1f} {1:6.1f} {base['wall']:8.1f} {base['peak_gib']:8.2f}")
            for who in given.methods:
                cost, found = run(who, n, 512, given.seed, folder)
                print(
                    f"{n:>9,}  {who:<12} {cost['cpu']:8.1f} {base['cpu'] / cost['cpu']:6.1f} {cost['wall']:8.1f} "
                    f"{cost['peak_gib']:8.2f}  {agreement(found, peer)}   warm-up {cost['warm_up']:.1f} CPU s; "
                    f"neighbours {1e6 * json.loads(str(found['steps']))['neighbours'] / n:.0f} us a row; "
                    f"{found['steps']}",
                    flush=True,
                )
        if given.growth:
            print(f"\n{'n x 128':>9}  {'CPU s':>8} {'us/(n log2 n)':>14} {'wall s':>8} {'peak GiB':>8}  {'recall':>8}")
        for n in given.growth:
            cost, found = run("approximate", n, 128, given.seed, folder)
            per = 1e6 * cost["cpu"] / (n * np.log2(n))
            print(
                f"{n:>9,}  {cost['cpu']:8.1f} {per:14.3f} {cost['wall']:8.1f} {cost['peak_gib']:8.2f}  "
                f"{float(found['recall']):8.4f}   {found['steps']}",
                flush=True,
            )
        if given.labels:
            print(f"\n{'n x 100':>9}  {'CPU s':>8} {'us a row':>9} {'wall s':>8} {'peak GiB':>8}   label_errors alone")
        for n in given.labels:
            cost, _ = run("labels", n, 100, given.seed, folder)
            print(
                f"{n:>9,}  {cost['cpu']:8.1f} {1e6 * cost['cpu'] / n:9.1f} {cost['wall']:8.1f} {cost['peak_gib']:8.2f}"
            )


if __name__ == "__main__":
    main()
