"""CPU seconds and peak memory to select 100 rows from a large pool, beside scikit-activeml where it is installed.

Every query runs in a process of its own, so that its peak memory is its own. Features: 20 Gaussian clusters in 512
dimensions, 50 labelled rows, random probabilities over 10 classes.

    python benchmarks/acquisition_speed.py --sizes 10000,50000
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

GOALS = {  # (10,000 rows, 50,000 rows), CPU seconds
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
from active_learning import ours, peers
n, name = {n}, {name!r}
rng = np.random.default_rng(0)
centers = 3 * rng.normal(size=(20, 512))
which = rng.integers(0, 20, n)
x = (centers[which] + rng.normal(size=(n, 512))).astype(np.float32)
labels = np.where(np.arange(n) < 50, which % 10, -1)
probs = rng.dirichlet(np.ones(10), n).astype(np.float32)
query = {{**ours(), **peers()}}[name]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cpu, wall = time.process_time(), time.perf_counter()
picks = query(100, features=x, pred_probs=probs, labeled=labels >= 0, labels=labels, seed=0)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
assert len(set(np.asarray(picks).tolist())) == 100
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([cpu, wall, (after - before) / 1024]))
"""

DEFAULT = (
    "margin,kcenter,badge,typiclust,probcover,maxherding,uncertainty_herding,auto,"
    "skactiveml CoreSet,skactiveml BADGE,skactiveml TypiClust,skactiveml ProbCover,skactiveml MaxHerding"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,50000")
    parser.add_argument("--strategies", default=DEFAULT)
    parser.add_argument("--timeout", type=float, default=900, help="seconds of wall time a query may take")
    args = parser.parse_args()
    print(f"{'rows':>7}  {'strategy':24} {'CPU s':>8} {'wall s':>8} {'added MiB':>10}  goal CPU s")
    for n in (int(v) for v in args.sizes.split(",")):
        for name in args.strategies.split(","):
            code = ONE.format(folder=str(Path(__file__).parent), n=n, name=name)
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
            goal = GOALS[name][n > 10_000] if name in GOALS else ""
            print(f"{n:>7}  {name:24} {cpu:8.2f} {wall:8.2f} {memory:10.0f}  {goal}", flush=True)


if __name__ == "__main__":
    main()
