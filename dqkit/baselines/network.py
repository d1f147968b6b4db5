"""A small convolutional network for images: one function trains it, on the GPU where there is one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dqkit.baselines.members import Member, Positions, Predict, Scores, Task


@dataclass(frozen=True)
class NetworkSettings:
    """width: channels after the first layer (then twice as many). steps: at least so many, in `epochs` passes or more.

    flip: mirror at random. shift: largest translation in pixels. The strong smoothing is for flipped labels.
    """

    width: int = 16
    steps: int = 160
    epochs: int = 4
    batch: int = 64
    rate: float = 0.01
    decay: float = 0.1
    smoothing: float = 0.2
    flip: bool = False
    shift: int = 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Small layers cost more to share among threads than to compute; the user's setting comes back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def network(channels: int, classes: int, settings: NetworkSettings) -> nn.Sequential:
    """Three convolutions with two poolings, the mean over four quarters, one linear layer."""
    w = settings.width

    def block(a: int, b: int) -> list[nn.Module]:
        return [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]

    return nn.Sequential(
        *block(channels, w),
        nn.MaxPool2d(2, ceil_mode=True),
        *block(w, 2 * w),
        *block(2 * w, 2 * w),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * w, classes),
    )


def train_network(x: Tensor, y: Tensor, classes: int, settings: NetworkSettings, seed: int) -> nn.Sequential:
    """Train on float (n, c, h, w) images, standardised, and int64 labels; AdamW under a one-cycle rate."""
    device = x.device
    generator = torch.Generator(device="cpu").manual_seed(seed)
    with torch.random.fork_rng(devices=[]):  # initial weights from our seed, the global generator untouched
        torch.manual_seed(seed)
        model = network(x.shape[1], classes, settings).to(device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # in torch, missing from its stubs
    x = x.contiguous(memory_format=torch.channels_last)
    n = len(x)
    parts = math.ceil(n / max(8, min(settings.batch, n // 4)))
    epochs = max(settings.epochs, math.ceil(settings.steps / parts))
    steps = epochs * parts
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=settings.decay, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.rate, total_steps=steps + 1, pct_start=0.25)
    loss_of = nn.CrossEntropyLoss(label_smoothing=settings.smoothing)
    model.train()
    for _ in range(epochs):
        order = torch.randperm(n, generator=generator).to(device)
        for part in order.tensor_split(parts):
            images = augment(x[part], settings, generator)
            loss = loss_of(model(images), y[part])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()
    return model


def augment(x: Tensor, settings: NetworkSettings, generator: torch.Generator) -> Tensor:
    """Shift a batch by one random offset (edges repeated) and mirror half of it, if asked."""
    if settings.shift:
        s = settings.shift
        dy, dx = (int(v) for v in torch.randint(0, 2 * s + 1, (2,), generator=generator))
        padded = nn.functional.pad(x, (s, s, s, s), mode="replicate")
        x = padded[:, :, dy : dy + x.shape[2], dx : dx + x.shape[3]].contiguous(memory_format=torch.channels_last)
    if settings.flip:
        mirror = (torch.rand(len(x), generator=generator) < 0.5).to(x.device)
        x = torch.where(mirror[:, None, None, None], x.flip(3), x)
    return x


def network_member(task: Task, images: NDArray[np.float32], settings: NetworkSettings, name: str = "network") -> Member:
    """The network as a member; images: float32 (n, c, h, w) of every sample in [0, 1]."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sample = images[task.unsupervised[:: max(1, len(task.unsupervised) // 5000)]]
    mean = sample.mean(axis=(0, 2, 3), keepdims=True)
    scale = sample.std(axis=(0, 2, 3), keepdims=True) + 1e-3

    def standard(at: Positions) -> Tensor:
        return torch.from_numpy((images[at] - mean) / scale).to(device)

    def fit(fold: int, seed: int) -> Predict:
        train = task.training(fold)
        with one_thread():
            y = torch.from_numpy(task.y[train]).to(device)
            model = train_network(standard(train), y, task.n_classes, settings, seed)

        def predict(at: Positions) -> Scores:
            parts: list[Scores] = [np.zeros((0, task.n_classes), dtype=np.float32)]
            with torch.no_grad(), one_thread():
                for start in range(0, len(at), 1024):
                    x = standard(at[start : start + 1024])
                    out = model(x) + model(x.flip(3)) if settings.flip else 2 * model(x)
                    parts.append((out / 2).float().cpu().numpy())
            return np.concatenate(parts)

        return predict

    return Member(name, fit, {"model": "small network", "device": device.type, **asdict(settings)})
