"""The one posterior of queue and cards: what holds at the estimated rate of wrong labels and at its low end."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dqkit.rounds.doubt import wrong_probability
from dqkit.signals import WrongLabels


def table(chance):
    n = len(chance)
    return pd.DataFrame({"error_probability": chance, "given_label": "cat", "copy_of": [""] * n})


def shifted(p, by):
    odds = np.log(p / (1 - p)) - by
    return 1 / (1 + np.exp(-odds))


def test_it_is_the_mean_of_both_ends_and_at_most_one_half_where_they_disagree():
    chance = np.array([0.999, 0.8, 0.3])
    low = shifted(chance, 1.96 * 1.2)
    assert low[0] > 0.5 > low[1]
    found = wrong_probability(table(chance), np.ones(3, dtype=bool))
    # 0.8 at the estimate and 0.28 at the low end: their mean, 0.54, is held to one half
    np.testing.assert_allclose(found, [(chance[0] + low[0]) / 2, 0.5, (chance[2] + low[2]) / 2])


def test_labels_that_people_gave_keep_what_the_signals_say():
    found = wrong_probability(table(np.array([0.9, 0.9])), np.array([False, True]))
    assert found[0] == 0.9
    assert found[1] < 0.9


def test_labels_that_could_not_be_judged_stay_unknown():
    assert np.isnan(wrong_probability(table(np.full(3, np.nan)), np.ones(3, dtype=bool))).all()


def test_answers_to_the_random_sample_bound_the_rate_from_both_sides():
    chance = np.r_[np.full(20, 0.8), np.full(80, 0.05)]  # the estimated rate is 0.2
    plain = wrong_probability(table(chance), np.ones(100, dtype=bool))
    sure = wrong_probability(table(chance), np.ones(100, dtype=bool), measured=WrongLabels(20.0, 18.0, 22.0, 100))
    fewer = wrong_probability(table(chance), np.ones(100, dtype=bool), measured=WrongLabels(2.0, 0.0, 5.0, 100))
    assert plain[0] == pytest.approx(0.5)
    assert sure[0] > 0.75  # a rate that is known leaves what the estimate says
    assert fewer[0] < 0.45  # at most 5 of 100 are wrong: odds of 0.2 become those of 0.05 at least


def test_copies_whose_labels_differ_stay_certain():
    signals = table(np.array([0.45, 0.55, 0.1])).assign(given_label=["cat", "dog", "cat"], copy_of=["a", "a", ""])
    found = wrong_probability(signals, np.ones(3, dtype=bool))
    assert found[:2].sum() == pytest.approx(1)
