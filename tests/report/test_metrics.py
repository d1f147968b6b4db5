from __future__ import annotations

import pytest

from dqkit.records import InputError
from dqkit.report import METRICS, check

RECORD = {"metrics": {"label_error_rate": 0.05, "oos_accuracy": 0.9}}


def test_limits_are_inclusive_on_both_sides() -> None:
    outcomes = check(RECORD, maximum={"label_error_rate": 0.05}, minimum={"oos_accuracy": 0.9})
    assert [outcome.holds for outcome in outcomes] == [True, True]


def test_each_rule_is_one_line_with_value_and_limit() -> None:
    outcomes = check(RECORD, maximum={"label_error_rate": 0.04}, minimum={"oos_accuracy": 0.8})
    assert [outcome.line() for outcome in outcomes] == [
        "FAIL label_error_rate = 0.05 (must be <= 0.04)",
        "ok   oos_accuracy = 0.9 (must be >= 0.8)",
    ]


def test_a_metric_that_is_not_there_is_refused_with_the_list_of_those_that_are() -> None:
    with pytest.raises(InputError, match="'accuracy' is no metric of dqkit; measured here: label_error_rate, oos_acc"):
        check(RECORD, maximum={"accuracy": 1}, minimum={})
    with pytest.raises(InputError, match="'duplicate_rate' is known to dqkit but not measured in this report"):
        check(RECORD, maximum={"duplicate_rate": 1}, minimum={})


@pytest.mark.parametrize("value", ["0.1", None, True, [0.1]])
def test_a_metric_that_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="must be a number"):
        check({"metrics": {"label_error_rate": value}}, maximum={"label_error_rate": 1}, minimum={})


def test_every_metric_says_what_it_means_and_which_way_is_good() -> None:
    for name, metric in METRICS.items():
        assert metric.title, name
        assert metric.meaning, name
        assert metric.better in ("higher", "lower", "neither")
