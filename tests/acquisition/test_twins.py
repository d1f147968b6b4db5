"""Each fast strategy against a slow twin that follows its definition word for word."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dqkit.acquisition import select
from dqkit.acquisition.strategies.badge import error_vectors, plus_plus
from dqkit.acquisition.strategies.cover import farthest_first, typicality
from dqkit.acquisition.strategies.herding import Ball, Gaussian, ball_radius, bandwidth, lazy_greedy
from dqkit.acquisition.strategies.uncertain import (
    bald_scores,
    entropy_scores,
    kl_scores,
    margin_scores,
    vote_entropy_scores,
)
from dqkit.arrays.distances import squared_norms

SEEDS = [0, 1, 2]


def _blobs(seed: int, n: int = 150, d: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, d)) + 4 * rng.integers(0, 3, (n, 1))).astype(np.float32)
    labeled = np.zeros(n, dtype=bool)
    labeled[rng.permutation(n)[:9]] = True
    return x, rng.dirichlet(np.full(3, 0.7), n), labeled


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return math.sqrt(sum((float(u) - float(v)) ** 2 for u, v in zip(a, b, strict=True)))


def test_margin_entropy_and_least_confidence_by_hand() -> None:
    probs = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0], [0.4, 0.4, 0.2]])
    np.testing.assert_allclose(margin_scores(probs), [0.8, 0.0, 1.0])
    half = -(0.5 * math.log(0.5) + 0.3 * math.log(0.3) + 0.2 * math.log(0.2)) / math.log(3)
    even = -(0.8 * math.log(0.4) + 0.2 * math.log(0.2)) / math.log(3)
    np.testing.assert_allclose(entropy_scores(probs), [half, 0.0, even], atol=1e-12)
    none = np.zeros(3, dtype=bool)
    assert select("least_confidence", 3, pred_probs=probs, labeled=none).tolist() == [2, 0, 1]
    assert select("entropy", 3, pred_probs=probs, labeled=none).tolist() == [2, 0, 1]


def test_the_committee_scores_by_hand() -> None:
    # two members: agreed and sure; opposed and sure; agreed and unsure
    members = np.array([[[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]])
    np.testing.assert_allclose(vote_entropy_scores(members), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(bald_scores(members), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(kl_scores(members), [0, math.log(2), 0], atol=1e-9)


def test_equal_scores_go_by_position() -> None:
    assert select("margin", 3, pred_probs=np.full((6, 2), 0.5), labeled=[1, 4]).tolist() == [0, 2, 3]


def test_powered_scores_draw_in_proportion_to_the_score() -> None:
    members = np.array([[[1.0, 0.0], [0.9, 0.1], [0.8, 0.2]], [[0.0, 1.0], [0.1, 0.9], [0.2, 0.8]]])
    share = bald_scores(members) / bald_scores(members).sum()
    first = [int(select("power_bald", 1, member_probs=members, labeled=[], seed=s)[0]) for s in range(1500)]
    counts = np.bincount(first, minlength=3) / 1500
    assert np.abs(counts - share).max() < 5 * math.sqrt(0.25 / 1500)


@pytest.mark.parametrize("seed", SEEDS)
def test_kcenter_is_farthest_first(seed: int) -> None:
    x, _, labeled = _blobs(seed)
    covered = [x[i] for i in np.flatnonzero(labeled)]
    left = np.flatnonzero(~labeled).tolist()
    expected = []
    for _ in range(25):
        gaps = [min(_distance(x[i], c) for c in covered) for i in left]
        at = left.pop(int(np.argmax(gaps)))
        expected.append(at)
        covered.append(x[at])
    assert select("kcenter", 25, features=x, labeled=labeled).tolist() == expected


def test_kcenter_beyond_its_shortlist_is_still_farthest_first() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 3)).astype(np.float32)
    gap = ((x - x[0]) ** 2).sum(axis=1)
    expected = []
    slow = gap.astype(np.float64)
    for _ in range(400):
        at = int(slow.argmax())
        expected.append(at)
        slow = np.minimum(slow, ((x.astype(np.float64) - x[at]) ** 2).sum(axis=1))
        slow[at] = -1
    assert farthest_first(x, squared_norms(x), gap.copy(), 400).tolist() == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_herding_is_plain_greedy_coverage(seed: int) -> None:
    x, probs, labeled = _blobs(seed)
    width = bandwidth(x[~labeled], 0)
    kernel = np.array([[math.exp(-(_distance(a, b) ** 2) / width) for b in x] for a in x])
    doubt = 1 - (np.sort(probs, axis=1)[:, 2] - np.sort(probs, axis=1)[:, 1])
    for name, weights in (("maxherding", np.ones(len(x))), ("uncertainty_herding", doubt)):
        assert select(name, 20, features=x, pred_probs=probs, labeled=labeled).tolist() == _greedy(
            kernel, weights, labeled, 20
        )


def _greedy(kernel: np.ndarray, weights: np.ndarray, labeled: np.ndarray, n: int) -> list[int]:
    covered = kernel[labeled].max(axis=0)
    out: list[int] = []
    for _ in range(n):
        gains = [
            -1.0 if labeled[j] or j in out else float((weights * np.maximum(kernel[j] - covered, 0)).sum())
            for j in range(len(kernel))
        ]
        out.append(int(np.argmax(gains)))
        covered = np.maximum(covered, kernel[out[-1]])
    return out


@pytest.mark.parametrize("seed", SEEDS)
def test_probcover_takes_the_ball_with_most_uncovered_rows(seed: int) -> None:
    x, _, labeled = _blobs(seed)
    radius = ball_radius(x[~labeled], 9 + 12, 0)
    balls = np.array([[_distance(a, b) <= radius for b in x] for a in x], dtype=float)
    expected = _greedy(balls, np.ones(len(x)), labeled, 12)
    assert select("probcover", 12, features=x, labeled=labeled).tolist() == expected


def test_lazy_greedy_keeps_to_plain_greedy_over_many_blocks() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1300, 3)).astype(np.float32)
    squared = ((x[:, None].astype(np.float64) - x[None]) ** 2).sum(axis=2)
    for kernel, dense in ((Gaussian(0.5), np.exp(-squared / 0.5)), (Ball(0.3), (squared <= 0.09).astype(float))):
        weights = rng.random(1300).astype(np.float32)
        covered = np.zeros(1300)
        value = []
        for at in lazy_greedy(x, np.zeros(1300, np.float32), weights, kernel, 20):
            gains = np.maximum(dense - covered, 0) @ weights
            value.append(gains[at] / gains.max())
            covered = np.maximum(covered, dense[at])
        np.testing.assert_allclose(value, 1, rtol=1e-4)


def test_typicality_is_the_inverse_mean_distance_to_twenty_neighbours() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)).astype(np.float32)
    expected = []
    for i in range(60):
        gaps = sorted(_distance(x[i], x[j]) for j in range(60) if j != i)
        expected.append(1 / (sum(gaps[:20]) / 20))
    np.testing.assert_allclose(typicality(x, x), expected, rtol=2e-3)


def test_typiclust_visits_unlabelled_clusters_first_and_takes_their_middle() -> None:
    rng = np.random.default_rng(0)
    centers = np.array([[0, 0], [50, 0], [0, 50], [50, 50]])
    x = np.concatenate([c + rng.normal(size=(30, 2)) for c in centers]).astype(np.float32)
    labeled = np.zeros(120, dtype=bool)
    labeled[[0, 30]] = True  # the first two blobs
    picks = select("typiclust", 2, features=x, labeled=labeled)
    assert sorted(picks // 30) == [2, 3]
    for pick in picks:
        blob = np.arange(120) // 30 == pick // 30
        spread = np.array([np.sort(np.linalg.norm(x[blob] - row, axis=1))[1:21].mean() for row in x[blob]])
        assert np.flatnonzero(blob)[spread.argmin()] == pick


def test_badge_draws_from_the_distances_between_written_out_gradients() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    probs = rng.dirichlet(np.ones(4), 40)
    onehot = np.eye(4)[probs.argmax(axis=1)]
    gradients = np.einsum("nc,nd->ncd", probs - onehot, x.astype(np.float64)).reshape(40, -1)
    for seed in range(20):
        draw = np.random.default_rng(seed)
        expected = [int((gradients**2).sum(axis=1).argmax())]
        while len(expected) < 8:
            gap = np.min([((gradients - gradients[j]) ** 2).sum(axis=1) for j in expected], axis=0)
            gap[expected] = 0
            mass = np.cumsum(gap)
            expected.append(int(np.searchsorted(mass, draw.random() * mass[-1], side="right")))
        assert plus_plus(x, error_vectors(probs), 8, np.random.default_rng(seed)).tolist() == expected
