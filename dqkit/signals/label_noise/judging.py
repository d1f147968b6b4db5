"""How the labels of a dataset are judged, step by step: mix, judge, families of evidence, flags, reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.arrays.log_odds import from_log_odds, log_odds
from dqkit.checks import check_column_order
from dqkit.records import UNLABELED
from dqkit.signals.label_noise.chance import tells_of_labels, why_not_judged
from dqkit.signals.label_noise.evidence import Members
from dqkit.signals.label_noise.families import Mix, history_evidence, neighbor_votes, weigh
from dqkit.signals.label_noise.flagging import Decision, decide
from dqkit.signals.label_noise.found_errors import LabelErrors
from dqkit.signals.label_noise.judge import Audit, audited, typical
from dqkit.signals.label_noise.noise_model import Floats, Ints, transition_matrix
from dqkit.signals.label_noise.reasons import Evidence, kinds, reasons
from dqkit.signals.label_noise.self_test import FamilyTest, Trial, fused, history_helps, neighbors_help, untested
from dqkit.signals.label_noise.taught import Reviewed, taught
from dqkit.signals.neighbors import Neighbors


@dataclass(frozen=True, eq=False)
class Judged:
    """mix: of the members, (n, c). audit: of the labelled rows; None where there are none. tests: of the families."""

    mix: Mix
    audit: Audit | None
    decision: Decision
    tests: tuple[FamilyTest, ...]


def judged_errors(
    probs: Floats,
    given: Ints,
    graph: Neighbors | None,
    history: Mapping[str, NDArray[Any]],
    seed: int,
    *,
    in_order: bool,
    reviewed: Reviewed | None = None,
) -> LabelErrors:
    """`label_errors` of checked arrays, (members, n, c) and (n,).

    in_order: the columns are known to be in order. reviewed: rows that people have looked at; they teach the judge.
    """
    m, n, c = probs.shape
    known = np.flatnonzero(given != UNLABELED)
    found = _judged(probs, given, known, graph, history, seed, in_order)
    before, answered = None, np.empty(0)
    if reviewed is not None and len(reviewed.rows) and found.audit is not None:
        before = (found.decision.rate, *found.decision.interval)
        found, answered = _taught(found, probs, reviewed)
    mix, decision = found.mix, found.decision
    score, wrong = np.zeros(n), np.zeros(n)
    score[known], wrong[known] = decision.score, decision.error_probability
    scorers = (f"{m} member{'s' if m > 1 else ''}", "noise matrix", *(test.name for test in found.tests if test.used))
    top = mix.probs.argmax(axis=1)
    if len(known) and not _tell(probs, given, known, graph, found.tests, seed):
        why = why_not_judged(mix.probs[known], given[known], c)
        suggested = np.where(given == UNLABELED, top, given)
        return _unjudged(given, suggested, score, mix.weights, scorers, found.tests, why)
    flag = score > 0.5
    rival, clean_given, clean_rival = top.astype(np.int64), np.zeros(n, np.float32), mix.probs.max(axis=1)
    if found.audit is not None:
        rows = found.audit.rows
        rival[known], clean_given[known], clean_rival[known] = rows.rival, rows.clean_given, rows.clean_rival
    suggested = np.where(flag | (given == UNLABELED), rival, given)
    evidence = Evidence(
        given=given,
        probs=mix.probs,
        clean_given=clean_given,
        clean_top=np.where(suggested == rival, clean_rival, clean_given),
        suggested=suggested,
        votes=probs.argmax(axis=2).astype(np.int32),
        neighbor_labels=None if graph is None else np.where(graph.indices >= 0, given[graph.indices], UNLABELED),
        outlier=None if graph is None else graph.table["outlier"].to_numpy(dtype=bool),
        history=history,
    )
    table = pd.DataFrame(
        {
            "score": score,
            "flag": flag,
            "suggested_label": suggested,
            "error_probability": wrong,
            "kind": kinds(evidence, flag),
            "reasons": reasons(evidence, np.flatnonzero(flag | (score > 0.25))),
        }
    )
    return LabelErrors(
        table=table,
        noise_rate=decision.rate,
        noise_rate_interval=decision.interval,
        noise_matrix=transition_matrix(suggested[known], given[known], c),
        weights=mix.weights,
        scorers=scorers,
        families=found.tests,
        unlike_simulated=0.0 if found.audit is None else found.audit.outside,
        labelled=given != UNLABELED,
        before_answers=before,
        reviewed_probability=answered,
    )


def _taught(found: Judged, probs: Floats, reviewed: Reviewed) -> tuple[Judged, NDArray[np.float64]]:
    """The same after the answers, and how probable it now is that each reviewed label was wrong."""
    assert found.audit is not None
    rows, labels = reviewed.rows, reviewed.labels
    odds = found.audit.log_odds_of(found.mix.probs[rows], labels, Members.told(probs[:, rows], labels))
    # What the training history says of the other rows stays beside what the answers say.
    every = np.concatenate([log_odds(found.decision.error_probability, floor=1e-9), odds])
    new, off = taught(every, found.audit.off, odds, reviewed.wrong, reviewed.at_random)
    return replace(found, decision=decide(new[: -len(rows)], off, typical(off))), from_log_odds(new[-len(rows) :])


def _tell(
    probs: NDArray[np.float32],
    given: Ints,
    known: NDArray[np.intp],
    graph: Neighbors | None,
    families: tuple[FamilyTest, ...],
    seed: int,
) -> bool:
    """Whether the predictions, or the neighbours' labels where they are used, tell more of the labels than chance."""
    if tells_of_labels(probs[:, known], given[known], seed):
        return True
    if graph is None or not any(test.used and test.name == "neighbours" for test in families):
        return False
    votes = neighbor_votes(graph.indices, given, probs.shape[2], known)
    return tells_of_labels(votes[None], given[known], seed)


def _unjudged(
    given: Ints,
    suggested: NDArray[np.integer],
    score: NDArray[np.float64],
    weights: NDArray[np.float64],
    scorers: tuple[str, ...],
    families: tuple[FamilyTest, ...],
    why: str,
) -> LabelErrors:
    n = len(given)
    table = pd.DataFrame(
        {
            "score": score / 2,  # nothing is flagged, and a flag is a score above 0.5
            "flag": np.zeros(n, dtype=bool),
            "suggested_label": suggested,
            "error_probability": np.where(given == UNLABELED, 0.0, np.nan),
            "kind": np.full(n, "", dtype=object),
            "reasons": np.full(n, "", dtype=object),
        }
    )
    return LabelErrors(table, float("nan"), (0.0, 1.0), np.empty((0, 0)), weights, scorers, families, why)


def _judged(
    probs: Floats,
    given: Ints,
    known: NDArray[np.intp],
    graph: Neighbors | None,
    history: Mapping[str, NDArray[Any]],
    seed: int,
    in_order: bool,
) -> Judged:
    """The mix, the judge's audit and the decision, with the families that the self-test lets in."""
    mix = weigh(probs, given, known, None)
    if not in_order:
        check_column_order(mix.probs[known].argmax(axis=1), given[known], probs.shape[2], stacklevel=6)
    if not len(known):
        names = [name for name, there in (("neighbours", graph is not None), ("dynamics", bool(history))) if there]
        return Judged(mix, None, decide(np.empty(0), (0.0, 0.0)), tuple(untested(name) for name in names))
    members = Members.told(probs[:, known], given[known])

    def audit_of(mix: Mix) -> Audit:
        return audited(mix.probs[known], given[known], members, mix.weights, seed)

    def trial() -> Trial:
        true = np.where(decision.flag, audit.rows.rival, given[known])
        return Trial(given, known, transition_matrix(true, given[known], probs.shape[2]), seed)

    audit = audit_of(mix)
    decision = decide(audit.log_odds, audit.off, typical(audit.off))
    tests = []
    if graph is not None:
        tests.append(neighbors_help(trial(), probs, graph.indices))
        if tests[-1].used:
            mix = weigh(probs, given, known, neighbor_votes(graph.indices, given, probs.shape[2]))
            audit = audit_of(mix)
            decision = decide(audit.log_odds, audit.off, typical(audit.off))
    if history:
        evidence = history_evidence(history, known)
        test, weights = history_helps(trial(), probs, mix, evidence, decision)
        tests.append(test)
        if test.used:
            decision = fused(decision, evidence @ weights)
    return Judged(mix, audit, decision, tuple(tests))
