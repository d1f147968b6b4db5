"""Reduced precision may only choose candidates: whatever it loses, the neighbours stay exact."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dqkit.signals import neighbors
from dqkit.signals.knn import reduced
from dqkit.signals.knn.points import prepare
from dqkit.signals.knn.tiles import largest_by_tiles


def features(n: int = 2600, d: int = 24) -> np.ndarray:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n, d)).astype(np.float32) + 4 * rng.normal(size=(15, d))[rng.integers(0, 15, n)]
    rows[:300] = rows[300] + 1e-3 * rng.normal(size=(300, d))  # closer together than bfloat16 can tell
    return rows.astype(np.float32)


def test_products_of_rounded_rows_lead_to_the_same_neighbours(monkeypatch):
    rows = features()
    monkeypatch.setattr(reduced, "precision", lambda: "float32")
    exact = neighbors(rows)

    def rounded(unit, offset, keep):
        return largest_by_tiles(unit.bfloat16().float(), offset, keep)

    monkeypatch.setattr(reduced, "precision", lambda: "bfloat16")
    monkeypatch.setattr(reduced, "_MOST_UNSURE", 1.0)
    monkeypatch.setattr(reduced, "largest_by_tiles", rounded)
    found = neighbors(rows)
    np.testing.assert_array_equal(found.distances, exact.distances)
    np.testing.assert_array_equal(found.indices, exact.indices)


@pytest.mark.parametrize("most_unsure", [0.1, 1.0])
def test_whole_number_products_lead_to_the_same_neighbours(monkeypatch, most_unsure):
    rows = features(2600, 160)
    monkeypatch.setattr(reduced, "precision", lambda: "float32")
    exact = neighbors(rows)
    monkeypatch.setattr(reduced, "precision", lambda: "int8")
    monkeypatch.setattr(reduced, "_MOST_UNSURE", most_unsure)
    found = neighbors(rows)
    np.testing.assert_array_equal(found.distances, exact.distances)
    np.testing.assert_array_equal(found.indices, exact.indices)


def test_whole_number_scores_stay_within_the_slack_that_is_allowed_for():
    rows = features(1500, 160)
    points = prepare(rows, "cosine", "cpu")
    scored = reduced._int8(points)
    index, floor = scored.largest(20)
    scores = points.unit @ points.unit.T
    scores.fill_diagonal_(-torch.inf)
    kept = torch.gather(scores, 1, index)
    left_out = scores.scatter(1, index, -torch.inf).amax(dim=1)
    assert float((floor - kept.amin(dim=1)).abs().max()) <= scored.slack
    assert float((left_out - floor).max()) <= scored.slack


def test_the_precision_of_the_process_is_put_back(monkeypatch):
    monkeypatch.setattr(reduced, "precision", lambda: "bfloat16")
    before = torch.get_float32_matmul_precision()
    neighbors(features(1200))
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.parametrize("keep", [1, 5, 18])
@pytest.mark.parametrize("tile", [64, 100, 1024])
def test_tiles_keep_the_largest_scores_of_every_row(keep, tile):
    rows = torch.from_numpy(features(700, 8))
    offset = -0.5 * rows.square().sum(dim=1)
    index, floor = largest_by_tiles(rows, offset, keep, tile=tile)
    scores = rows @ rows.T + offset + offset[:, None]
    scores.fill_diagonal_(-torch.inf)
    best = scores.topk(keep, dim=1).values
    got = torch.gather(scores, 1, index).sort(dim=1, descending=True).values
    np.testing.assert_allclose(got.numpy(), best.numpy(), rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(floor.numpy(), best[:, -1].numpy(), rtol=1e-5, atol=1e-3)


def test_rows_in_an_order_that_hides_the_nearest_are_searched_as_well():
    # Each row's copy-like partner sits in the last tile, and every tile is nearer than the one before.
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(600, 6)).astype(np.float32)
    far = np.concatenate([rows * 1.0, rows[::-1] + 1e-3, rng.normal(size=(600, 6)).astype(np.float32)])
    index, _ = largest_by_tiles(torch.from_numpy(far), -0.5 * torch.from_numpy(far).square().sum(dim=1), 3, tile=128)
    assert all(1199 - at in index[at].tolist() for at in range(600))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_gpu_finds_the_neighbours_that_the_cpu_finds(metric):
    rows = features()
    cpu, gpu = neighbors(rows, metric=metric, device="cpu"), neighbors(rows, metric=metric, device="cuda")
    np.testing.assert_allclose(gpu.distances, cpu.distances, atol=1e-6)
    assert (gpu.indices == cpu.indices).mean() > 0.999
