from __future__ import annotations

import numpy as np
import pytest

from dqkit.arrays.calibration import calibration_error
from dqkit.baselines.comparison import scores_of
from dqkit.findings import Audit, find
from dqkit.signals import calibration
from tests.report.pets import make_dataset, make_inputs


def slow_twin(confidence: list[float], correct: list[bool], bins: int) -> float:
    total = 0.0
    for b in range(bins):
        inside = [i for i, c in enumerate(confidence) if b / bins < c <= (b + 1) / bins or (b == 0 and c == 0)]
        if inside:
            mean = sum(confidence[i] for i in inside) / len(inside)
            reached = sum(correct[i] for i in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(mean - reached)
    return total


@pytest.mark.parametrize("bins", [1, 2, 8])
def test_the_error_is_that_of_its_definition(bins: int) -> None:
    rng = np.random.default_rng(bins)
    confidence, correct = rng.integers(0, 17, 300) / 16, rng.random(300) < 0.5
    assert calibration_error(confidence, correct, bins) == pytest.approx(
        slow_twin(confidence.tolist(), correct.tolist(), bins)
    )


def test_without_samples_the_error_is_zero() -> None:
    assert calibration_error(np.zeros(0), np.zeros(0, dtype=bool)) == 0


def test_the_table_of_baselines_the_signals_and_the_report_say_the_same_number() -> None:
    dataset, given = make_dataset(), make_inputs()
    probs = given["predictions"].pred_probs
    # The samples that the report may use: readable, labelled by people, not in the test split.
    at = [0, 1, 2, 4, 5, 6, 7, 10]
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 1])
    audit = Audit.of(dataset, labels=given["labels"], predictions=given["predictions"])
    shown = next(f for f in find(audit) if f.name == "calibration").metrics["calibration_error"]
    assert scores_of(probs[at], labels)["ece"] == pytest.approx(shown)
    assert calibration(labels, probs[at]).ece_plain == pytest.approx(shown)
    # Seven at 0.8 of which six are right, one at 0.4 that is right.
    assert shown == pytest.approx((7 * abs(0.8 - 6 / 7) + abs(0.4 - 1)) / 8)
