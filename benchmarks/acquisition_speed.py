"""CPU seconds and peak memory to select 100 rows from a large pool, beside scikit-activeml where it is installed.

Every query runs in a process of its own, so that its peak memory is its own. Features: 20 Gaussian clusters in 512
dimensions, 50 labelled rows, random probabilities over 10 classes. `build_queue` is the whole queue (all three actions,
half of the rows labelled, `auto` for the new ones).

    python benchmarks/acquisition_speed.py --sizes 10000,50000
    python benchmarks/acquisition_speed.py --sizes 1000000 --dimensions 128 --strategies margin,kcenter,auto,build_queue
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

GOALS = {  # (10,000 rows, 50,000 rows) x 512, CPU seconds
    "kcenter": (0.2, 1.2),
    "badge": (0.4, 2.5),
    "maxherding": (4.0, 90.0),
    "typiclust": (1.5, 3.0),
}

ONE = """
import json, resource, sys, time, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, {folder!r})
import numpy as np
n, d, name = {n}, {dimensions}, {name!r}
rng = np.random.default_rng(0)
centers = 3 * rng.standard_normal((20, d), dtype=np.float32)
which = rng.integers(0, 20, n)
x = rng.standard_normal((n, d), dtype=np.float32)
for start in range(0, n, 10_000):
    x[start : start + 10_000] += centers[which[start : start + 10_000]]
probs = rng.dirichlet(np.ones(10), n).astype(np.float32)
if name == "build_queue":
    import pandas as pd
    from dqkit.acquisition import build_queue
    from dqkit.records import Predictions
    names = [f"c{{k}}" for k in range(10)]
    ids = [f"s{{i:07d}}" for i in range(n)]
    given = np.array(names, dtype=object)[which % 10]
    given[rng.random(n) < 0.5] = None
    score = np.where(pd.isna(given), 0, rng.random(n) ** 8)
    top = np.array(names, dtype=object)[probs.argmax(axis=1)]
    table = pd.DataFrame({{"label_score": score, "label_flag": score > 0.7, "given_label": given}}, index=ids)
    table = table.assign(suggested_label=top, predicted_label=top, least_confidence=1 - probs.max(axis=1))
    predictions = Predictions.from_arrays(probs, ids=ids, classes=names, features=x)
    def query(k, **given):
        return build_queue(table, budget=k, predictions=predictions)["sample_id"]
else:
    from active_learning import ours, peers
    query = {{**ours(), **peers()}}[name]
labels = np.where(np.arange(n) < 50, which % 10, -1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cpu, wall = time.process_time(), time.perf_counter()
picks = query(100, features=x, pred_probs=probs, labeled=labels >= 0, labels=labels, seed=0)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
assert len(set(np.asarray(picks).tolist())) == 100
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([cpu, wall, (after - before) / 1024]))
"""

DEFAULT = (
    "margin,kcenter,badge,typiclust,probcover,maxherding,uncertainty_herding,auto,build_queue,"
    "skactiveml CoreSet,skactiveml BADGE,skactiveml TypiClust,skactiveml ProbCover,skactiveml MaxHerding"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,50000")
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--strategies", default=DEFAULT)
    parser.add_argument("--timeout", type=float, default=900, help="seconds of wall time a query may take")
    args = parser.parse_args()
    print(f"{'rows':>7}  {'strategy':24} {'CPU s':>8} {'wall s':>8} {'added MiB':>10}  goal CPU s")
    for n in (int(v) for v in args.sizes.split(",")):
        for name in args.strategies.split(","):
            code = ONE.format(folder=str(Path(__file__).parent), n=n, dimensions=args.dimensions, name=name)
            env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            try:
                done = subprocess.run(
                    [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=args.timeout
                )
            except subprocess.TimeoutExpired:
                print(f"{n:>7}  {name:24} over {args.timeout:g} s of wall time", flush=True)
                continue
            if done.returncode:
                why = done.stderr.strip().splitlines()[-1][:80] if done.stderr.strip() else f"exit {done.returncode}"
                print(f"{n:>7}  {name:24} failed: {why}", flush=True)
                continue
            cpu, wall, memory = json.loads(done.stdout.strip().splitlines()[-1])
            listed = name in GOALS and args.dimensions == 512 and n in (10_000, 50_000)
            goal = GOALS[name][n > 10_000] if listed else ""
            print(f"{n:>7}  {name:24} {cpu:8.2f} {wall:8.2f} {memory:10.0f}  {goal}", flush=True)


if __name__ == "__main__":
    main()
