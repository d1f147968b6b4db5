from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from dqkit.baselines.members import Fitted, Task
from dqkit.baselines.network import Images, NetworkSettings, large_network, whitening_filters
from dqkit.baselines.network_member import network_member
from dqkit.baselines.network_training import (
    _order,
    augment,
    loss_of,
    margins_of,
    one_thread,
    schedule_of,
    train_network,
    untrained,
)
from dqkit.baselines.tensorboard_logs import confusion
from dqkit.datasets import from_arrays

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
            model = train_network(images, at, labels[:120], 2, settings, 0).model
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
    at, labels = torch.arange(300).to(device), torch.from_numpy(y[:300]).to(device)
    model = train_network(images, at, labels, 2, settings, 0).model
    with torch.no_grad():
        out = model(images.batch(torch.arange(300, 400).to(device))).argmax(1).cpu().numpy()
    assert (out == y[300:]).mean() > 0.9


def test_margins_are_those_of_a_loop_over_the_classes() -> None:
    logits = torch.randn(20, 5, generator=torch.Generator().manual_seed(0))
    y = torch.arange(20) % 5
    expected = [float(row[c] - max(row[i] for i in range(5) if i != c)) for row, c in zip(logits, y, strict=True)]
    np.testing.assert_allclose(margins_of(logits, y).numpy(), expected, rtol=1e-6)


def test_wrong_labels_have_the_lowest_margins_and_the_most_wrong_epochs() -> None:
    x, y = stripes(240, 1, 8)
    given = y.copy()
    wrong = np.random.default_rng(1).choice(240, 24, replace=False)
    given[wrong] = 1 - given[wrong]
    task = Task(from_arrays(x[:, 0], given), given.astype(np.int64), np.arange(240) % 4, 0)
    fitted = network_member(task, x, NetworkSettings(width=8, steps=60)).fit(0, 0)
    assert isinstance(fitted, Fitted)
    assert fitted.margins is not None
    trained = task.folds != 0
    assert np.isnan(fitted.margins[~trained]).all()
    assert np.isfinite(fitted.margins[trained]).all()
    mean = fitted.margins[:, 1:].mean(axis=1)
    lowest = np.flatnonzero(trained)[np.argsort(mean[trained])[: int(trained[wrong].sum())]]
    assert np.isin(lowest, wrong).mean() > 0.9


def test_the_training_says_what_its_checks_found() -> None:
    x, y = stripes(120, 1, 8)
    task = Task(from_arrays(x[:, 0], y), y.astype(np.int64), np.arange(120) % 3, 0)
    fitted = network_member(task, x, NetworkSettings(width=8, steps=40)).fit(0, 0)
    assert isinstance(fitted, Fitted)
    found = {check: (ok, said) for check, ok, said in fitted.checks}
    assert all(ok for ok, _ in found.values()), found
    assert {"finite inputs", "gradients", "learns one batch", "finite losses", "loss falls"} <= set(found)
    assert fitted.size == 4 * sum(p.numel() for p in untrained(*network_inputs(x, y)).parameters())


def network_inputs(x: np.ndarray, y: np.ndarray) -> tuple[Images, torch.Tensor, int, NetworkSettings, int]:
    return Images.of(x, np.arange(len(x)), CPU), torch.arange(len(x)), 2, NetworkSettings(width=8, steps=40), 0


def test_a_training_that_breaks_names_the_step_and_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = stripes(120, 1, 8)
    task = Task(from_arrays(x[:, 0], y), y.astype(np.int64), np.arange(120) % 3, 0)
    # A learning rate that no network survives.
    fitted = network_member(task, x, NetworkSettings(width=8, steps=40, rate=1e30)).fit(1, 0)
    assert isinstance(fitted, Fitted)
    (check, ok, said) = fitted.checks[-1]
    assert (check, ok) == ("finite losses", False)
    assert re.search(r"step \d+ of \d+; epoch \d+, batch \d+: the output of layer \d+ \(\w+\) is not finite", said)


def test_balanced_batches_draw_a_rare_class_as_often_as_the_others() -> None:
    y = torch.from_numpy((np.arange(1000) >= 950).astype(np.int64))
    drawn = _order(y, 2, NetworkSettings(balanced=True), torch.Generator().manual_seed(0))
    assert len(drawn) == 1000
    assert 0.45 < float(y[drawn].float().mean()) < 0.55
    plain = _order(y, 2, NetworkSettings(), torch.Generator().manual_seed(0))
    assert sorted(plain.tolist()) == list(range(1000))


def test_the_focal_loss_is_the_plain_one_at_zero_and_spares_the_sure_samples() -> None:
    logits, y = torch.tensor([[6.0, 0.0], [0.0, 0.5]]), torch.tensor([0, 0])
    plain = torch.nn.functional.cross_entropy(logits, y, reduction="none")
    p = torch.softmax(logits, dim=1)[:, 0]
    by_hand = float(((1 - p) ** 2 * plain).mean())
    assert float(loss_of(logits, y, NetworkSettings(smoothing=0, focal=2.0))) == pytest.approx(by_hand)
    assert float(loss_of(logits, y, NetworkSettings(smoothing=0))) == pytest.approx(float(plain.mean()))


def test_streamed_images_make_the_batches_of_resident_ones() -> None:
    x, _ = stripes(50, 3, 8)
    resident = Images.of(x, np.arange(50), CPU)
    streamed = Images.of(x, np.arange(50), CPU, resident=False)
    at = torch.tensor([4, 0, 49, 4])
    assert isinstance(streamed.pixels, np.ndarray)
    assert torch.equal(resident.batch(at), streamed.batch(at))


def test_tensorboard_logs_hold_what_the_training_did(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    x, y = stripes(120, 1, 8)
    task = Task(from_arrays(x[:, 0], y), y.astype(np.int64), np.arange(120) % 3, 0, logs=tmp_path)
    settings = NetworkSettings(width=8, steps=40)
    fitted = network_member(task, x, settings).fit(1, 0)
    events = EventAccumulator(str(tmp_path / "network-fold1"), size_guidance={"scalars": 0})
    events.Reload()
    scalars = set(events.Tags()["scalars"])
    assert {
        "train/loss",
        "train/rate",
        "gradient/all layers",
        "recall/0",
        "precision/1",
        "held out/accuracy",
    } <= scalars
    assert {"confusion matrix (row = label)"} <= set(events.Tags()["images"])
    parts, epochs = schedule_of(80, settings)
    assert len(events.Scalars("train/loss")) == parts * epochs
    held = np.flatnonzero(task.folds == 1)
    accuracy = float((fitted(held).argmax(1) == y[held]).mean())
    assert events.Scalars("held out/accuracy")[0].value == pytest.approx(accuracy)


def test_confusion_counts_labels_by_row() -> None:
    assert confusion(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
