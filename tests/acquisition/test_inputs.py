"""What `select` is handed: every legal form gives the same picks, every other is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dqkit.acquisition import STRATEGIES, FallbackWarning, select, select_balanced
from dqkit.acquisition.inputs import feature_rows
from dqkit.acquisition.strategies.uncertain import bald_scores, kl_scores, vote_entropy_scores
from dqkit.records import InputError

DISTANCE = ["kcenter", "maxherding", "probcover", "typiclust", "uncertainty_herding", "auto"]
BY_ROW = ["margin", "entropy", "least_confidence", "kl", "bald", "kcenter", "uncertainty_herding", "auto"]


def _pool(n: int = 80, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    members = rng.dirichlet(np.ones(3), (4, n))
    mask = np.zeros(n, dtype=bool)
    mask[rng.permutation(n)[:12]] = True
    return {
        "features": rng.normal(size=(n, 5)),
        "pred_probs": members.mean(axis=0),
        "member_probs": members,
        "labeled": mask,
        "labels": np.where(mask, rng.integers(0, 3, n), -1),
    }


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_every_form_of_the_same_input_gives_the_same_picks(strategy: str) -> None:
    pool = _pool()
    plain = select(strategy, 12, **pool, seed=1)
    forms: list[dict[str, Any]] = [
        {"features": pool["features"].astype(np.float32)},
        {"features": np.asfortranarray(pool["features"])},
        {"features": pd.DataFrame(pool["features"]), "pred_probs": pd.DataFrame(pool["pred_probs"])},
        {"features": pool["features"].tolist(), "labels": pool["labels"].tolist()},
        {"labels": pool["labels"].astype(float)},
        {"labeled": pd.Series(pool["labeled"]), "labels": pd.Series(pool["labels"])},
        {"labeled": np.flatnonzero(pool["labeled"])},
        {"labeled": np.flatnonzero(pool["labeled"])[::-1].tolist()},
        {"candidates": ~pool["labeled"]},
        {"candidates": np.flatnonzero(~pool["labeled"])},
    ]
    for form in forms:
        np.testing.assert_array_equal(plain, select(strategy, 12, **{**pool, **form}, seed=1), err_msg=str(list(form)))


@pytest.mark.parametrize("strategy", BY_ROW)
def test_rows_in_another_order_are_picked_all_the_same(strategy: str) -> None:
    pool = _pool()
    order = np.random.default_rng(1).permutation(80)
    moved = {k: v[:, order] if k == "member_probs" else v[order] for k, v in pool.items()}
    np.testing.assert_array_equal(select(strategy, 12, **pool), order[select(strategy, 12, **moved)])


@pytest.mark.parametrize("strategy", DISTANCE)
@pytest.mark.parametrize("offset", [1e3, -1e6])
def test_features_far_from_zero_keep_their_distances(strategy: str, offset: float) -> None:
    pool = _pool(200)
    moved = {**pool, "features": pool["features"] + offset}
    if strategy == "auto":  # it may judge the rows at one length too, which an offset does change
        pool["features"] = pool["features"] - pool["features"].mean(axis=0)
    np.testing.assert_array_equal(select(strategy, 20, **pool), select(strategy, 20, **moved))


@pytest.mark.parametrize("strategy", ["kcenter", "maxherding"])
@pytest.mark.parametrize("scale", [1e-25, 1e25, 1e37])
def test_features_of_any_size_keep_their_order(strategy: str, scale: float) -> None:
    pool = _pool()
    plain = select(strategy, 12, **pool)
    np.testing.assert_array_equal(plain, select(strategy, 12, **{**pool, "features": pool["features"] * scale}))


def test_features_near_zero_are_left_as_they_are() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32) + 3
    np.testing.assert_array_equal(feature_rows(rows), rows)
    np.testing.assert_allclose(feature_rows(rows + 1000).mean(axis=0), 0, atol=1e-3)


@pytest.mark.parametrize("strategy", DISTANCE)
def test_features_without_columns_count_as_missing(strategy: str) -> None:
    pool = _pool()
    with pytest.warns(FallbackWarning, match="no features"):
        assert len(set(select(strategy, 9, **{**pool, "features": np.empty((80, 0))}).tolist())) == 9


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_one_class_alone_can_be_selected_from(strategy: str) -> None:
    pool = {**_pool(), "pred_probs": np.ones((80, 1)), "member_probs": np.ones((2, 80, 1))}
    pool["labels"] = np.where(pool["labeled"], 0, -1)
    assert len(set(select(strategy, 9, **pool).tolist())) == 9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": np.full(80, "cat")}, "labels must be whole numbers.*cat"),
        ({"labels": np.full(80, "1")}, "labels must be whole numbers"),
        ({"labels": np.full(80, None)}, "labels must be whole numbers.*None"),
        ({"labels": np.where(np.arange(80) == 7, np.nan, 1.0)}, "labels must be whole numbers.*nan"),
        ({"labels": np.full(80, 0.5)}, "labels must be whole numbers.*0.5"),
        ({"labels": np.full(80, -5)}, "labels must be whole numbers of -1 or more.*-5"),
        ({"features": np.full((80, 2), "a")}, "features must hold numbers"),
        ({"features": np.full((80, 2), 1e300)}, "features must be finite; row 0"),
        ({"features": np.where(np.arange(80)[:, None] == 6, np.inf, np.ones((80, 2)))}, "row 6 is not"),
        ({"pred_probs": np.full((80, 2), "a")}, "pred_probs must hold numbers"),
        ({"labeled": (np.arange(80) < 12).astype(int)}, "one 0 or 1 per sample"),
        ({"candidates": (np.arange(80) < 12).astype(int)}, "candidates must be a boolean mask"),
        ({"labeled": None}, "labeled must have shape"),
        ({"labeled": np.zeros((80, 1), dtype=bool)}, "labeled must be a boolean mask"),
    ],
)
def test_what_cannot_be_meant_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        select("auto", 3, **{**_pool(), **change})


@pytest.mark.parametrize("n", [2.5, -1, True, "3"])
def test_a_balanced_selection_names_its_own_n(n: Any) -> None:
    with pytest.raises(InputError, match=f"got {n!r}"):
        select_balanced("margin", n, pred_probs=np.full((4, 2), 0.5), labeled=[0])


def test_a_committee_is_judged_in_blocks_as_it_is_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = _pool()
    left = np.flatnonzero(~pool["labeled"])
    for name, score in (("bald", bald_scores), ("kl", kl_scores), ("vote_entropy", vote_entropy_scores)):
        scores = score(pool["member_probs"][:, left])
        expected = left[np.argsort(-scores, kind="stable")[:20]]
        for block in (7, 68, 1000):
            monkeypatch.setattr("dqkit.acquisition.strategies.uncertain.BLOCK", block)
            np.testing.assert_array_equal(select(name, 20, **pool), expected)
