"""A change is called better or worse where an interval for the difference leaves zero out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

import dqkit as dq
from dqkit.findings import Audit, Journal
from dqkit.findings.changes import changes
from dqkit.findings.differences import of_estimates, of_means, of_shares
from dqkit.findings.words import change


@pytest.mark.parametrize(("gained", "lost"), [(0, 1), (1, 0), (5, 0), (6, 0), (9, 2), (10, 2), (2, 10)])
def test_a_share_changed_clearly_where_the_sign_test_says_so(gained: int, lost: int) -> None:
    before = np.arange(207) >= 100
    after = before.copy()
    after[:gained] = True
    after[len(after) - lost :] = False
    low, high = of_shares(before, after)
    assert low <= (gained - lost) / 207 <= high
    assert (low > 0 or high < 0) == (binomtest(gained, gained + lost).pvalue < 0.05)


def test_the_interval_of_a_mean_holds_the_true_difference_in_95_percent() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        before = rng.normal(size=30)
        low, high = of_means(before, before + rng.normal(0.3, 1, 30))
        held += low <= 0.3 <= high
    assert abs(held / 400 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 400)


def test_two_estimates_with_wide_intervals_do_not_differ_clearly() -> None:
    low, high = of_estimates((0.06, 0.02, 0.15), (0.05, 0.02, 0.14))
    assert low < 0 < high
    low, high = of_estimates((0.20, 0.18, 0.22), (0.05, 0.04, 0.06))
    assert high < 0


def test_one_sample_of_207_is_no_clear_change_and_no_warning() -> None:
    audit = Audit.of(dq.from_arrays([[0.1], [0.9]], ["no", "yes"]))
    figures = [{"test_accuracy": k / 207} for k in (190, 189)]
    one = of_shares(np.arange(207) < 190, np.arange(207) < 189)
    rounds = [
        {"round": 1, "metrics": figures[0]},
        {"round": 2, "metrics": figures[1], "intervals": {"test_accuracy": one}},
    ]
    found = changes(Audit.of(audit.dataset, journal=Journal(rounds=rounds)))
    assert found.data["deltas"][0]["verdict"] == "unclear"
    assert found.severity == "info"


def test_nothing_has_no_sign() -> None:
    assert change(-0.00001, "share") == "0.0 points"
    assert change(-0.2, "count") == "0"
    assert change(-0.0004, "nats") == "0.000"
    assert change(-0.0123, "share") == "−1.2 points"
