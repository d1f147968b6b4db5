"""What the signals say of a dataset as a whole: plain dicts, lists, strings and numbers, ready for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.records import Dataset, Predictions
from dqkit.signals.balance import class_balance
from dqkit.signals.calibration import calibration_of
from dqkit.signals.duplicates import group_leakage, leakage
from dqkit.signals.image_properties import property_correlation
from dqkit.signals.label_noise.found_errors import LabelErrors
from dqkit.signals.label_noise.self_test import FamilyTest
from dqkit.signals.neighbors import Neighbors
from dqkit.signals.order import SIGNIFICANT, OrderTest

_EXAMPLES = 20
_NO_LABELS = {"skipped": "no labelled usable sample"}
_NO_MODEL = {"skipped": "no model yet: fewer than two classes have labels to train on"}
_NO_GRAPH = {"skipped": "no features, or fewer than two usable samples"}


@dataclass(frozen=True, eq=False)
class Measured:
    """What the checks measured, None where one could not run.

    judged: (n,) labelled usable samples. temperatures: one a member. properties: of the usable samples, in order, None
    for a table.
    """

    judged: NDArray[np.bool_]
    temperatures: list[float]
    errors: LabelErrors | None
    graph: Neighbors | None
    order: OrderTest | None
    groups: pd.DataFrame | None
    properties: pd.DataFrame | None


def summarize(dataset: Dataset, predictions: Predictions, table: pd.DataFrame, measured: Measured) -> dict[str, Any]:
    """Return one entry per check; one that could not run is {"skipped": why}."""
    judged, errors, graph = measured.judged, measured.errors, measured.graph
    labels = np.asarray(dataset.labels, dtype=np.int64)
    usable = np.asarray(dataset.is_usable, dtype=bool)
    return {
        "samples": len(dataset),
        "usable": int(usable.sum()),
        "labeled": int((labels >= 0).sum()),
        "label_errors": _label_errors(errors, table, judged, dataset.classes)
        if predictions.is_trained
        else dict(_NO_MODEL),
        "balance": _balance(labels, errors, judged, dataset.classes),
        "calibration": _calibration(labels, predictions, judged, measured.temperatures),
        "neighbors": _neighbors(graph),
        "duplicates": _duplicates(graph, table),
        "leakage": _leakage(graph, table, dataset),
        "group_leakage": _group_leakage(dataset),
        "order": _order(measured.order),
        "underperforming_groups": _underperforming(measured.groups),
        "content": _content(measured.properties, table, labels[usable]),
    }


def _label_errors(
    errors: LabelErrors | None, table: pd.DataFrame, judged: NDArray[np.bool_], classes: tuple[str, ...]
) -> dict[str, Any]:
    if errors is None:
        return {"skipped": "no labelled usable sample, or fewer than two classes"}
    if errors.not_judged:
        return {"skipped": errors.not_judged, "not_judged": True}
    kinds = table.loc[table["label_flag"], "label_kind"].value_counts()
    # Before the answers: whoever wants to know what is left weighs the answers to the random sample himself.
    rate, *interval = errors.before_answers or (errors.noise_rate, *errors.noise_rate_interval)
    return {
        "estimated_rate": float(rate),
        "interval": [float(end) for end in interval],
        "flagged": int(table["label_flag"].sum()),
        "judged": int(judged.sum()),
        "kinds": {str(kind): int(count) for kind, count in kinds.items()},
        "noise_matrix": np.asarray(errors.noise_matrix, dtype=float).tolist(),
        "classes": list(classes),
        "scorers": [str(name) for name in errors.scorers],
        "families": [_family(test) for test in errors.families],
    }


def _family(test: FamilyTest) -> dict[str, Any]:
    """The self-test of one family; figures that could not be measured are None, for JSON knows no NaN."""
    return {name: None if value != value else value for name, value in asdict(test).items()}


def _balance(
    labels: NDArray[np.int64], errors: LabelErrors | None, judged: NDArray[np.bool_], classes: tuple[str, ...]
) -> dict[str, Any]:
    opinion = np.full(len(labels), -1, dtype=np.int64)
    if errors is not None and not errors.not_judged:
        opinion[judged] = np.where(errors.table["flag"], errors.table["suggested_label"], labels)[judged]
    balance = class_balance(labels, classes, predicted=opinion)
    return {
        "counts": {str(name): int(count) for name, count in balance.table["count"].items()},
        "imbalance_ratio": balance.imbalance_ratio,
        "effective_classes": balance.effective_classes,
        "rare": [str(name) for name in balance.table.index[balance.table["rare"]]],
        "empty": list(balance.empty),
        "classes": balance.table.reset_index().to_dict(orient="records"),
        "confused_pairs": balance.confused_pairs.head(_EXAMPLES).to_dict(orient="records"),
    }


def _calibration(
    labels: NDArray[np.int64], predictions: Predictions, judged: NDArray[np.bool_], temperatures: list[float]
) -> dict[str, Any]:
    if not predictions.is_trained:
        return dict(_NO_MODEL)
    if not judged.any():
        return dict(_NO_LABELS)
    found = calibration_of(labels[judged], predictions.pred_probs[judged])
    names = ("temperature", "ece", "ece_plain", "ece_tempered", "log_loss", "log_loss_tempered", "accuracy")
    return {
        **{name: float(getattr(found, name)) for name in (*names, "confidence")},
        "n": found.n,
        "member_temperatures": dict(zip(predictions.members, temperatures, strict=True)),
        "reliability": found.reliability.to_dict(orient="records"),
    }


def _neighbors(graph: Neighbors | None) -> dict[str, Any]:
    if graph is None:
        return dict(_NO_GRAPH)
    return {
        "k": graph.k,
        "metric": graph.metric,
        "method": graph.method,
        "recall": graph.recall,
        "recall_rows": graph.recall_rows,
        "outliers": int(graph.table["outlier"].sum()),
    }


def _duplicates(graph: Neighbors | None, table: pd.DataFrame) -> dict[str, Any]:
    if graph is None:
        return dict(_NO_GRAPH)
    grouped = table[table["duplicate_group"] >= 0]
    labels = grouped.loc[grouped["given_label"].notna()].groupby("duplicate_group")["given_label"].nunique()
    return {
        "groups": int(grouped["duplicate_group"].nunique()),
        "rows": len(grouped),
        "exact_rows": int(table["exact_duplicate"].sum()),
        "groups_with_conflicting_labels": int((labels > 1).sum()),
    }


def _leakage(graph: Neighbors | None, table: pd.DataFrame, dataset: Dataset) -> dict[str, Any]:
    if graph is None:
        return dict(_NO_GRAPH)
    found = leakage(table["duplicate_group"].to_numpy(), dataset.split)
    tested = np.asarray(dataset.is_test)
    leaked = [row for rows in found["rows"] for row in rows if tested[row]]
    return {
        "groups": len(found),
        "test_rows": len(leaked),
        "test_share": len(leaked) / max(int(tested.sum()), 1),
        "examples": [[str(dataset.ids[row]) for row in rows[:_EXAMPLES]] for rows in found["rows"].head(_EXAMPLES)],
    }


def _group_leakage(dataset: Dataset) -> dict[str, Any]:
    if dataset.groups is None:
        return {"skipped": "the dataset has no groups"}
    found = group_leakage(dataset.groups, dataset.split)
    n_test = int(np.sum(dataset.is_test))
    test_rows = int(found["test_rows"].sum())
    return {
        "groups": len(found),
        "test_rows": test_rows,
        "test_share": test_rows / max(n_test, 1),
        "examples": found["group"].head(_EXAMPLES).tolist(),
    }


def _order(order: OrderTest | None) -> dict[str, Any]:
    if order is None:
        return {"skipped": "no features, fewer than three samples, or samples that cannot be used"}
    return {
        "p_value": order.p_value,
        "statistic": order.statistic,
        "in_meaningful_order": bool(order.p_value < SIGNIFICANT),
    }


def _underperforming(groups: pd.DataFrame | None) -> dict[str, Any]:
    if groups is None:
        return dict(_NO_LABELS)
    return {
        "tested": len(groups),
        "underperforming": int(groups["underperforming"].sum()),
        "groups": groups[groups["underperforming"]].head(_EXAMPLES).to_dict(orient="records"),
    }


def _content(properties: pd.DataFrame | None, table: pd.DataFrame, labels: NDArray[np.int64]) -> dict[str, Any]:
    if properties is None:
        return {"skipped": "only images and texts have properties"}
    flags = [name for name in properties.columns if name.endswith("_flag")]
    measured = [name for name in properties.columns if not name.endswith("_group")]  # a group is a number, no quantity
    correlation = property_correlation(properties[measured], labels)
    return {
        "flagged": {name.removesuffix("_flag"): int(table[name].sum()) for name in flags},
        "label_correlation": correlation.to_dict(orient="records"),
        "spurious": [str(name) for name in correlation.loc[correlation["spurious"], "property"]],
    }
