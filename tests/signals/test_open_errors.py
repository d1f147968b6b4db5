"""The rate of wrong labels once people have decided some of them."""

from __future__ import annotations

import numpy as np
import pytest

from dqkit.signals import open_error_rate

CHANCE = np.array([0.8, 0.8, 0.1, 0.1, 0.1, 0.1])


def test_nothing_changes_while_nobody_has_looked():
    assert open_error_rate(0.3, (0.2, 0.5), CHANCE, np.zeros(6, bool)) == (0.3, [0.2, 0.5])


def test_what_people_decided_is_not_wrong():
    checked = np.array([True, True, False, False, False, False])
    rate, interval = open_error_rate(0.3, (0.2, 0.8), CHANCE, checked)
    assert rate == pytest.approx(0.3 * 0.4 / 2.0)
    # the upper end stays, but no more than the four others can be wrong
    assert interval == pytest.approx([0.2 * 0.4 / 2.0, 4 / 6])


def test_when_all_are_decided_none_is_wrong():
    assert open_error_rate(0.3, (0.2, 0.5), CHANCE, np.ones(6, bool)) == (0.0, [0.0, 0.0])
    assert open_error_rate(0.3, None, CHANCE, np.ones(6, bool)) == (0.0, None)
