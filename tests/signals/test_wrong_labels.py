"""One estimate of the wrong labels left, from the model's rate and the random audit sample."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, t

from dqkit.records import InputError
from dqkit.signals import AuditSample, wrong_labels_left
from dqkit.signals.label_noise.wrong_labels import share_left, wrong_labels_now


def answers(wrong: int, of: int, weight: float = 1.0, human_error: float = 0.0) -> AuditSample:
    return AuditSample(np.arange(of) < wrong, np.full(of, weight), human_error)


def slow_twin(n: int, model: tuple[float, float, float], wrong: int, of: int, error: float, c: int) -> list[float]:
    """The same by a sum over rates and counts, one at a time."""
    odds = [np.log(m / (1 - m)) for m in model]
    scale = max((odds[0] - odds[1]) / t.ppf(0.975, 3), 0.05), max((odds[2] - odds[0]) / t.ppf(0.975, 3), 0.05)
    total, count = 0.0, np.zeros(n + 1)
    for x in np.linspace(-20, 6, 2001):
        rate = 1 / (1 + np.exp(-x))
        side = 0 if x < odds[0] else 1
        density = t.pdf((x - odds[0]) / scale[side], 3) / scale[side]
        seen = rate * (1 - error / (c - 1)) + (1 - rate) * error
        weight = density * seen**wrong * (1 - seen) ** (of - wrong)
        total += weight
        count += weight * binom.pmf(np.arange(n + 1), n, rate)
    cumulated = np.cumsum(count / total)
    return [float(np.argmax(cumulated >= at)) for at in (0.5, 0.025, 0.975)]


@pytest.mark.parametrize(
    ("model", "wrong", "of", "error", "c"),
    [((0.06, 0.04, 0.09), 0, 10, 0.02, 10), ((0.016, 0.01, 0.03), 4, 30, 0.02, 2), ((0.2, 0.01, 0.5), 3, 12, 0.0, 3)],
)
def test_it_is_what_a_sum_over_rates_and_counts_gives(model, wrong, of, error, c):
    got = wrong_labels_left(200, model=model, sample=answers(wrong, of, human_error=error), classes=c)
    assert [got.value, got.low, got.high] == pytest.approx(slow_twin(200, model, wrong, of, error, c), abs=1)


def test_without_answers_the_model_alone_is_heard():
    got = wrong_labels_left(1000, model=(0.064, 0.05, 0.08))
    assert got.value == pytest.approx(64, abs=2)
    # The interval of the model, and the chance that is in any count besides.
    assert 32 < got.low < 50
    assert 80 < got.high < 105


def test_no_wrong_label_in_ten_answers_does_not_mean_that_none_is_left():
    got = wrong_labels_left(1000, model=(0.064, 0.05, 0.08), sample=answers(0, 10))
    assert 10 < got.value < 64


def test_a_model_that_saw_nothing_gives_way_to_the_random_sample():
    blind = wrong_labels_left(1000, model=(0.016, 0.01, 0.03))
    told = wrong_labels_left(1000, model=(0.016, 0.01, 0.03), sample=answers(14, 120))
    assert blind.value < 20
    assert told.low < 113 < told.high
    assert told.value > 80


def test_where_nothing_can_be_said_it_says_what_to_do():
    assert str(wrong_labels_left(500)) == "not known yet: answer about 30 more of the random sample"
    told = wrong_labels_left(500, sample=answers(1, 12))
    assert (told.known, told.more, told.low, told.high) == (False, 18, 0, 500)
    assert np.isnan(told.value)
    assert wrong_labels_left(500, sample=answers(1, 30)).known


def test_when_every_label_is_checked_none_is_left():
    assert str(wrong_labels_left(0)) == "0 [0, 0]"


def test_answers_to_rows_that_the_queue_has_cleared_away_say_nothing_of_the_rest():
    model = (0.05, 0.03, 0.1)
    cleared = wrong_labels_left(1000, model=model, sample=answers(8, 20, weight=0.0))
    assert cleared == wrong_labels_left(1000, model=model)
    assert wrong_labels_left(1000, model=model, sample=answers(8, 20)).value > 2 * cleared.value


def test_a_person_who_errs_calls_right_labels_wrong_and_that_is_reckoned_with():
    sure, errs = (
        wrong_labels_left(1000, model=(0.03, 0.01, 0.1), sample=answers(5, 100, human_error=e)) for e in (0.0, 0.05)
    )
    assert errs.value < sure.value


def test_the_share_left_is_that_of_the_rows_of_like_score():
    rng = np.random.default_rng(0)
    score = rng.random(400)
    left = score < 0.7
    drawn = np.argsort(score)[[10, 200, 390]]
    got = share_left(score, left, drawn)
    assert got.tolist() == [1.0, 1.0, 0.0]
    assert share_left(np.zeros(4), np.array([True, False, False, True]), np.array([1])).tolist() == [2 / 3]


def test_what_people_decided_since_the_round_is_no_longer_left():
    chance = np.array([0.9] * 10 + [0.01] * 90)
    before = wrong_labels_now(0.099, (0.05, 0.2), chance, np.zeros(100, bool))
    after = wrong_labels_now(0.099, (0.05, 0.2), chance, np.arange(100) < 10)
    assert (before.among, after.among) == (100, 90)
    assert after.value < before.value
    assert wrong_labels_now(None, None, chance, np.zeros(100, bool)).known is False


@pytest.mark.parametrize("model", [(0.1, 0.2, 0.3), (0.1, 0.0, 1.5), (0.1, 0.2)])
def test_a_share_outside_its_interval_is_named(model):
    with pytest.raises(InputError, match="model"):
        wrong_labels_left(10, model=model)
