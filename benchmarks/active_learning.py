"""Learning curves of every query strategy, beside scikit-activeml, small-text and modAL where they are installed.

All strategies start from the same random rows, see the same frozen features and refit the same logistic regression
(those of a committee see five of them, fitted under the weights of the Bayesian bootstrap). The libraries are asked
through thin adapters that hand them the same probabilities.
Reported per data set: AULC (mean test accuracy over the rounds, x 100), its paired difference to random and to margin
with 95 % intervals over seeds, labels needed for 90 % of the full-pool accuracy as a ratio to random ("< 0.5": random
never got there), and the CPU seconds and added peak memory of a query. Then `auto` against the better of margin and
TypiClust on each set, and over all sets.

    python benchmarks/active_learning.py --sets digits,trec,ag_news --seeds 20 --out curves
    python benchmarks/active_learning.py --sets breast,longtail,rare,noisy,blobs,many    # see active_learning_more_sets

With --out every finished curve is kept, so that an interrupted run goes on where it stopped, and a later one with more
seeds adds to it; --kept prints the table of what is there. Delete the folder when a strategy or a feature changes.
The libraries beside dqkit may need other versions than dqkit's own; run from an environment that has them, with this
repository on PYTHONPATH. Without them the script says so and runs on.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import tracemalloc
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402 - after the thread limits
import pandas as pd  # noqa: E402
from active_learning_more_sets import MORE  # noqa: E402
from active_learning_peers import COMMITTEE_PEERS, Query, peers  # noqa: E402
from active_learning_sets import TASKS, Task  # noqa: E402
from scipy import stats  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

from dqkit.acquisition import STRATEGIES, select  # noqa: E402

TASKS = {**TASKS, **MORE}
COMMITTEE = ("vote_entropy", "kl", "bald", "power_bald")
MEMBERS = 5
CORE = ("random", "margin", "typiclust", "auto")


def fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> LogisticRegression:
    return LogisticRegression(max_iter=1000).fit(x, y, sample_weight=weight)


def probabilities(model: LogisticRegression, x: np.ndarray, classes: int) -> np.ndarray:
    out = np.zeros((len(x), classes), np.float32)
    out[:, model.classes_] = model.predict_proba(x)
    return out / out.sum(axis=1, keepdims=True)


def committee(x: np.ndarray, y: np.ndarray, pool: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """(members, n, c) of models fitted on the labelled rows under random weights (the Bayesian bootstrap, Rubin 1981).

    Every member knows every class. Under the plain bootstrap a member that has not drawn a class denies it, and the
    committee disagrees about the class, not about the row: BALD then loses eight points more on digits.
    """
    rng = np.random.default_rng(seed)
    weights = rng.exponential(size=(MEMBERS, len(x)))
    return np.stack([probabilities(fit(x, y, weight), pool, classes) for weight in weights])


def ours(*, members: bool = False) -> dict[str, Query]:
    """dqkit's strategies by name (coreset is kcenter); with `members` those of a committee as well."""

    def bind(name: str) -> Query:
        return lambda n, **given: select(name, n, **given)

    left_out = {"coreset", *(() if members else COMMITTEE)}
    return {name: bind(name) for name in STRATEGIES if name not in left_out}


def curve(task: Task, name: str, seed: int) -> tuple[list[float], float, float]:
    """Test accuracy after each round, CPU seconds of one query on average, and MiB that the last query added."""
    query = {**ours(members=True), **peers()}[name]
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(task.x))
    labeled = np.zeros(len(task.x), dtype=bool)
    labeled[order[: task.start]] = True
    if len(np.unique(task.y[labeled])) < 2:
        labeled[order[np.argmax(task.y[order] != task.y[order[0]])]] = True
    classes = int(task.y.max()) + 1
    accuracy, spent, queries, peak = [], 0.0, 0, 0.0
    while True:
        model = fit(task.x[labeled], task.y[labeled])
        accuracy.append(float((model.predict(task.x_test) == task.y_test).mean()))
        if labeled.sum() >= task.stop:
            return accuracy, spent / max(queries, 1), peak
        given = {
            "features": task.x,
            "pred_probs": probabilities(model, task.x, classes),
            "labeled": labeled.copy(),
            "labels": np.where(labeled, task.y, -1),
            "seed": seed * 1000 + queries,
        }
        if name in COMMITTEE or name in COMMITTEE_PEERS:
            given["member_probs"] = committee(task.x[labeled], task.y[labeled], task.x, classes, seed * 1000 + queries)
        began = time.process_time()
        picks = query(task.step, **given)
        spent += time.process_time() - began
        queries += 1
        if labeled[picks].any() or len(np.unique(picks)) != task.step:
            raise RuntimeError(f"{name} picked a labelled row or one row twice")
        labeled[picks] = True
        if labeled.sum() >= task.stop and seed == 0:  # asked once more, so that tracing slows no query that is timed
            tracemalloc.start()
            query(task.step, **given)
            peak = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()


def interval(gaps: np.ndarray) -> tuple[float, float, float]:
    """Mean of paired differences and the ends of its 95 % interval (t)."""
    mean = float(gaps.mean())
    if len(gaps) < 2:
        return mean, float("-inf"), float("inf")
    half = float(stats.t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps)))
    return mean, mean - half, mean + half


def shown(gaps: np.ndarray) -> str:
    mean, low, high = interval(gaps)
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"


def labels_needed(curves: np.ndarray, task: Task, goal: float) -> float:
    """Labels until the mean curve reaches the goal, linearly between rounds; NaN when it never does."""
    mean = curves.mean(axis=0)
    labels = task.start + task.step * np.arange(len(mean))
    over = np.flatnonzero(mean >= goal)
    if not len(over):
        return float("nan")
    i = int(over[0])
    return float(labels[0]) if i == 0 else float(np.interp(goal, mean[i - 1 : i + 1], labels[i - 1 : i + 1]))


def curves_of(
    task: Task, name: str, seeds: range, out: Path | None, jobs: int, *, kept_only: bool
) -> list[tuple[list[float], float, float]]:
    """One curve per seed; those kept in the folder are not run again. kept_only: those before the first gap alone."""
    file = None if out is None else out / f"{task.name}.{name}.json"
    kept = json.loads(file.read_text()) if file is not None and file.exists() else {}
    todo = [seed for seed in seeds if str(seed) not in kept]
    if kept_only:
        return [kept[str(seed)] for seed in seeds if not todo or seed < todo[0]]
    with ProcessPoolExecutor(jobs) if jobs > 1 else _Here() as pool:
        for seed, got in zip(todo, pool.map(curve, [task] * len(todo), [name] * len(todo), todo), strict=True):
            kept[str(seed)] = got
            if file is not None:
                file.with_suffix(".part").write_text(json.dumps(kept))
                file.with_suffix(".part").replace(file)
    return [kept[str(seed)] for seed in seeds]


class _Here:
    """A pool of no other processes."""

    def __enter__(self) -> _Here:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    map = staticmethod(map)


def run(
    task: Task, names: list[str], seeds: range, peer_seeds: int, out: Path | None, jobs: int, *, kept_only: bool
) -> dict[str, np.ndarray]:
    """Print one row per strategy; the areas under the curves, per seed. Peers may run on the first few seeds only."""
    curves: dict[str, np.ndarray] = {}
    cost: dict[str, tuple[float, float]] = {}
    for name in names:
        try:
            mine = seeds if name in STRATEGIES else seeds[:peer_seeds]
            got = curves_of(task, name, mine, out, jobs, kept_only=kept_only)
        except Exception as error:  # a peer that fails on a set is a result, not the end of the run
            if name in STRATEGIES:
                raise
            print(f"  {task.name} {name}: failed, {type(error).__name__}: {str(error)[:90]}", flush=True)
            continue
        if not got:
            continue
        curves[name] = 100 * np.array([c[0] for c in got])
        cost[name] = float(np.mean([c[1] for c in got])), max(c[2] for c in got)
        if not kept_only:
            print(f"  {task.name} {name}: {curves[name].mean():.2f}", flush=True)
    full = 100 * float((fit(task.x, task.y).predict(task.x_test) == task.y_test).mean())
    area = {name: c.mean(axis=1) for name, c in curves.items()}

    def ratio(name: str) -> str:
        both = min(len(curves[name]), len(curves["random"]))
        need, base = (labels_needed(curves[s][:both], task, 0.9 * full) for s in (name, "random"))
        if np.isnan(need):
            return "never" if np.isnan(base) else f"> {task.stop / base:.2f}"
        return f"< {need / task.stop:.2f}" if np.isnan(base) else f"{need / base:.2f}"

    def against(name: str, other: str) -> str:
        if other not in area or name == other:
            return ""
        both = min(len(area[name]), len(area[other]))
        return shown(area[name][:both] - area[other][:both])

    table = pd.DataFrame(
        [
            {
                "strategy": name,
                "AULC": round(float(area[name].mean()), 2),
                "seeds": len(curves[name]),
                "to random": against(name, "random"),
                "to margin": against(name, "margin"),
                "labels for 90 % / random": ratio(name) if "random" in curves else "",
                "CPU s a query": round(cost[name][0], 4),
                "peak MiB a query": round(cost[name][1], 1) if cost[name][1] else "",
            }
            for name in curves
        ]
    )
    print(
        f"\n{task.name}: pool {len(task.x)} x {task.x.shape[1]}, {task.start} + {task.step} to {task.stop}, "
        f"seeds from {seeds.start}, full pool {full:.1f}"
    )
    print(table.sort_values("AULC", ascending=False, kind="stable").to_string(index=False) + "\n", flush=True)
    return area


def verdict(areas: dict[str, dict[str, np.ndarray]]) -> None:
    """`auto` against the better of margin and TypiClust on each set, and against each over all sets."""
    asked = {name: area for name, area in areas.items() if all(s in area for s in CORE)}
    for name, area in asked.items():
        better = max(("margin", "typiclust"), key=lambda s: area[s].mean())
        _, low, high = interval(area["auto"] - area[better])
        word = "ahead" if low > 0 else ("WORSE" if high < 0 else "level")
        print(f"{name}: auto is {word} of the better, {better}: {shown(area['auto'] - area[better])}")
    for other in ("margin", "typiclust"):
        if asked:
            gap = np.mean([(area["auto"] - area[other]).mean() for area in asked.values()])
            print(f"mean over {len(asked)} sets, auto - {other}: {gap:+.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "../../shared/data")
    parser.add_argument("--sets", default="digits,trec,ag_news", help=f"of {', '.join(TASKS)}")
    parser.add_argument("--strategies", default="", help="comma-separated; default: all here and every peer installed")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--peer-seeds", type=int, default=10_000, help="at most so many seeds for other libraries")
    parser.add_argument("--jobs", type=int, default=1, help="processes; CPU seconds are per process")
    parser.add_argument("--out", type=Path, help="folder where finished curves are kept between calls")
    parser.add_argument("--kept", action="store_true", help="run nothing: print what the folder --out holds")
    args = parser.parse_args()
    if args.kept and args.out is None:
        parser.error("--kept needs --out")
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
    beside = peers()
    for library in ("skactiveml", "small-text", "modAL"):
        if not args.kept and not any(name.startswith(library) for name in beside):
            print(f"{library} is not installed here: run without it")
    names = args.strategies.split(",") if args.strategies else [*ours(members=True), *beside]
    if args.kept and not args.strategies:
        names += sorted({file.stem.split(".")[1] for file in args.out.glob("*.json")} - set(names))
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    tasks = {name: TASKS[name](args.data) for name in args.sets.split(",")}
    verdict(
        {
            s: run(task, names, seeds, args.peer_seeds, args.out, args.jobs, kept_only=args.kept)
            for s, task in tasks.items()
        }
    )


if __name__ == "__main__":
    with warnings.catch_warnings():
        main()
