"""A valid small call of every public function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import dqkit as dq
import dqkit.acquisition as acquisition
import dqkit.baselines as baselines
import dqkit.near_copies as near_copies
import dqkit.report as report
import dqkit.signals as signals
import dqkit.weak_labels as weak_labels
from dqkit.acquisition import control_estimates, stopping

N, C = 8, 2
RNG = np.random.default_rng(0)
LABELS = np.arange(N) % C
PROBS = np.where(np.eye(C)[LABELS] == 1, 0.9, 0.1)
FEATURES = RNG.normal(size=(N, 3)) + LABELS[:, None]
IDS = [f"s{i}" for i in range(N)]
PICTURES = RNG.integers(0, 255, (N, 6, 6, 3)).astype(np.uint8)
TEXTS = ["win money now", "see you at noon", "win a car", "lunch", "win money now", "", "a b c d e f", "ümläut"]
DATASET = dq.from_arrays(FEATURES, [["no", "yes"][k] for k in LABELS], ids=IDS)
PREDICTIONS = dq.Predictions.from_arrays(PROBS, ids=IDS, classes=["no", "yes"], features=FEATURES)
GRAPH = signals.neighbors(FEATURES, k=3)
SIGNALS = signals.signal_table(DATASET, PREDICTIONS)
ANSWERS = pd.DataFrame(
    {
        "action": "relabel",
        "control": [True] * 4 + [False] * 4,
        "answer": ["no"] * 8,
        "given_label": ["no"] * 7 + ["yes"],
        "suggested_label": ["no"] * 8,
        "round": 1,
    }
)
HEALTH = report.health(DATASET, signals=SIGNALS.table, summary=SIGNALS.summary, predictions=PREDICTIONS)
ROUNDS = [{"labels": 10.0 * k, "accuracy": 0.5 + 0.1 * k} for k in (1, 2, 3)]


def vote(x: Any) -> str | None:
    return "yes" if x.sample_id == "s1" else None


CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "dqkit.Predictions.from_arrays": (
        dq.Predictions.from_arrays,
        {"pred_probs": PROBS, "ids": IDS, "classes": ["no", "yes"], "features": FEATURES, "members": ["m"]},
    ),
    "dqkit.Dataset.take": (DATASET.take, {"positions": [0, 1]}),
    "dqkit.Dataset.positions": (DATASET.positions, {"sample_ids": ["s1"]}),
    "dqkit.Dataset.with_labels": (DATASET.with_labels, {"labels": LABELS}),
    "dqkit.signals.calibration": (signals.calibration, {"labels": LABELS, "pred_probs": PROBS, "bins": 5}),
    "dqkit.signals.class_balance": (
        signals.class_balance,
        {"labels": LABELS, "classes": ["no", "yes"], "predicted": LABELS, "beta": 0.9, "rare_below": 0.1},
    ),
    "dqkit.signals.consensus": (
        signals.consensus,
        {"answers": np.stack([LABELS, LABELS], axis=1), "pred_probs": PROBS, "classes": 2},
    ),
    "dqkit.signals.disagreement": (
        signals.disagreement,
        {"member_probs": np.stack([PROBS, PROBS]), "temperatures": [1.0, 2.0]},
    ),
    "dqkit.signals.feature_clusters": (
        signals.feature_clusters,
        {"features": FEATURES, "seed": 0, "clusters": 2},
    ),
    "dqkit.signals.fit_temperature": (signals.fit_temperature, {"labels": LABELS, "probs": PROBS}),
    "dqkit.signals.image_properties": (
        signals.image_properties,
        {"pixels": PICTURES, "sizes": np.full((N, 2), 6)},
    ),
    "dqkit.signals.knn_shapley": (signals.knn_shapley, {"labels": LABELS, "indices": GRAPH.indices}),
    "dqkit.signals.label_errors": (
        signals.label_errors,
        {
            "labels": LABELS,
            "pred_probs": PROBS,
            "method": "auto",
            "features": FEATURES,
            "dynamics": {"margins": np.ones(N)},
            "seed": 0,
        },
    ),
    "dqkit.signals.label_errors with a graph": (
        signals.label_errors,
        {"labels": LABELS, "pred_probs": np.stack([PROBS, PROBS]), "neighbors": GRAPH},
    ),
    "dqkit.signals.leakage": (
        signals.leakage,
        {"duplicate_group": [0, 0, -1], "split": ["train", "test", "test"]},
    ),
    "dqkit.signals.neighbors": (
        signals.neighbors,
        {
            "features": FEATURES,
            "k": 2,
            "metric": "cosine",
            "method": "auto",
            "exact_up_to": 100,
            "device": "cpu",
            "recall_rows": 5,
            "seed": 0,
        },
    ),
    "dqkit.signals.open_error_rate": (
        signals.open_error_rate,
        {"rate": 0.1, "interval": [0.0, 0.2], "chance": np.full(N, 0.1), "checked": LABELS == 0},
    ),
    "dqkit.signals.column_power": (
        signals.column_power,
        {"table": pd.DataFrame({"size": np.arange(N)}), "labels": LABELS, "seed": 0},
    ),
    "dqkit.signals.column_values": (signals.column_values, {"table": pd.DataFrame({"size": np.arange(N)})}),
    "dqkit.signals.wrong_labels_left": (
        signals.wrong_labels_left,
        {"among": 20, "model": [0.1, 0.0, 0.2], "classes": 3},
    ),
    "dqkit.signals.order_test": (
        signals.order_test,
        {"indices": GRAPH.indices, "permutations": 5, "seed": 0},
    ),
    "dqkit.signals.property_correlation": (
        signals.property_correlation,
        {"properties": pd.DataFrame({"size": np.arange(N)}), "labels": LABELS, "q": 0.05},
    ),
    "dqkit.signals.regression_errors": (
        signals.regression_errors,
        {"targets": np.arange(N) + 0.5, "predictions": np.arange(N) * 1.0, "features": FEATURES},
    ),
    "dqkit.signals.regression_errors with a graph": (
        signals.regression_errors,
        {"targets": np.arange(N) + 0.5, "predictions": np.arange(N) * 1.0, "neighbors": GRAPH},
    ),
    "dqkit.signals.signal_table": (
        signals.signal_table,
        {"dataset": DATASET, "predictions": PREDICTIONS, "seed": 0},
    ),
    "dqkit.signals.text_properties": (signals.text_properties, {"texts": TEXTS, "similar": 0.8}),
    "dqkit.signals.uncertainty": (
        signals.uncertainty,
        {"pred_probs": PROBS, "temperature": 1.5, "top_n": 2},
    ),
    "dqkit.signals.underperforming_groups": (
        signals.underperforming_groups,
        {"errors": LABELS == 0, "groupings": {"a": LABELS}, "q": 0.05, "smallest": 2, "most_values": 5},
    ),
    "dqkit.near_copies.similar_texts": (
        near_copies.similar_texts,
        {"texts": TEXTS, "threshold": 0.8, "seed": 0},
    ),
    "dqkit.near_copies.similar_images": (near_copies.similar_images, {"images": PICTURES, "seed": 0}),
    "dqkit.near_copies.linked_groups": (near_copies.linked_groups, {"n": 4, "left": [1], "right": [3]}),
    "dqkit.near_copies.identical_content": (
        near_copies.identical_content,
        {"dataset": DATASET, "among": np.ones(N, dtype=bool)},
    ),
    "dqkit.acquisition.advice": (
        acquisition.advice,
        {"criteria": stopping(budget_left=0), "control": control_estimates(ANSWERS)},
    ),
    "dqkit.acquisition.build_queue": (
        acquisition.build_queue,
        {
            "signals": SIGNALS.table,
            "budget": 4,
            "seed": 0,
            "predictions": PREDICTIONS,
            "status": pd.Series("given", index=IDS),
            "exclude": ["s0"],
            "audit_share": 0.2,
            "strategy": "margin",
            "noise_rate": 0.1,
            "reviewed": pd.DataFrame({"score": [0.2], "wrong": [True]}),
            "human_error": 0.02,
            "costs": {"label": 1.0},
            "min_share": {"label": 0.1},
            "class_quota": {"no": 1},
        },
    ),
    "dqkit.acquisition.control_estimates": (
        acquisition.control_estimates,
        {"answers": ANSWERS, "unseen": 5, "left": 3},
    ),
    "dqkit.acquisition.select": (
        acquisition.select,
        {
            "strategy": "margin",
            "n": 2,
            "features": FEATURES,
            "pred_probs": PROBS,
            "member_probs": np.stack([PROBS, PROBS]),
            "labeled": [0],
            "labels": np.where(np.arange(N) == 0, 0, -1),
            "candidates": [1, 2, 3],
            "seed": 0,
        },
    ),
    "dqkit.acquisition.select_balanced": (
        acquisition.select_balanced,
        {"strategy": "margin", "n": 2, "pred_probs": PROBS, "labeled": [0], "labels": LABELS},
    ),
    "dqkit.acquisition.select_within_cost": (
        acquisition.select_within_cost,
        {
            "strategy": "margin",
            "budget": 3,
            "row_costs": np.ones(N),
            "labeled": [0],
            "pred_probs": PROBS,
            "seed": 0,
        },
    ),
    "dqkit.acquisition.stopping": (
        acquisition.stopping,
        {
            "rounds": ROUNDS,
            "pred_probs": PROBS,
            "previous_probs": PROBS,
            "errors_left": (1.0, 0.0, 2.0),
            "labeled": 10,
            "budget_left": 5,
            "queue": (1, 2),
            "untrained": False,
            "not_judged": "",
            "per": 10,
            "min_gain": 0.01,
        },
    ),
    "dqkit.weak_labels.apply_functions": (
        weak_labels.apply_functions,
        {"dataset": DATASET, "functions": [vote], "progress": False},
    ),
    "dqkit.weak_labels.label_model": (
        weak_labels.label_model,
        {
            "votes": [[0, 1], [1, 1], [-1, 0]],
            "cardinality": 2,
            "dev_labels": [0, 1, -1],
            "names": ["f", "g"],
            "model": "naive_bayes",
            "seed": 0,
        },
    ),
    "dqkit.baselines.check_options": (
        baselines.check_options,
        {"folds": 2, "seed": 0, "network": None, "imbalance": None, "groups": IDS, "n": N},
    ),
    "dqkit.baselines.logistic_folds": (
        baselines.logistic_folds,
        {
            "x": FEATURES,
            "labels": LABELS,
            "folds": np.arange(N) // 4,
            "n_classes": 2,
            "penalty": 1.0,
            "tolerance": 1e-2,
            "rounds": 3,
        },
    ),
    "dqkit.baselines.stratified_folds": (
        baselines.stratified_folds,
        {"labels": LABELS, "folds": 2, "seed": 0, "groups": IDS},
    ),
    "dqkit.baselines.too_few_labels": (baselines.too_few_labels, {"ds": DATASET}),
    "dqkit.baselines.untrained_predictions": (
        baselines.untrained_predictions,
        {"ds": DATASET, "seed": 0, "progress": False},
    ),
    "dqkit.report.check": (
        report.check,
        {"health": HEALTH, "maximum": {"problems": 1}, "minimum": {"n_samples": 1}},
    ),
    "dqkit.report.health": (
        report.health,
        {
            "dataset": DATASET,
            "labels": None,
            "signals": SIGNALS.table,
            "summary": SIGNALS.summary,
            "predictions": PREDICTIONS,
            "queue": None,
            "rounds": (),
            "events": None,
            "title": "t",
            "description": "d",
            "tags": ["a"],
        },
    ),
    "dqkit.report.render": (report.render, {"health": HEALTH, "dataset": DATASET}),
}

# Names that are no function of their own, and calls that other tests make because they train or read files.
ELSEWHERE = {
    "load_digits": "tests/datasets",
    "from_arrays": "tests/datasets",
    "from_folder": "tests/datasets",
    "from_table": "tests/datasets",
    "from_fiftyone": "tests/fiftyone_bridge",
    "cross_val_predictions": "tests/baselines; its options are those of check_options",
    "describe_estimators": "tests/baselines",
    "embed": "tests/baselines",
    "check_finetune": "tests/baselines/finetuning",
    "check_training": "tests/baselines",
    "weak_groups": "the older name of underperforming_groups",
    "register_check": "tests/findings",
    "unregister_check": "tests/findings",
    "group_leakage": "tests/signals",
    "load": "tests/report",
    "record": "tests/findings",
    "write": "tests/report",
}
