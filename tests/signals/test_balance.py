"""Class balance and per-class errors by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dqkit.records import InputError
from dqkit.signals import class_balance
from dqkit.signals.labels import wilson_interval


def test_counts_shares_and_ratio_by_hand():
    found = class_balance([0, 0, 0, 0, 1, 1, -1], ["a", "b", "c"])
    assert found.table["count"].tolist() == [4, 2, 0]
    assert found.table["share"].tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    assert found.imbalance_ratio == 2.0
    assert (found.labeled, found.unlabeled, found.empty) == (6, 1, ("c",))
    assert found.effective_classes == pytest.approx(np.exp(np.log(1.5) * 2 / 3 + np.log(3) / 3))


def test_the_effective_number_counts_each_repetition_less():
    found = class_balance([0, 0, 0, 1], ["a", "b"], beta=0.5)
    assert found.table["effective_number"].tolist() == [1 + 0.5 + 0.25, 1.0]
    assert found.table["weight"].mean() == pytest.approx(1.0)
    assert found.table["weight"]["b"] / found.table["weight"]["a"] == pytest.approx(1.75)


def test_errors_and_confused_pairs_by_hand():
    given = [0, 0, 0, 0, 1, 1, 2, -1]
    other = [0, 1, 1, 2, 1, 0, -1, 0]
    found = class_balance(given, ["a", "b", "c"], predicted=other)
    assert found.table["errors"].tolist() == [3, 1, 0]
    assert found.table["error_rate"].tolist() == [0.75, 0.5, 0.0]
    assert found.table.loc["c", ["error_low", "error_high"]].tolist() == [0.0, 1.0]
    assert found.confused_pairs[["given", "predicted", "count"]].to_numpy().tolist() == [
        ["a", "b", 2],
        ["a", "c", 1],
        ["b", "a", 1],
    ]
    assert found.confused_pairs["share"].tolist() == [0.5, 0.25, 0.5]


def test_wilsons_interval_solves_its_equation():
    # The ends are the shares p at which |hits / n - p| is z standard errors of p.
    for hits, n in ((0, 5), (3, 10), (99, 100), (7, 7)):
        for end in np.array(wilson_interval([hits], [n], z=2.0)).ravel():
            assert (hits / n - end) ** 2 == pytest.approx(4 * end * (1 - end) / n, abs=1e-12)


def test_a_class_is_rare_below_a_tenth_of_the_mean_count():
    labels = [0] * 99 + [1]
    assert class_balance(labels, ["a", "b"]).table["rare"].tolist() == [False, True]
    assert class_balance([0] * 90 + [1] * 10, ["a", "b"]).table["rare"].tolist() == [False, False]


def test_no_labels_is_balanced_by_default():
    found = class_balance([-1, -1], 2)
    assert (found.imbalance_ratio, found.effective_classes, found.labeled) == (1.0, 0.0, 0)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="got 3 at position 1"):
        class_balance([0, 3], ["a", "b"])
    with pytest.raises(InputError, match="distinct"):
        class_balance([0], ["a", "a"])
    with pytest.raises(InputError, match="beta"):
        class_balance([0], ["a"], beta=1.0)
    with pytest.raises(InputError, match="2 rows"):
        class_balance([0, 0], ["a"], predicted=[0])
