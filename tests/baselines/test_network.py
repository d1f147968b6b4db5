from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from dqkit.arrays import threads
from dqkit.baselines import images, runs
from dqkit.baselines.checkpoints import Checkpoints
from dqkit.baselines.members import FitStopped, Fitted, Member, Task, seed_of
from dqkit.baselines.network import batches, member
from dqkit.baselines.network.architecture import NetworkSettings, large_network, settings_for, whitening_filters
from dqkit.baselines.network.batches import Images, training_batches
from dqkit.baselines.network.member import judge, network_members
from dqkit.baselines.network.tensorboard_logs import confusion
from dqkit.baselines.network.training import (
    TrainingSet,
    _lessons,
    _order,
    loss_of,
    margins_of,
    one_thread,
    schedule_of,
    train_network,
    untrained,
)
from dqkit.datasets import from_arrays

CPU = torch.device("cpu")


def stripes(n: int, channels: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Class 0: horizontal stripes, class 1: vertical ones, at random phases and contrast."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    wave = 127 + 100 * np.sin(np.arange(side)[None] * 1.5 + rng.uniform(0, 6, (n, 1)))
    x = np.where(y[:, None, None] == 0, wave[:, :, None], wave[:, None, :])
    x = x + rng.normal(0, 20, (n, side, side))
    return np.clip(x, 0, 255).astype(np.uint8)[..., None].repeat(channels, axis=3), y


def one_network(task: Task, x: np.ndarray, settings: NetworkSettings) -> Member:
    (member,) = network_members(task, lambda: x, settings)
    return member


def learned(settings: NetworkSettings, channels: int, side: int) -> float:
    x, y = stripes(160, channels, side)
    images = Images.of(x, np.arange(160), CPU)
    at, labels = torch.arange(0, 120), torch.from_numpy(y)
    with one_thread(), torch.no_grad():
        with torch.enable_grad():
            model = train_network(TrainingSet(images, at, labels[:120], 2), settings, 0).model
        return float((model(images.batch(torch.arange(120, 160))).argmax(1) == labels[120:]).float().mean())


@pytest.mark.slow
def test_the_small_network_tells_stripes_apart() -> None:
    assert learned(NetworkSettings(width=8, steps=40), 1, 8) > 0.9


def test_the_large_network_tells_stripes_apart() -> None:
    settings = NetworkSettings(width=8, steps=30, rate=1.5, decay=0.001, batch=30, flip=True, layout="large")
    assert learned(settings, 3, 16) > 0.9


def test_the_medium_network_tells_stripes_apart() -> None:
    settings = NetworkSettings(width=8, steps=30, flip=True, layout="medium")
    assert learned(settings, 3, 20) > 0.9
    assert learned(settings, 1, 17) > 0.9


def test_many_images_get_the_medium_network_on_a_cpu_and_the_large_one_on_a_gpu_unless_they_are_tiny() -> None:
    def layout(side: int, n: int, few: bool, device: str = "cpu") -> str:
        return settings_for((side, side), n, flip=True, device=torch.device(device), few=few).layout

    assert [layout(s, 20_000, few) for s in (8, 32) for few in (True, False)] == ["small", "small", "small", "medium"]
    assert [layout(s, 20_000, False, "cuda") for s in (8, 16, 32)] == ["small", "large", "large"]
    assert [layout(32, n, n < 500, "cuda") for n in (100, 2_000, 5_000)] == ["small", "medium", "large"]


def test_a_network_is_added_for_few_images_or_very_many_or_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    if torch.cuda.is_available():
        pytest.skip("on a GPU every image set gets one")

    def names(n: int, network: int | None = None) -> list[str]:
        x = np.zeros((n, 32, 32, 3), dtype=np.uint8)
        task = Task(from_arrays(x, np.arange(n) % 2), np.arange(n) % 2, np.arange(n) % 3, 0, network=network)
        return [member.name for member in images.ImageRepresentation(task).members()]

    monkeypatch.setattr(images, "MANY_IMAGES", 600)
    halves = ["patches_a", "patches_b"]
    assert names(400) == ["patches", "kernel", "network"]
    assert names(500) == ["patches", "kernel", *halves]
    assert names(500, 2) == ["patches", "kernel", "network", "network_2", *halves]
    assert names(601) == ["patches", "network", *halves]
    assert names(601, 0) == ["patches", "kernel", *halves]


def test_whitening_filters_make_patches_white() -> None:
    x = torch.from_numpy(stripes(60, 2, 12)[0]).float().permute(0, 3, 1, 2) / 255
    filters = whitening_filters(x)
    out = torch.nn.functional.conv2d(x, filters[:8]).permute(0, 2, 3, 1).reshape(-1, 8)
    covariance = np.cov(out.numpy(), rowvar=False)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 0.05
    assert torch.equal(filters[8:], -filters[:8])


def test_the_first_convolutions_of_the_large_network_hand_on_what_they_get() -> None:
    model = large_network(torch.randn(6, 1, 2, 2), 2, NetworkSettings(width=8, layout="large"))
    x = torch.randn(2, 6, 9, 9)
    assert torch.allclose(model[2](x)[:, :6], x, atol=1e-6)


@pytest.mark.parametrize("mirror", [True, False])
def test_judging_moved_images_is_a_weighted_mean_over_all_views(mirror: bool) -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 6, 8, 3)).astype(np.uint8)
    images = Images.of(x, np.arange(5), CPU)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(96, 2)).eval()
    found = judge(model, images, np.array([3, 1]), 2, mirror=mirror, shifted=True)
    expected = np.zeros((2, 2))
    for row, at in enumerate((3, 1)):
        for move, weight in ((0, 0.5), (-1, 0.25), (1, 0.25)):
            rows, columns = (np.clip(np.arange(side) + move, 0, side - 1) for side in (6, 8))
            seen = x[at][rows][:, columns]
            views = [seen, seen[:, ::-1]] if mirror else [seen]
            for view in views:
                one = Images(torch.from_numpy(view[None].copy()), images.mean, images.scale)
                with torch.no_grad():
                    expected[row] += weight / len(views) * model(one.batch(torch.tensor([0])))[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("resident", [True, False], ids=["resident", "streamed"])
def test_augmented_images_are_those_of_a_loop_over_pixels(resident: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (9, 5, 7, 3)).astype(np.uint8)
    images = Images.of(x, np.arange(9), CPU, resident=resident)
    at = rng.integers(0, 9, 20)
    mirrored, shifts = rng.random(20) < 0.5, rng.integers(-2, 3, (20, 2))
    out = images.augmented(torch.from_numpy(at), torch.from_numpy(mirrored), torch.from_numpy(shifts))
    mean, scale = images.mean.numpy(), images.scale.numpy()
    for k in range(20):
        picture = x[at[k]][:, ::-1] if mirrored[k] else x[at[k]]
        for row in range(5):
            for column in range(7):
                pixel = picture[np.clip(row + shifts[k, 0], 0, 4), np.clip(column + shifts[k, 1], 0, 6)]
                np.testing.assert_allclose(out[k, :, row, column].numpy(), (pixel - mean) / scale, atol=1e-5)
    assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("block", [1, 3, 100])
def test_batches_are_the_same_whether_images_are_streamed_or_resident(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BLOCK", block)
    x, _ = stripes(50, 3, 8)
    pieces = torch.randperm(50, generator=torch.Generator().manual_seed(0)).tensor_split(7)
    mirrored = [piece % 2 == 0 for piece in pieces]

    def made(resident: bool) -> list[torch.Tensor]:
        images = Images.of(x, np.arange(50), CPU, resident=resident)
        return list(training_batches(images, pieces, mirrored, 2, torch.Generator().manual_seed(1)))

    one, two = made(True), made(False)
    assert [len(batch) for batch in one] == [len(piece) for piece in pieces]
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_a_reader_that_fails_is_heard() -> None:
    images = Images.of(stripes(10, 1, 8)[0], np.arange(10), CPU, resident=False)
    beyond = [torch.tensor([0]), torch.tensor([99])]
    with pytest.raises(IndexError):
        list(training_batches(images, beyond, [torch.tensor([False])] * 2, 0, torch.Generator()))


def test_every_image_is_mirrored_in_every_other_pass() -> None:
    x, y = stripes(40, 3, 16)
    settings = NetworkSettings(epochs=4, steps=1, batch=10, flip=True, shift=0)
    images = Images.of(x, np.arange(40), CPU)
    seen = np.zeros((4, 40), dtype=bool)
    data = TrainingSet(images, torch.arange(40), torch.from_numpy(y), 2)
    for epoch, lesson in enumerate(_lessons(data, settings, 0)):
        whole = torch.cat([batch for batch, _ in lesson.batches])
        plain = images.batch(lesson.order)
        alike = (whole == plain).flatten(1).all(dim=1)
        assert ((whole == plain.flip(3)).flatten(1).all(dim=1) | alike).all()
        seen[epoch, lesson.order.numpy()] = ~alike.numpy()
    # Horizontal stripes are noisy, so no picture is its own mirror image.
    assert (seen[0] != seen[1]).all()
    assert (seen[0] == seen[2]).all()
    assert 8 < seen[0].sum() < 32


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
    settings = NetworkSettings(width=16, steps=40, batch=100, rate=1.5, decay=0.00133, layout="large")
    model = train_network(TrainingSet(images, torch.arange(300), torch.from_numpy(y[:300]), 2), settings, 0).model
    out = judge(model, images, np.arange(300, 400), 2, mirror=False).argmax(axis=1)
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
    task = Task(from_arrays(x[..., 0], given), given.astype(np.int64), np.arange(240) % 4, 0)
    fitted = one_network(task, x, NetworkSettings(width=8, steps=60)).fit(0, 0)
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
    task = Task(from_arrays(x[..., 0], y), y.astype(np.int64), np.arange(120) % 3, 0)
    fitted = one_network(task, x, NetworkSettings(width=8, steps=40)).fit(0, 0)
    assert isinstance(fitted, Fitted)
    found = {check: (ok, said) for check, ok, said in fitted.checks}
    assert all(ok for ok, _ in found.values()), found
    assert {"finite inputs", "gradients", "learns one batch", "finite losses", "loss falls"} <= set(found)
    assert fitted.size == 4 * sum(p.numel() for p in untrained(*network_inputs(x, y)).parameters())


def network_inputs(x: np.ndarray, y: np.ndarray) -> tuple[TrainingSet, NetworkSettings, int]:
    data = TrainingSet(Images.of(x, np.arange(len(x)), CPU), torch.arange(len(x)), torch.from_numpy(y), 2)
    return data, NetworkSettings(width=8, steps=40), 0


def test_a_training_that_breaks_names_the_step_and_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = stripes(120, 1, 8)
    task = Task(from_arrays(x[..., 0], y), y.astype(np.int64), np.arange(120) % 3, 0)
    # A learning rate that no network survives.
    fitted = one_network(task, x, NetworkSettings(width=8, steps=40, rate=1e30)).fit(1, 0)
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


def test_tensorboard_logs_hold_what_the_training_did(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    x, y = stripes(120, 1, 8)
    task = Task(from_arrays(x[..., 0], y), y.astype(np.int64), np.arange(120) % 3, 0, logs=tmp_path)
    settings = NetworkSettings(width=8, steps=40)
    fitted = one_network(task, x, settings).fit(1, 0)
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


@pytest.mark.slow
def test_networks_side_by_side_are_those_trained_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (threads, runs):
        monkeypatch.setattr(module, "processors", lambda: 4)
    x, y = stripes(200, 3, 16)
    task = Task(from_arrays(x, y), y.astype(np.int64), np.arange(200) % 5, 0)
    settings = NetworkSettings(width=24, epochs=2, steps=1, batch=16, layout="medium")
    member = one_network(task, x, settings)
    assert member.one_thread
    (run,) = runs.run_all(task, [member], 5, Checkpoints(None, ""), False)
    for fold in range(5):
        alone = one_network(task, x, settings).fit(fold, seed_of(0, "network", fold))(
            np.flatnonzero(task.folds == fold)
        )
        assert (run.scores[fold] == alone).all()


def test_a_training_stops_at_the_next_step_when_the_call_was_interrupted() -> None:
    x, y = stripes(120, 1, 8)
    task = Task(from_arrays(x[..., 0], y), y.astype(np.int64), np.arange(120) % 3, 0)
    task.stop.set()
    with pytest.raises(FitStopped):
        one_network(task, x, NetworkSettings(width=8, steps=40)).fit(1, 0)


def test_out_of_device_memory_the_batch_is_halved_and_said_and_the_training_starts_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[int] = []

    def short_of_memory(*given: object, **named: object) -> object:
        settings = given[1]
        assert isinstance(settings, NetworkSettings)
        tried.append(settings.batch)
        if settings.batch > room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return train_network(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(member, "train_network", short_of_memory)
    x, y = stripes(120, 1, 8)
    task = Task(from_arrays(x[..., 0], y), y.astype(np.int64), np.arange(120) % 3, 0)
    room = 16
    with pytest.warns(UserWarning, match="out of device memory: training on batches of (32|16) images") as said:
        scores = one_network(task, x, NetworkSettings(width=8, steps=20, batch=64)).fit(1, 0)(np.arange(4))
    assert tried == [64, 32, 16]
    assert len(said) == 2
    assert np.isfinite(scores).all()
    room = 0
    with pytest.warns(UserWarning, match="batches of 16"), pytest.raises(torch.cuda.OutOfMemoryError):
        one_network(task, x, NetworkSettings(width=8, steps=20, batch=32)).fit(1, 0)


def test_pixels_that_lie_in_another_order_in_memory_give_the_same_batches() -> None:
    x = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3)).astype(np.uint8)
    at, mirror, shifts = torch.arange(6), torch.zeros(6, dtype=torch.bool), torch.ones((6, 2), dtype=torch.long)
    cpu = torch.device("cpu")
    twin = Images.of(x, np.arange(6), cpu).augmented(at, mirror, shifts)
    assert torch.equal(Images.of(np.asfortranarray(x), np.arange(6), cpu).augmented(at, mirror, shifts), twin)
