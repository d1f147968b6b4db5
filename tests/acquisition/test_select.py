"""Every strategy keeps the contract of `select`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqkit.acquisition import STRATEGIES, FallbackWarning, select
from dqkit.acquisition.strategies import herding
from dqkit.acquisition.strategies.pool import make_pool
from dqkit.records import InputError


def _pool(n: int = 80, labeled: int = 12, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    members = rng.dirichlet(np.ones(3), (4, n))
    mask = np.zeros(n, dtype=bool)
    mask[rng.permutation(n)[:labeled]] = True
    return {
        "features": rng.normal(size=(n, 5)).astype(np.float32),
        "pred_probs": members.mean(axis=0),
        "member_probs": members,
        "labeled": mask,
        "labels": np.where(mask, rng.integers(0, 3, n), -1),
    }


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
@settings(max_examples=12, deadline=None)
@given(n=st.integers(0, 90), labeled=st.integers(0, 79), seed=st.integers(0, 50))
def test_picks_are_distinct_unlabelled_and_as_many_as_asked(strategy: str, n: int, labeled: int, seed: int) -> None:
    pool = _pool(labeled=labeled, seed=seed)
    picks = select(strategy, n, **pool, seed=seed)
    assert picks.dtype == np.int64
    assert len(picks) == len(set(picks.tolist())) == min(n, 80 - labeled)
    assert not pool["labeled"][picks].any()


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_the_same_seed_gives_the_same_picks(strategy: str) -> None:
    first, second = (select(strategy, 15, **_pool(), seed=7) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_a_budget_beyond_the_pool_takes_every_row_once(strategy: str) -> None:
    pool = _pool()
    assert sorted(select(strategy, 1000, **pool).tolist()) == np.flatnonzero(~pool["labeled"]).tolist()


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_one_unlabelled_row_is_picked(strategy: str) -> None:
    pool = _pool(labeled=79)
    assert select(strategy, 5, **pool).tolist() == np.flatnonzero(~pool["labeled"]).tolist()


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_nothing_unlabelled_gives_no_picks(strategy: str) -> None:
    assert len(select(strategy, 5, **_pool(labeled=80))) == 0


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_identical_samples_can_be_picked(strategy: str) -> None:
    pool = _pool()
    pool["features"] = np.ones((80, 5), np.float32)
    pool["member_probs"] = np.full((4, 80, 3), 1 / 3)
    pool["pred_probs"] = np.full((80, 3), 1 / 3)
    picks = select(strategy, 10, **pool)
    assert len(set(picks.tolist())) == 10


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_nothing_labelled_yet_is_a_valid_start(strategy: str) -> None:
    assert len(select(strategy, 6, **_pool(labeled=0))) == 6


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_a_class_without_a_label_is_no_obstacle(strategy: str) -> None:
    pool = _pool()
    pool["labels"] = np.where(pool["labeled"], 0, -1)
    assert len(select(strategy, 6, **pool)) == 6


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_only_candidates_are_picked(strategy: str) -> None:
    pool = _pool()
    allowed = np.flatnonzero(~pool["labeled"])[::3]
    picks = select(strategy, 1000, **pool, candidates=allowed)
    assert sorted(picks.tolist()) == allowed.tolist()


@pytest.mark.parametrize(
    "strategy", ["kcenter", "typiclust", "probcover", "maxherding", "uncertainty_herding", "badge"]
)
def test_missing_features_are_replaced_by_probabilities_and_said(strategy: str) -> None:
    pool = _pool()
    del pool["features"]
    with pytest.warns(FallbackWarning, match="no features"):
        assert len(select(strategy, 6, **pool)) == 6


@pytest.mark.parametrize("strategy", ["kcenter", "typiclust", "probcover", "maxherding", "auto"])
def test_without_features_and_probabilities_the_picks_are_random_and_said(strategy: str) -> None:
    mask = _pool()["labeled"]
    with pytest.warns(FallbackWarning, match="random"):
        picks = select(strategy, 6, labeled=mask, seed=3)
    np.testing.assert_array_equal(picks, select("random", 6, labeled=mask, seed=3))


def test_labeled_may_be_a_mask_or_positions() -> None:
    pool = _pool()
    by_mask = select("margin", 9, **pool)
    pool["labeled"] = np.flatnonzero(pool["labeled"])[::-1]
    np.testing.assert_array_equal(by_mask, select("margin", 9, **pool))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"pred_probs": None, "member_probs": None}, "pred_probs"),
        ({"pred_probs": np.ones((80, 3))}, "pred_probs"),
        ({"labeled": np.zeros(7, dtype=bool)}, "labeled"),
        ({"labeled": np.array([99])}, "labeled"),
        ({"labeled": np.array([0.5])}, "labeled"),
        ({"features": np.full((80, 5), np.nan)}, "features"),
        ({"features": np.zeros((79, 5))}, "80|79"),
        ({"features": np.zeros((80, 5, 2))}, "features"),
        ({"labels": np.zeros(3, dtype=int)}, "labels"),
    ],
)
def test_bad_input_is_named(change: dict[str, np.ndarray | None], word: str) -> None:
    with pytest.raises(InputError, match=word):
        select("margin", 3, **{**_pool(), **change})


def test_an_unknown_strategy_and_a_negative_budget_are_refused() -> None:
    with pytest.raises(InputError, match="guess"):
        select("guess", 3, **_pool())
    with pytest.raises(InputError, match="-1"):
        select("margin", -1, **_pool())
    with pytest.raises(InputError, match="member_probs"):
        select("bald", 3, labeled=[True, False])


@pytest.mark.parametrize("seed", [-1, 1.5, True, "a"])
def test_a_seed_that_is_no_whole_number_is_named(seed: object) -> None:
    with pytest.raises(InputError, match="seed must be a whole number"):
        select("margin", 3, **_pool(), seed=seed)  # type: ignore[arg-type]


def test_large_pools_are_thinned_evenly_and_only_then() -> None:
    pool = make_pool(
        features=None,
        pred_probs=None,
        member_probs=None,
        labeled=np.arange(100_000) % 4 == 0,
        labels=None,
        candidates=None,
        seed=0,
    )
    assert len(pool.shortlist(5, 100_000)) == 75_000
    assert len(pool.shortlist(5, 1000)) == 1000
    assert len(pool.shortlist(2000, 1000)) == 2000
    assert set(pool.shortlist(5, 1000)) <= set(pool.candidates)
    assert len(pool.anchors) == 20_000
    # a tenth of the pool keeps a tenth of the sample, within five standard deviations
    inside = (pool.shortlist(5, 1000) < 10_000).sum()
    assert abs(inside - 100) < 5 * np.sqrt(1000 * 0.1 * 0.9)


@pytest.mark.parametrize("strategy", ["kcenter", "typiclust", "badge", "margin"])
def test_a_pool_beyond_the_shortlist_still_gives_distinct_unlabelled_rows(strategy: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(230_000, 2)).astype(np.float32)
    labeled = np.arange(230_000) < 10
    picks = select(strategy, 12, features=x, pred_probs=np.full((230_000, 2), 0.5), labeled=labeled)
    assert len(set(picks.tolist())) == 12
    assert not labeled[picks].any()


@pytest.mark.parametrize("strategy", ["margin", "kcenter", "badge"])
def test_a_million_rows_are_thinned_and_give_distinct_unlabelled_rows(strategy: str) -> None:
    n = 1_000_000
    x = np.random.default_rng(0).standard_normal((n, 2), dtype=np.float32)
    probs = np.full((n, 2), 0.5, np.float32)
    labeled = np.arange(10)
    picks = select(strategy, 100, features=x, pred_probs=probs, labeled=labeled)
    assert len(set(picks.tolist())) == 100
    assert picks.min() >= 10


@pytest.mark.parametrize("strategy", ["auto", "maxherding", "probcover", "uncertainty_herding"])
def test_coverage_is_judged_on_a_sample_of_large_pools(strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(herding, "MAX_ROWS", 1500)
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(40_000, 2)) + 5 * rng.integers(0, 3, (40_000, 1))).astype(np.float32)
    pool = make_pool(
        features=x, pred_probs=None, member_probs=None, labeled=[0, 1], labels=None, candidates=None, seed=0
    )
    rows = herding.coverage_rows(pool, 20)
    assert len(rows) == 1500
    probs = rng.dirichlet(np.ones(3), len(x))
    labels = np.where(np.arange(len(x)) < 2, 0, -1)
    picks = select(strategy, 20, features=x, pred_probs=probs, labeled=[0, 1], labels=labels)
    assert set(picks.tolist()) <= set(rows.tolist())
    # the stated guarantee: for rows chosen without looking, the sample's mean coverage is that of the pool to within
    # sqrt(log(2 / 1e-6) / (2 * 1500)) = 0.07, but for one chance in a million
    chosen = np.arange(2, 22)
    near = np.exp(-((x[:, None] - x[chosen][None]) ** 2).sum(axis=2) / 4).max(axis=1)
    assert abs(near[rows].mean() - near[2:].mean()) < 0.07
