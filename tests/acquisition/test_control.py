"""The random audit sample estimates what it says it does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from dqkit.acquisition import build_queue, control_estimates
from dqkit.acquisition.control import share
from dqkit.records import InputError


@pytest.mark.parametrize(("hits", "of"), [(0, 10), (3, 20), (10, 10), (1, 200)])
def test_the_interval_ends_where_the_binomial_tails_hold_two_and_a_half_percent(hits: int, of: int) -> None:
    got = share(hits, of)
    assert got.value == hits / of
    if hits > 0:
        assert binom.sf(hits - 1, of, got.low) == pytest.approx(0.025)
    if hits < of:
        assert binom.cdf(hits, of, got.high) == pytest.approx(0.025)


def test_nothing_answered_is_not_measured() -> None:
    none = pd.DataFrame({c: [] for c in ("action", "control", "answer", "given_label", "suggested_label")})
    out = control_estimates(none, unseen=50)
    assert str(out.label_error_rate) == "not measured yet"
    assert out.errors_left[1:] == (0.0, 50.0)
    assert out.saved is None


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError, match="answer"):
        control_estimates(pd.DataFrame({"action": [], "control": [], "given_label": [], "suggested_label": []}))


def test_the_estimated_error_rate_is_unbiased_whatever_the_detector_says() -> None:
    rng = np.random.default_rng(0)
    n = 400
    truth = rng.integers(0, 3, n)
    wrong = np.zeros(n, dtype=bool)
    wrong[:60] = True
    given = np.where(wrong, (truth + 1) % 3, truth)
    names = np.array(["a", "b", "c"], dtype=object)
    signals = pd.DataFrame(
        {
            "label_score": np.where(wrong, 0.9, 0.1) * rng.random(n),
            "given_label": names[given],
            "suggested_label": names[truth],
        },
        index=pd.Index([f"s{i}" for i in range(n)]),
    )
    rates, covered = [], 0
    for seed in range(120):
        queue = build_queue(signals, budget=100, audit_share=0.4, seed=seed)
        at = signals.index.get_indexer(pd.Index(queue["sample_id"]))
        answers = queue.assign(answer=names[truth[at]], given_label=names[given[at]])
        out = control_estimates(answers, unseen=300)
        rates.append(out.label_error_rate.value)
        covered += out.label_error_rate.low <= 0.15 <= out.label_error_rate.high
        assert out.label_error_rate.of == 40
        assert out.yields.loc["relabel", "share"] > 0.3
    # 120 means of 40 draws: standard error sqrt(0.15 * 0.85 / 40 / 120) = 0.005
    assert abs(np.mean(rates) - 0.15) < 4 * 0.0052
    assert covered >= 0.95 * 120 - 4 * np.sqrt(120 * 0.95 * 0.05)


def test_yields_and_savings_by_hand() -> None:
    answers = pd.DataFrame(
        {
            "action": ["relabel"] * 12 + ["label"] * 4,
            "control": [True] * 5 + [False] * 7 + [True] * 2 + [False] * 2,
            "answer": ["a"] * 16,
            "given_label": ["a"] * 4 + ["b"] + ["b"] * 6 + ["a"] + [None] * 4,
            "suggested_label": ["a"] * 12 + ["a", "b", "b", "b"],
        }
    )
    out = control_estimates(answers, unseen=10)
    assert (out.label_error_rate.hits, out.label_error_rate.of) == (1, 5)
    assert (out.model_accuracy.hits, out.model_accuracy.of) == (6, 7)
    assert out.errors_left[0] == pytest.approx(2.0)
    # 6 of 7 queued labels changed; at 1 in 5, random review needs 30 answers for that: 23 saved
    assert out.saved == 23.0
    assert out.yields.loc["relabel", "times_random"] == pytest.approx((6 / 7) / (1 / 5))
    assert out.yields.loc["label", ["reviewed", "changed"]].tolist() == [2, 2]
