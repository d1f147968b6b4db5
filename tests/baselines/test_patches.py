from __future__ import annotations

import numpy as np
import pytest

from dqkit.baselines.compress import principal, standardize
from dqkit.baselines.patches import learn_dictionary, patch_features, patch_features_on, settings_for, small


def photos(n: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, *shape)).astype(np.uint8)


def test_pixels_are_averaged_down_to_at_most_32_a_side() -> None:
    x = np.zeros((1, 64, 64), dtype=np.uint8)
    x[0, 0, 0] = 255
    out = small(x)
    assert out.shape == (1, 1, 32, 32)
    assert out[0, 0, 0, 0] == pytest.approx(0.25)
    assert small(photos(2, (100, 40, 3))).shape == (2, 3, 25, 10)


@pytest.mark.parametrize("side", [32, 20])
def test_a_colour_image_and_its_mirror_image_have_the_same_features(side: int) -> None:
    x = photos(12, (side, side, 3))
    settings = settings_for(x.shape[1:], 0)
    dictionary = learn_dictionary(x, settings)
    np.testing.assert_allclose(
        patch_features(x, dictionary), patch_features(np.ascontiguousarray(x[:, :, ::-1]), dictionary), atol=2e-5
    )


def test_grey_images_are_told_from_their_mirror_images() -> None:
    x = photos(6, (8, 8))
    dictionary = learn_dictionary(x, settings_for(x.shape[1:], 0))
    there, back = patch_features(x, dictionary), patch_features(np.ascontiguousarray(x[:, :, ::-1]), dictionary)
    assert np.abs(there - back).max() > 0.05


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (8, 8, 3), (17, 40), (33, 33, 4)])
def test_any_size_and_channel_count_gives_finite_features(shape: tuple[int, ...]) -> None:
    x = photos(7, shape)
    out = patch_features(x, learn_dictionary(x, settings_for(shape, 0)))
    assert len(out) == 7
    assert np.isfinite(out).all()
    flat = np.full((7, *shape), 128, dtype=np.uint8)
    assert np.isfinite(patch_features(flat, learn_dictionary(flat, settings_for(shape, 0)))).all()


@pytest.mark.parametrize("shape", [(8, 8), (20, 24, 3), (32, 32, 3), (70, 50, 3)])
def test_torch_computes_the_same_features(shape: tuple[int, ...]) -> None:
    x = photos(11, shape)
    dictionary = learn_dictionary(x, settings_for(shape, 0))
    twin = patch_features_on("cpu", x, dictionary, chunk=4)
    np.testing.assert_allclose(twin, patch_features(x, dictionary), atol=2e-4)


def test_features_do_not_depend_on_the_chunk() -> None:
    x = photos(11, (12, 12))
    dictionary = learn_dictionary(x, settings_for(x.shape[1:], 0))
    np.testing.assert_allclose(
        patch_features(x, dictionary, chunk=3), patch_features(x, dictionary, chunk=11), atol=1e-5
    )


def test_standardised_columns_have_mean_zero_and_deviation_one() -> None:
    x = np.random.default_rng(0).normal(3, 2, (500, 3)).astype(np.float32)
    x[:, 1] = 5
    out = standardize(x, np.arange(500))
    assert out.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-4)
    assert out.std(axis=0) == pytest.approx([1, 0, 1], abs=1e-3)


def test_principal_components_keep_what_an_exact_decomposition_keeps() -> None:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(400, 60)) * 0.5 ** np.arange(60)) @ np.linalg.qr(rng.normal(size=(60, 60)))[0]
    x = (x - x.mean(axis=0)).astype(np.float32)
    out = principal(x, 5, rows=np.arange(400), seed=0)
    exact = np.linalg.svd(x, compute_uv=False)[:5]
    np.testing.assert_allclose(np.linalg.norm(out, axis=0), exact, rtol=1e-3)


@pytest.mark.parametrize("shape", [(2, 200), (200, 2, 3), (10, 500), (16, 400, 3), (1, 5000)])
def test_a_long_strip_keeps_at_least_one_row_and_gets_features(shape: tuple[int, ...]) -> None:
    x = photos(8, shape)
    assert min(small(x).shape[2:]) >= 1
    features = patch_features(x, learn_dictionary(x, settings_for(x.shape[1:], 0)))
    assert len(features) == 8
    assert np.isfinite(features).all()
