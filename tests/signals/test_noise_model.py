"""The parts of the noise model, each against a hand calculation or a slow twin."""

from __future__ import annotations

import numpy as np
import pytest

from dqkit.signals import label_errors
from dqkit.signals.label_noise.families import neighbor_votes
from dqkit.signals.label_noise.noise_model import (
    best_exponent,
    clear_matrix,
    fit_sample,
    floor_of,
    member_weights,
    normalized,
    overall_matrix,
    sharpen,
    unmix,
    without_floor,
)


def random_probs(n, c, seed, power=3.0):
    rng = np.random.default_rng(seed)
    return normalized(rng.random((n, c)) ** power + 1e-3)


def test_unmix_undoes_a_mix():
    clean = normalized(np.full((30, 3), 0.02) + np.eye(3)[np.arange(30) % 3])
    matrix = np.array([[0.7, 0.3, 0.0], [0.1, 0.9, 0.0], [0.0, 0.2, 0.8]])
    mixed = (clean @ matrix).astype(np.float32)
    np.testing.assert_allclose(unmix(mixed, matrix, steps=2000), clean, atol=5e-3)


def test_unmix_is_richardson_lucy_row_by_row():
    probs, matrix = random_probs(7, 4, 0), random_probs(4, 4, 1).astype(float) + np.eye(4)
    matrix /= matrix.sum(axis=1, keepdims=True)
    slow = probs.astype(float).copy()
    for row, p in zip(slow, probs.astype(float), strict=True):
        for _ in range(12):
            mixed = [sum(row[t] * matrix[t, g] for t in range(4)) for g in range(4)]
            row[:] = [row[t] * sum(matrix[t, g] * p[g] / mixed[g] for g in range(4)) for t in range(4)]
            row /= row.sum()
    np.testing.assert_allclose(unmix(probs, matrix), slow, atol=1e-4)


def test_member_weights_are_the_best_of_a_grid():
    given_probs = np.random.default_rng(0).random((2, 300)) ** np.array([[1.0], [2.0]])
    grid = np.linspace(0, 1, 1001)
    loss = [np.log(np.maximum(w * given_probs[0] + (1 - w) * given_probs[1], 1e-6)).sum() for w in grid]
    assert member_weights(given_probs, steps=5000)[0] == pytest.approx(grid[int(np.argmax(loss))], abs=0.02)


def test_the_exponent_undoes_a_blunt_temperature():
    rng = np.random.default_rng(0)
    probs = random_probs(5000, 5, 1)
    labels = (rng.random(5000)[:, None] > probs.cumsum(axis=1)).sum(axis=1).clip(0, 4)
    assert best_exponent(sharpen(probs, 0.5), labels) == pytest.approx(2.0, rel=0.15)
    assert best_exponent(probs, labels) == pytest.approx(1.0, rel=0.15)


def test_the_clear_matrix_counts_the_clearer_half():
    confidence = np.array([0.99, 0.98, 0.6, 0.55] * 40)
    clean = np.stack([confidence, 1 - confidence], axis=1).astype(np.float32)
    given = np.array([0, 0, 1, 1] * 40)  # only unclear rows carry the other label
    assert clear_matrix(clean, given)[0, 0] > 0.99
    assert overall_matrix(clean, given)[0, 0] == pytest.approx((80 + 0.51) / (160 + 0.52))


def test_the_sample_follows_the_rows_and_not_their_places():
    rows, given = random_probs(500, 3, 2), np.random.default_rng(0).integers(0, 3, 500)
    order = np.random.default_rng(1).permutation(500)
    picked = fit_sample(rows, given, 0, limit=100)
    again = fit_sample(rows[order], given[order], 0, limit=100)
    assert len(picked) == 100
    assert sorted(order[again]) == picked.tolist()
    assert fit_sample(rows, given, 1, limit=100).tolist() != picked.tolist()


def test_neighbour_votes_are_counted_with_a_row_of_prior():
    given = np.array([0, 0, 1, -1])
    indices = np.array([[1, 2], [0, 3], [0, 1], [2, -1]])
    counts = np.array([[1, 1], [1, 0], [2, 0], [0, 1]])
    expected = (counts + np.array([3, 2]) / 5) / (counts.sum(axis=1, keepdims=True) + 1)
    np.testing.assert_allclose(neighbor_votes(indices, given, 2), expected, rtol=1e-6)


def test_a_fit_is_the_same_when_blocks_are_small(monkeypatch):
    probs, given = random_probs(900, 4, 3), np.random.default_rng(0).integers(-1, 4, 900)
    whole = label_errors(given, probs)
    monkeypatch.setattr("dqkit.signals.label_noise.noise_model.BLOCK_VALUES", 400)
    parts = label_errors(given, probs)
    np.testing.assert_allclose(whole.table["score"], parts.table["score"], atol=1e-4)
    assert (whole.table["suggested_label"] == parts.table["suggested_label"]).all()


def test_the_floor_of_calibrated_rows_is_found_and_taken_off():
    rng = np.random.default_rng(0)
    raw = rng.dirichlet(np.full(5, 0.1), size=4000).astype(np.float32)
    mixed = 0.9 * raw + 0.1 / 5
    floor = floor_of(mixed)
    assert 0.0195 <= floor <= 0.0205
    np.testing.assert_allclose(without_floor(mixed, 0.02), raw, atol=2e-5)
    assert floor_of(raw) < 1e-4
    assert floor_of(raw[:0]) == 0.0


def test_an_even_share_mixed_into_every_row_changes_hardly_any_rank():
    rng = np.random.default_rng(1)
    n, c = 4000, 8
    true = rng.integers(0, c, n)
    # The model confuses the first four classes with one another; the errors spread evenly over all.
    logits = rng.normal(size=(n, c)) + 5.0 * np.eye(c)[true]
    alike = true < 4
    logits[alike, :4] += rng.normal(0, 2.5, (alike.sum(), 4)) + 2
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    given = np.where(rng.random(n) < 0.1, rng.integers(0, c, n), true)
    wrong = given != true

    def average_precision(pred_probs):
        hits = wrong[np.argsort(-label_errors(given, pred_probs).table["score"].to_numpy(), kind="stable")]
        return float((np.cumsum(hits) / np.arange(1, n + 1))[hits].mean())

    assert average_precision(0.9 * probs + 0.1 / c) == pytest.approx(average_precision(probs), abs=0.03)
