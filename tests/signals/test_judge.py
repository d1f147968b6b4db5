"""The judge keeps what it must whatever it learned: order, monotony, size; and its weights are what they say."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from dqkit.signals import label_errors
from dqkit.signals.label_noise import judge
from dqkit.signals.label_noise.evidence import RISING, SITUATION, Members
from dqkit.signals.label_noise.families import weigh
from dqkit.signals.label_noise.judge import audited
from dqkit.signals.label_noise.traits import TRAITS


def drawn(seed: int, n: int = 600, c: int = 5, members: int = 3, rate: float = 0.15):
    """Labels of which some are wrong, and members that know the truth more or less."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, c, n)
    given = np.where(rng.random(n) < rate, rng.integers(0, c, n), true)
    logits = rng.normal(size=(members, n, c)) + 2.0 * np.eye(c)[true]
    probs = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    return probs.astype(np.float32), given, true


def judged(probs, given, seed=0):
    mix = weigh(probs, given, np.arange(len(given)), None)
    return audited(mix.probs, given, Members.told(probs, given), mix.weights, seed)


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_rows_classes_and_members_changes_nothing(seed):
    probs, given, _ = drawn(seed)
    plain = judged(probs, given).log_odds
    rng = np.random.default_rng(seed)
    rows, classes, members = rng.permutation(len(given)), rng.permutation(5), rng.permutation(3)
    place = np.argsort(classes)
    moved = judged(probs[members][:, rows][:, :, classes], place[given[rows]]).log_odds
    np.testing.assert_allclose(moved, plain[rows], atol=2e-3)


@pytest.mark.parametrize("seed", range(6))
def test_a_lower_probability_of_the_given_label_never_lowers_the_error_probability(seed):
    # What it loses goes to the other classes in proportion, in every member; the dataset is what it was.
    probs, given, _ = drawn(seed)
    audit = judged(probs, given)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(given))[:100]
    before = probs[:, rows]
    own = np.eye(5, dtype=bool)[given[rows]]
    weights = weigh(probs, given, np.arange(len(given)), None).weights.astype(np.float32)
    last = None
    for share in (1.0, 0.8, 0.5, 0.2, 0.02):
        lowered = np.where(own, before * share, 0)
        left = (1 - lowered.sum(axis=2, keepdims=True)) / np.where(own, 0, before).sum(axis=2, keepdims=True)
        lowered = np.where(own, lowered, before * left).astype(np.float32)
        odds = audit.log_odds_of(
            np.einsum("m,mnc->nc", weights, lowered), given[rows], Members.told(lowered, given[rows])
        )
        if last is not None:
            assert (odds >= last - 0.02).all()
        last = odds


def test_ten_times_the_same_rows_are_judged_nearly_alike():
    probs, given, _ = drawn(0, n=1500)
    once = judged(probs, given).log_odds
    tenfold = judged(np.tile(probs, (1, 10, 1)), np.tile(given, 10)).log_odds[: len(given)]
    assert np.abs(np.tanh(once / 2) - np.tanh(tenfold / 2)).mean() < 0.1


def test_the_networks_are_the_sums_they_are_said_to_be():
    probs, given, _ = drawn(1, n=60)
    audit = judged(probs, given)
    w = judge._weights()

    def softplus(x):
        return np.log1p(np.exp(x))

    def scaled(values, name, limit):
        return np.clip((values - w[f"{name}_mean"]) / w[f"{name}_scale"], -limit, limit)

    z = scaled(audit.seen.traits, "traits", 3)
    row = 7
    r, s = (
        scaled(part[row], name, 6)
        for part, name in ((audit.rows.rising, "rising"), (audit.rows.situation, "situation"))
    )
    slow = []
    for i in range(len(w["encode"])):
        code = np.tanh(w["encode"][i] @ z + w["encode_bias"][i])
        both = np.concatenate([code, s])
        inside = softplus(w["up"][i]) @ r + w["bend"][i] @ both + w["bend_bias"][i]
        half = len(inside) // 2
        bent = np.concatenate([softplus(inside[:half]), -softplus(-inside[half:])])
        value = softplus(w["slopes"][i] @ code + w["slopes_bias"][i]) @ r + bent @ softplus(w["out"][i])
        slow.append(value + w["shift"][i] @ np.tanh(w["aside"][i] @ both + w["aside_bias"][i]) + w["shift_bias"][i])
    assert audit.outside == 0
    assert audit.log_odds[row] == pytest.approx(np.mean(slow), abs=1e-3)


def test_the_weights_are_small_and_fit_the_evidence():
    file = resources.files("dqkit.signals.label_noise").joinpath(judge.WEIGHTS)
    assert len(file.read_bytes()) < 500_000
    w = judge._weights()
    assert len(w["rising_mean"]) == len(RISING) == w["up"].shape[2]
    assert len(w["situation_mean"]) == len(SITUATION)
    assert len(w["traits_mean"]) == len(TRAITS) == w["encode"].shape[2]
    assert all(np.isfinite(values).all() for values in w.values())


def test_what_lies_outside_the_simulated_range_is_said_and_left_to_noise_by_class():
    probs, given, _ = drawn(2)
    inside = judged(probs, given)
    assert inside.outside == 0
    far = inside.seen.traits + 60 * judge._weights()["traits_scale"]
    assert judge._outside(far) == 1
    odds = judge._log_odds(inside.rows, far, 1.0)
    np.testing.assert_allclose(odds, inside.rows.rising[:, RISING.index("class_noise")], atol=1e-6)


def test_the_same_rows_under_other_labels_are_judged_by_the_same_fit():
    probs, given, _ = drawn(3)
    audit = judged(probs, given)
    mix = weigh(probs, given, np.arange(len(given)), None).probs
    again = audit.log_odds_of(mix, given, Members.told(probs, given))
    np.testing.assert_allclose(again, audit.log_odds, atol=1e-5)
    other = (given + 1) % 5
    moved = audit.log_odds_of(mix, other, Members.told(probs, other))
    right = given == mix.argmax(axis=1)
    assert moved[right].mean() > audit.log_odds[right].mean() + 2


def test_planted_errors_are_found_and_counted():
    probs, given, true = drawn(5, n=3000, members=2, rate=0.2)
    wrong = given != true
    found = label_errors(given, probs)
    low, high = found.noise_rate_interval
    assert low <= wrong.mean() <= high
    flag = found.table["flag"].to_numpy()
    assert 2 * (flag & wrong).sum() / (flag.sum() + wrong.sum()) > 0.7
