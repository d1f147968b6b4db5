from __future__ import annotations

import numpy as np
import pytest
import torch

from dqkit.baselines.network import (
    Images,
    NetworkSettings,
    augment,
    large_network,
    one_thread,
    train_network,
    whitening_filters,
)

CPU = torch.device("cpu")


def stripes(n: int, channels: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Class 0: horizontal stripes, class 1: vertical ones, at random phases and contrast."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    wave = 127 + 100 * np.sin(np.arange(side)[None] * 1.5 + rng.uniform(0, 6, (n, 1)))
    x = np.where(y[:, None, None] == 0, wave[:, :, None], wave[:, None, :])
    x = x + rng.normal(0, 20, (n, side, side))
    return np.clip(x, 0, 255).astype(np.uint8)[:, None].repeat(channels, axis=1), y


def learned(settings: NetworkSettings, channels: int, side: int) -> float:
    x, y = stripes(160, channels, side)
    images = Images.of(x, np.arange(160), CPU)
    at, labels = torch.arange(0, 120), torch.from_numpy(y)
    with one_thread(), torch.no_grad():
        with torch.enable_grad():
            model = train_network(images, at, labels[:120], 2, settings, 0)
        return float((model(images.batch(torch.arange(120, 160))).argmax(1) == labels[120:]).float().mean())


def test_the_small_network_tells_stripes_apart() -> None:
    assert learned(NetworkSettings(width=8, steps=40), 1, 8) > 0.9


def test_the_large_network_tells_stripes_apart() -> None:
    assert learned(NetworkSettings(width=8, steps=30, rate=0.005, flip=True, large=True), 3, 16) > 0.9


def test_whitening_filters_make_patches_white() -> None:
    x = torch.from_numpy(stripes(60, 2, 12)[0]).float() / 255
    filters = whitening_filters(x)
    out = torch.nn.functional.conv2d(x, filters[:8]).permute(0, 2, 3, 1).reshape(-1, 8)
    covariance = np.cov(out.numpy(), rowvar=False)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 0.05
    assert torch.equal(filters[8:], -filters[:8])


def test_the_whitening_layer_is_not_trained() -> None:
    filters = torch.randn(24, 3, 2, 2)
    model = large_network(filters, 2, NetworkSettings(width=4, large=True))
    assert not next(model.parameters()).requires_grad


def test_augmentation_moves_and_mirrors_but_makes_up_nothing() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4).repeat(50, 1, 1, 1)
    out = augment(x, NetworkSettings(shift=0, flip=True), torch.Generator().manual_seed(0))
    mirrored = (out == x.flip(3)).flatten(1).all(dim=1)
    assert ((out == x).flatten(1).all(dim=1) ^ mirrored).all()
    assert 10 < int(mirrored.sum()) < 40
    moved = augment(x, NetworkSettings(shift=1), torch.Generator().manual_seed(1))
    assert set(moved.unique().tolist()) <= set(range(16))
    assert (moved == moved[:1]).all()


def test_training_leaves_the_global_generator_and_the_thread_count_alone() -> None:
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    learned(NetworkSettings(width=4, steps=3), 1, 8)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads


@pytest.mark.gpu
def test_the_large_network_learns_on_the_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA here")
    x, y = stripes(400, 3, 32)
    device = torch.device("cuda")
    images = Images.of(x, np.arange(400), device)
    settings = NetworkSettings(width=16, steps=40, batch=100, rate=0.005, large=True)
    model = train_network(images, torch.arange(300).to(device), torch.from_numpy(y[:300]).to(device), 2, settings, 0)
    with torch.no_grad():
        out = model(images.batch(torch.arange(300, 400).to(device))).argmax(1).cpu().numpy()
    assert (out == y[300:]).mean() > 0.9
