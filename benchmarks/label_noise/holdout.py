"""What the judge reaches on what it was not trained on: whole datasets, kinds of noise, and families of models.

Each table leaves out a fold of them, trains the judge anew without it, and reports on it. Peers: cleanlab's default
flags on the members' average, "differs" (the average's top class is not the label), the best threshold on the average
probability of the label (which knows the truth), and, with --rules, the flags of an earlier version (see `earlier.py`).
Regret: by how much F1 is below the best of the peers (the best threshold is none).

    python benchmarks/label_noise/holdout.py --audits sims/audits --rules sims/rules
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import answers
import numpy as np
import pandas as pd
import torch
from learn import Audit, Scaler, read, train
from rate import NORMAL, misses, widths
from sklearn.metrics import average_precision_score

from dqkit.signals.label_noise.flagging import decide

LEAST_ERRORS = 10
VIEWS = ("tfidf", "sentences", "pretrained", "patches", "pixels", "networks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audits", type=Path, default=Path("sims/audits"))
    parser.add_argument("--rules", type=Path)
    parser.add_argument("--networks", type=int, default=1, help="the package has four; one saves time")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--by", nargs="+", default=["dataset", "kind", "family"], choices=list(SPLITS))
    args = parser.parse_args()
    torch.set_num_threads(1)
    audits = read(args.audits)
    told = {a.number for a in audits if args.rules is None or stored_rules(args.rules, a).exists()}
    print(
        f"{len(audits):,} audits, {len(told):,} reported on, of {len({a.number.split('/')[0] for a in audits}):,} pools"
    )
    for by in args.by:
        start = time.process_time()
        order: list[Audit] = []
        odds: list[np.ndarray] = []
        fold: list[int] = []
        for one, (learned, held) in enumerate(SPLITS[by](audits, args.folds)):
            judge = train([a for a, use in zip(audits, learned, strict=True) if use], networks=args.networks)
            here = [a for a, use in zip(audits, held, strict=True) if use]
            odds += [judge.log_odds(a) for a in here]
            order, fold = order + here, fold + [one] * len(here)
        miss = misses(order, np.array([chances(o).mean() for o in odds]))
        off = widths(order, miss, np.array(fold), Scaler.of(np.stack([a.traits for a in order])))
        lines = [
            line(audit, own, ends, off.core, args.rules)
            for audit, own, ends in zip(order, odds, off.sides, strict=True)
            if audit.number in told
        ]
        report(f"left out by {by}", pd.DataFrame(lines))
        wide = np.median(off.wide)
        print(f"  95 % interval of the rate holds it in {off.covered:.1%}; {wide:.2f} wide in log odds (median)")
        if by == "dataset":
            answers.report(order, odds, off.wide, off.core)
        print(f"  {time.process_time() - start:.0f} CPU-s", flush=True)


Masks = Iterator[tuple[np.ndarray, np.ndarray]]  # trained on, reported on


def by_dataset(audits: list[Audit], folds: int) -> Masks:
    """All views of one dataset together."""
    names = [a.name.rsplit("_", 1)[0] if a.name.rsplit("_", 1)[-1] in VIEWS else a.name for a in audits]
    fold = dealt(names, folds)
    return ((fold != one, fold == one) for one in range(folds))


def by_kind(audits: list[Audit], folds: int) -> Masks:
    fold = dealt([a.kind for a in audits], folds)
    return ((fold != one, fold == one) for one in range(folds))


def by_family(audits: list[Audit], folds: int) -> Masks:
    """Trained on audits in which a family has no part, reported on those that are all of that family."""
    families = [set(a.family.split("+")) for a in audits]
    for one in sorted(set().union(*families)):
        yield np.array([one not in of for of in families]), np.array([of == {one} for of in families])


def dealt(labels: list[str], folds: int) -> np.ndarray:
    """Labels dealt to folds of about equal size."""
    found, counts = np.unique(labels, return_counts=True)
    load, to = np.zeros(folds), {}
    for i in np.argsort(-counts, kind="stable"):
        to[found[i]] = int(load.argmin())
        load[load.argmin()] += counts[i]
    return np.array([to[label] for label in labels])


SPLITS: dict[str, Callable[[list[Audit], int], Masks]] = {
    "dataset": by_dataset,
    "kind": by_kind,
    "family": by_family,
}


def line(audit: Audit, odds: np.ndarray, off: np.ndarray, core: float, rules: Path | None) -> dict[str, object]:
    """What one audit gave: F1 and average precision of everybody, the rate, what was flagged."""
    chance, wrong = chances(odds), audit.wrong
    flag = decide(odds, (off[0], off[1]), off.sum() / 2 / NORMAL * core).flag
    out: dict[str, object] = {
        "number": audit.number, "kind": audit.kind, "name": audit.name, "family": audit.family,
        "errors": int(wrong.sum()), "found": float(chance.mean()), "true": float(wrong.mean()),
        "F1 judge": f1(wrong, flag), "F1 cleanlab": f1(wrong, audit.cleanlab),
        "F1 differs": f1(wrong, audit.differs), "F1 best threshold": best_f1(wrong, audit.plain),
        "flagged judge": float(flag.mean()), "flagged cleanlab": float(audit.cleanlab.mean()),
    }  # fmt: skip
    if wrong.any():
        out["AP judge"] = average_precision_score(wrong, odds)
        out["AP average"] = average_precision_score(wrong, audit.plain)
    if rules is not None:
        stored, i = np.load(stored_rules(rules, audit)), audit.number.split("/")[1]
        out |= {"F1 rules": f1(wrong, stored[f"flag_{i}"]), "found rules": float(stored[f"rate_{i}"])}
        out["flagged rules"] = float(stored[f"flag_{i}"].mean())
        if wrong.any():
            out["AP rules"] = average_precision_score(wrong, stored[f"score_{i}"])
    return out


def report(title: str, table: pd.DataFrame) -> None:
    some = table[table["errors"] >= LEAST_ERRORS]
    peers = [name for name in ("F1 cleanlab", "F1 differs", "F1 rules") if name in some]
    print(f"{title}: {len(some):,} audits with at least {LEAST_ERRORS} errors among the rows kept")
    print("  " + ", ".join(f"{name} {some[name].mean():.3f}" for name in some if name.startswith(("F1", "AP"))))
    for one in [name for name in ("F1 judge", "F1 rules") if name in some]:
        others = [name for name in [*peers, "F1 judge"] if name != one] if one != "F1 judge" else peers
        regret = some[others].max(axis=1) - some[one]
        print(f"  regret of {one[3:]}: mean {regret.mean():.3f}, worst 5 % from {regret.quantile(0.95):.3f}")
    for name in [name for name in ("found", "found rules") if name in some]:
        print(f"  rate {name}: off by {(table[name] - table['true']).abs().mean():.3f} on average")
    clean = table[table["errors"] == 0]
    flagged = ", ".join(f"{n[8:]} {clean[n].mean():.3f}" for n in clean if n.startswith("flagged"))
    print(f"  flagged of {len(clean)} sets without an error: {flagged}")
    for kind, rows in some.groupby("kind"):
        means = ", ".join(f"{name[3:]} {rows[name].mean():.3f}" for name in ["F1 judge", *peers])
        print(f"    {kind:12s} {len(rows):4d}  F1 {means}")


def f1(wrong: np.ndarray, flag: np.ndarray) -> float:
    return float(2 * (wrong & flag).sum() / max(wrong.sum() + flag.sum(), 1))


def best_f1(wrong: np.ndarray, score: np.ndarray) -> float:
    hits = np.cumsum(wrong[np.argsort(-score, kind="stable")])
    return float((2 * hits / (np.arange(1, len(hits) + 1) + max(hits[-1], 1))).max())


def stored_rules(rules: Path, audit: Audit) -> Path:
    return rules / f"{audit.number.split('/')[0]}.npz"


def chances(odds: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-odds)))


if __name__ == "__main__":
    main()
