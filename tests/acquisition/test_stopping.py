"""Each stopping criterion says what its formula says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dqkit.acquisition import advice, stopping
from dqkit.acquisition.stopping import overall_uncertainty, projected_gain, remaining_errors, stability
from dqkit.records import InputError


def test_a_curve_on_a_line_in_log_labels_is_projected_along_it() -> None:
    rounds = [{"labels": n, "accuracy": 0.5 + 0.05 * math.log(n)} for n in (50, 100, 200, 400)]
    got = projected_gain(rounds, per=100, min_gain=0.005)
    assert got.value == pytest.approx(0.05 * math.log(500 / 400))
    assert got.stop is False


def test_a_flat_curve_says_stop_and_a_noisy_one_cannot_tell() -> None:
    flat = [{"labels": n, "accuracy": 0.9} for n in (50, 100, 200)]
    assert projected_gain(flat, per=100, min_gain=0.005).stop is True
    noisy = [{"labels": n, "accuracy": a} for n, a in ((50, 0.8), (100, 0.7), (200, 0.85))]
    assert projected_gain(noisy, per=100, min_gain=0.005).stop is None


def test_two_rounds_are_too_few_to_project() -> None:
    rounds = [{"labels": 10, "accuracy": 0.5}, {"labels": 20, "accuracy": 0.6}]
    assert projected_gain(rounds, per=100, min_gain=0.005).stop is None


def test_the_interval_of_the_gain_is_that_of_least_squares() -> None:
    labels, accuracy = np.array([50, 100, 200, 400]), np.array([0.70, 0.74, 0.77, 0.83])
    design = np.column_stack([np.ones(4), np.log(labels)])
    solution, residual, *_ = np.linalg.lstsq(design, accuracy, rcond=None)
    error = math.sqrt(residual[0] / 2 * np.linalg.inv(design.T @ design)[1, 1])
    step = math.log(500 / 400)
    low, high = ((solution[1] + k * 4.302653 * error) * step for k in (-1, 1))
    got = projected_gain(
        [{"labels": n, "accuracy": a} for n, a in zip(labels, accuracy, strict=True)], per=100, min_gain=0.005
    )
    assert f"[{100 * low:+.2f}, {100 * high:+.2f}]" in got.text


def test_kappa_by_hand() -> None:
    now = np.eye(2)[[0, 0, 1, 1]]
    before = np.eye(2)[[0, 0, 1, 0]]
    # agreement 3/4; by chance 1/2 * 3/4 + 1/2 * 1/4 = 1/2; kappa (3/4 - 1/2) / (1/2)
    assert stability(now, before).value == pytest.approx(0.5)
    assert stability(now, now).stop is True
    one_class = np.eye(2)[[0, 0]]
    assert stability(one_class, one_class).value == 1.0


def test_errors_left_compare_the_whole_interval_to_what_is_tolerable() -> None:
    assert remaining_errors((5, 2, 9), 1000).stop is True
    assert remaining_errors((50, 20, 90), 1000).stop is False
    assert remaining_errors((8, 2, 30), 1000).stop is None
    assert remaining_errors((float("nan"), 0, 10), 1000).stop is None


def test_overall_uncertainty_is_the_mean_least_confidence() -> None:
    assert overall_uncertainty(np.array([[0.9, 0.1], [0.5, 0.5]])).value == pytest.approx(0.3)


def test_advice_counts_the_verdicts_in_one_paragraph() -> None:
    probs = np.array([[0.9, 0.1], [0.5, 0.5]])
    criteria = stopping(
        pred_probs=probs, previous_probs=probs[:, ::-1], errors_left=(50, 20, 90), labeled=100, budget_left=7
    )
    assert [c.name for c in criteria] == ["prediction stability", "label errors left", "overall uncertainty", "budget"]
    text = advice(criteria).text
    assert text.startswith("Go on: 4 of 4")
    assert "\n" not in text
    assert advice([]).text.startswith("Nothing is known yet")


def test_shapes_that_disagree_are_named() -> None:
    with pytest.raises(InputError, match="previous_probs"):
        stopping(pred_probs=np.eye(2), previous_probs=np.eye(3))


@pytest.mark.parametrize("bad", [{"labels": 3}, {"accuracy": 0.5}, {"labels": 3, "accuracy": float("nan")}])
def test_a_round_without_its_numbers_is_named(bad: dict[str, float]) -> None:
    with pytest.raises(InputError, match="rounds must each hold"):
        stopping(rounds=[bad])
