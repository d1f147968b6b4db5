"""The default strategy trusts the model as far as leave-one-out evidence goes."""

from __future__ import annotations

import numpy as np
import pytest

from dqkit.acquisition import FallbackWarning, select
from dqkit.acquisition.strategies.auto import evidence, geometry, leave_one_out, reach, tempered
from dqkit.acquisition.strategies.herding import Gaussian, bandwidth, coverage_rows, greedy_cover
from dqkit.acquisition.strategies.pool import make_pool
from dqkit.acquisition.strategies.uncertain import margin_scores


def _blobs(gap: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 120)
    return (rng.normal(size=(120, 3)) + gap * np.eye(3)[y]).astype(np.float32), y


@pytest.mark.parametrize("ridge", [1e-2, 1.0])
def test_leave_one_out_equals_fitting_without_each_row(ridge: float) -> None:
    x, y = _blobs(2.0)
    x, y = x[:30].astype(float), y[:30]
    scale = (x**2).sum(axis=1).mean()
    gram = x @ x.T / scale + 1.0
    hits = 0
    for i in range(30):
        rest = np.arange(30) != i
        alpha = np.linalg.solve(gram[np.ix_(rest, rest)] + ridge * np.eye(29), np.eye(3)[y[rest]])
        hits += int((gram[i, rest] @ alpha).argmax() == y[i])
    assert leave_one_out(x.astype(np.float32), y, [ridge]) == pytest.approx([hits / 30])


@pytest.mark.parametrize("goal", [0.4, 0.7, 0.95])
def test_tempering_makes_mean_confidence_the_accuracy_and_keeps_the_order(goal: float) -> None:
    probs = np.random.default_rng(0).dirichlet(np.ones(3), 200)
    out = tempered(probs, goal)
    np.testing.assert_allclose(out.sum(axis=1), 1)
    assert out.max(axis=1).mean() == pytest.approx(goal, abs=1e-3)
    np.testing.assert_array_equal(out.argsort(axis=1), probs.argsort(axis=1))


def test_evidence_rises_with_how_well_the_classes_separate() -> None:
    found = []
    for gap in (0.0, 2.0, 8.0):
        x, y = _blobs(gap)
        mask = np.arange(120) < 40
        pool = make_pool(
            features=x,
            pred_probs=None,
            member_probs=None,
            labeled=mask,
            labels=np.where(mask, y, -1),
            candidates=None,
            seed=0,
        )
        found.append(evidence(pool, x))
    assert found[0] < 0.6 < found[1] < found[2] == 1.0


def test_without_evidence_the_picks_are_those_of_even_coverage() -> None:
    x, _ = _blobs(3.0)
    probs = np.random.default_rng(1).dirichlet(np.full(3, 0.3), 120)
    one_class = np.where(np.arange(120) < 10, 0, -1)
    auto = select("auto", 8, features=x, pred_probs=probs, labeled=one_class >= 0, labels=one_class)
    even = select("maxherding", 8, features=x, labeled=one_class >= 0)
    assert len(set(auto.tolist()) & set(even.tolist())) >= 6


def test_with_evidence_the_picks_cover_the_unsure_rows() -> None:
    x, y = _blobs(4.0)
    known = np.where(np.arange(120) < 60, y, -1)
    probs = 0.98 * np.eye(3)[y] + 0.02 / 3
    unsure = np.arange(100, 120)
    probs[unsure] = 1 / 3
    picks = select("auto", 6, features=x, pred_probs=probs, labeled=known >= 0, labels=known)
    pool = make_pool(
        features=x, pred_probs=probs, member_probs=None, labeled=known >= 0, labels=known, candidates=None, seed=0
    )
    rows = coverage_rows(pool, 6)
    used, accuracy = geometry(pool, x)
    weights = margin_scores(tempered(probs[rows], accuracy)).astype(np.float32)
    expected = greedy_cover(pool, used, rows, 6, weights, Gaussian(reach(pool, used, rows)))
    np.testing.assert_array_equal(picks, expected)
    near = ((x[picks][:, None] - x[unsure][None]) ** 2).sum(axis=2).min(axis=1)
    assert np.median(near) < 1.0


def test_rows_are_scaled_to_one_length_where_only_their_direction_tells_the_class() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90)
    direction = np.eye(3)[y] + 0.3 * rng.normal(size=(90, 3))
    wild = (direction * np.exp(2.5 * rng.normal(size=90))[:, None]).astype(np.float32)
    known = np.where(np.arange(90) < 60, y, -1)

    def used(x: np.ndarray) -> tuple[np.ndarray, float | None]:
        pool = make_pool(
            features=x, pred_probs=None, member_probs=None, labeled=known >= 0, labels=known, candidates=None, seed=0
        )
        return geometry(pool, pool.features)

    rows, accuracy = used(wild)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    assert accuracy > 0.8
    same, _ = used(np.eye(3, dtype=np.float32)[y] * 5)
    np.testing.assert_array_equal(same, np.eye(3)[y] * 5)


def test_the_kernel_reaches_no_further_than_the_labels_are_apart() -> None:
    x = np.arange(40, dtype=np.float32)[:, None]
    rows = np.arange(40)
    few, many = (
        make_pool(features=x, pred_probs=None, member_probs=None, labeled=at, labels=None, candidates=None, seed=0)
        for at in (np.array([0]), np.arange(0, 40, 4))
    )
    # one label: the mean squared distance of all pairs over ten; a label every fourth row: most rows are 1 away
    pairs = np.mean([(i - j) ** 2 for i in range(40) for j in range(40) if i != j])
    assert reach(few, x, rows) == pytest.approx(pairs / 10)
    assert reach(many, x, rows) == pytest.approx(1 / 3)
    assert bandwidth(x, 0) == pytest.approx(pairs / 10)


def test_without_labels_or_features_it_still_picks_and_says_so() -> None:
    probs = np.random.default_rng(1).dirichlet(np.ones(3), 50)
    with pytest.warns(FallbackWarning, match="no features"):
        assert len(select("auto", 5, pred_probs=probs, labeled=[0, 1])) == 5
