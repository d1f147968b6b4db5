"""Wrong values of a continuous target, judged against the spread around them."""

from __future__ import annotations

import numpy as np
import pytest

from dqkit.records import InputError
from dqkit.signals.label_noise.regression import regression_errors


def test_a_residual_counts_relative_to_its_neighbourhood():
    rng = np.random.default_rng(0)
    guess = np.linspace(0, 10, 400)
    spread = np.where(guess < 5, 0.01, 1.0)
    y = guess + spread * rng.uniform(-1, 1, 400)
    y[100] += 0.5  # large where residuals are small
    y[300] += 0.5  # usual where residuals are large
    table = regression_errors(y, guess).table
    assert table["flag"][100]
    assert not table["flag"][300]
    assert table["score"].idxmax() == 100


def test_the_score_is_the_stated_formula_when_all_rows_are_near():
    y = np.array([0.0, 0.1, -0.2, 0.3, 5.0])
    spread = 1.4826 * 0.2  # the median absolute residual of all five rows
    z = np.abs(y) / spread
    table = regression_errors(y, np.zeros(5)).table
    np.testing.assert_allclose(table["score"], z**2 / (z**2 + 3.5**2))
    assert table["flag"].tolist() == [False, False, False, False, True]


def test_features_say_who_is_near():
    rng = np.random.default_rng(0)
    side = np.repeat([0, 1], 100)
    y = np.where(side == 0, 0.01, 1.0) * rng.uniform(-1, 1, 200)
    y[5] = 0.5
    features = side[:, None] * 100 + rng.random((200, 2))
    assert regression_errors(y, np.zeros(200), features=features).table["flag"].to_numpy().nonzero()[0].tolist() == [5]


def test_better_members_weigh_more_and_a_perfect_fit_flags_nothing():
    y = np.linspace(0, 1, 50)
    found = regression_errors(y, np.stack([y + 0.01, y[::-1]]))
    assert found.weights[0] > 0.9
    assert not regression_errors(y, y).table["flag"].any()


def test_bad_shapes_and_values_are_told():
    with pytest.raises(InputError, match="shape"):
        regression_errors([0.5, 1.5, 2.5], [1.0, 2.0])
    with pytest.raises(InputError, match=">= 3"):
        regression_errors([0.5, 1.5], [1.0, 2.0])
    with pytest.raises(InputError, match="finite"):
        regression_errors([0.5, 1.5, np.nan], [1.0, 2.0, 3.0])
