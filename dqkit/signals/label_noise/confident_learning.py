"""cleanlab's own finding, flag for flag."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.records import UNLABELED
from dqkit.signals.label_noise.noise_model import Ints
from dqkit.signals.label_noise.reasons import Evidence, kinds, reasons
from dqkit.signals.labels import wilson_interval


def confident_learning(
    given: Ints, pred_probs: NDArray[Any]
) -> tuple[pd.DataFrame, float, tuple[float, float], NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """The fields of a `LabelErrors` with cleanlab's flags and scores (Northcutt et al. 2021).

    pred_probs: (members, n, c). flag: `cleanlab.filter.find_label_issues` with its defaults over the members' plain
    average, labelled rows only. score: one minus cleanlab's self-confidence. noise_rate: off-diagonal mass of its
    estimated joint. Needs at least two labelled rows of two classes; with fewer nothing is flagged.
    """
    members = pred_probs
    m, n, c = members.shape
    probs = members[0] if m == 1 else members.mean(axis=0)
    known = np.flatnonzero(given != UNLABELED)
    score, flag = np.zeros(n), np.zeros(n, dtype=bool)
    matrix, rate, off = np.eye(c), 0.0, 0.0
    labels, rows = given[known], probs[known]
    if len(known):
        from cleanlab.rank import get_label_quality_scores

        score[known] = np.clip(1.0 - get_label_quality_scores(labels, rows), 0.0, 1.0)
    if len(np.unique(labels)) > 1:
        from cleanlab.count import estimate_joint
        from cleanlab.filter import find_label_issues

        with warnings.catch_warnings():
            # One warning for each rare or empty class: `class_balance` names those.
            warnings.filterwarnings("ignore", message="May not flag all label issues", category=UserWarning)
            flag[known] = find_label_issues(labels, rows, n_jobs=1)
        joint = np.asarray(estimate_joint(labels, rows), dtype=np.float64)  # [given, true]
        off = float(1.0 - np.trace(joint))
        rate = min(max(off, 0.0), 1.0)
        present = joint.sum(axis=0) > 0
        matrix[present] = (joint[:, present] / joint[:, present].sum(axis=0)).T
    low, high = wilson_interval([rate * len(known)], [len(known)])
    top = probs.argmax(axis=1).astype(np.int64)
    own = np.where(given >= 0, probs[np.arange(n), np.maximum(given, 0)], 0.0).astype(np.float32)
    evidence = Evidence(
        given=given,
        probs=np.asarray(probs, dtype=np.float32),
        clean_given=own,
        clean_top=probs.max(axis=1).astype(np.float32),
        suggested=top,
        votes=members.argmax(axis=2).astype(np.int32),
        neighbor_labels=None,
        outlier=None,
        history={},
    )
    total = float(score.sum())
    table = pd.DataFrame(
        {
            "score": score,
            "flag": flag,
            "suggested_label": top,
            "error_probability": np.clip(score * (rate * len(known) / total if total > 0 else 0.0), 0.0, 1.0),
            "kind": kinds(evidence, flag),
            "reasons": reasons(evidence, np.flatnonzero(flag)),
        }
    )
    return table, rate, (float(low[0]), float(high[0])), matrix, np.full(m, 1.0 / m), ("confident learning (cleanlab)",)
