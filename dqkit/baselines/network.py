"""A small convolutional network for images: one function trains it, on the GPU where there is one."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dqkit.baselines.members import Member, Positions, Predict, Scores, Task


@dataclass(frozen=True)
class NetworkSettings:
    """width: channels after the first layer (then twice as many). steps: at least so many, in `epochs` passes or more.

    flip: mirror at random. shift: largest translation in pixels. large: the network for a GPU.
    The strong smoothing is for flipped labels.
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
    large: bool = False


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


def large_network(whitening: Tensor, classes: int, settings: NetworkSettings) -> nn.Sequential:
    """A fixed whitening layer on 2 x 2 patches, three stages of two convolutions with pooling, one linear layer."""
    w = settings.width
    first = nn.Conv2d(whitening.shape[1], len(whitening), 2, bias=False)
    first.weight = nn.Parameter(whitening.clone(), requires_grad=False)
    layers: list[nn.Module] = [first, nn.GELU()]
    channels = len(whitening)
    for stage in (w, 4 * w, 4 * w):
        layers += [nn.Conv2d(channels, stage, 3, padding=1, bias=False), nn.MaxPool2d(2, ceil_mode=True)]
        layers += [nn.BatchNorm2d(stage), nn.GELU()]
        layers += [nn.Conv2d(stage, stage, 3, padding=1, bias=False), nn.BatchNorm2d(stage), nn.GELU()]
        channels = stage
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(channels, classes, bias=False))


def whitening_filters(x: Tensor) -> Tensor:
    """(8c, c, 2, 2) filters that whiten 2 x 2 patches, each with both signs: principal directions of some images."""
    c = x.shape[1]
    patches = x[:2000].float().unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 4 * c)
    patches = patches[:: max(1, len(patches) // 200_000)]
    patches = patches - patches.mean(dim=0)
    values, vectors = torch.linalg.eigh((patches.T @ patches / len(patches)).double())
    filters = (vectors / torch.sqrt(values.clamp(min=0) + 5e-4)).T.float().reshape(-1, c, 2, 2)
    return torch.cat([filters, -filters])


@dataclass(frozen=True, eq=False)
class Images:
    """Every image of the dataset on one device as uint8, made float and standard a batch at a time."""

    pixels: Tensor
    mean: Tensor
    scale: Tensor

    @classmethod
    def of(cls, content: NDArray[np.uint8], seen: Positions, device: torch.device) -> Images:
        """content: uint8 (n, c, h, w); mean and deviation per channel come from at most 5,000 of the `seen` images."""
        sample = content[seen[:: max(1, len(seen) // 5000)]].astype(np.float32)
        mean = torch.from_numpy(sample.mean(axis=(0, 2, 3), keepdims=True)).to(device)
        scale = torch.from_numpy(sample.std(axis=(0, 2, 3), keepdims=True) + 0.255).to(device)
        return cls(torch.from_numpy(content).to(device), mean, scale)

    def batch(self, at: Tensor) -> Tensor:
        """Standardised float images, channels last."""
        x = (self.pixels[at].float() - self.mean) / self.scale
        return x.contiguous(memory_format=torch.channels_last)


def train_network(
    images: Images, at: Tensor, y: Tensor, classes: int, settings: NetworkSettings, seed: int
) -> nn.Sequential:
    """Train on the images at the given positions with int64 labels y (as long as `at`); AdamW under a one-cycle rate.

    Random numbers for order and augmentation come from the CPU, and no step waits for the device.
    """
    device = images.pixels.device
    generator = torch.Generator(device="cpu").manual_seed(seed)
    with torch.random.fork_rng(devices=[]):  # initial weights from our seed, the global generator untouched
        torch.manual_seed(seed)
        if settings.large:
            model = large_network(whitening_filters(images.batch(at[:2000])), classes, settings)
        else:
            model = network(images.pixels.shape[1], classes, settings)
    model.to(device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # in torch, missing from its stubs
    n = len(at)
    parts = math.ceil(n / max(8, min(settings.batch, n // 4)))
    epochs = max(settings.epochs, math.ceil(settings.steps / parts))
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=settings.rate, weight_decay=settings.decay, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.rate, total_steps=epochs * parts + 1, pct_start=0.25
    )
    loss_of = nn.CrossEntropyLoss(label_smoothing=settings.smoothing)
    model.train()
    for _ in range(epochs):
        order = torch.randperm(n, generator=generator).to(device)
        for part in order.tensor_split(parts):
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                loss = loss_of(model(augment(images.batch(at[part]), settings, generator)), y[part])
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
        mirror = (torch.rand(len(x), generator=generator) < 0.5).to(x.device, non_blocking=True)
        x = torch.where(mirror[:, None, None, None], x.flip(3), x)
    return x


def settings_for(shape: tuple[int, ...], *, flip: bool, device: torch.device) -> NetworkSettings:
    """What suits (h, w) images: the small network on a CPU, the large one on a GPU for images of 16 pixels and more."""
    tiny = min(shape) < 16
    if device.type == "cuda" and not tiny:
        return NetworkSettings(
            width=64, steps=400, epochs=12, batch=1000, rate=0.005, decay=0.05, flip=flip, shift=2, large=True
        )
    return NetworkSettings(flip=flip, shift=1 if tiny else 2)


def best_device() -> torch.device:
    """CUDA where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def network_member(task: Task, content: NDArray[np.uint8], settings: NetworkSettings, name: str = "network") -> Member:
    """The network as a member; content: uint8 (n, c, h, w). All folds share the images on the device.

    Out of device memory, the batch is halved and the fit starts again; a warning says so.
    """
    device = best_device()
    resident: list[Images] = []

    def images() -> Images:
        if not resident:
            resident.append(Images.of(content, task.unsupervised, device))
        return resident[0]

    def fit(fold: int, seed: int) -> Predict:
        train = task.training(fold)
        at, y = torch.from_numpy(train).to(device), torch.from_numpy(task.y[train]).to(device)
        now = settings
        while True:
            try:
                with one_thread():
                    model = train_network(images(), at, y, task.n_classes, now, seed)
                break
            except torch.cuda.OutOfMemoryError:
                if now.batch <= 16:
                    raise
                now = replace(now, batch=now.batch // 2)
                warnings.warn(f"out of device memory: training on batches of {now.batch} images", stacklevel=2)

        def predict(where: Positions) -> Scores:
            parts: list[Scores] = [np.zeros((0, task.n_classes), dtype=np.float32)]
            with (
                torch.no_grad(),
                one_thread(),
                torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"),
            ):
                for start in range(0, len(where), 2048):
                    x = images().batch(torch.from_numpy(where[start : start + 2048]).to(device))
                    out = model(x) + model(x.flip(3)) if settings.flip else 2 * model(x)
                    parts.append((out.float() / 2).cpu().numpy())
            return np.concatenate(parts)

        return predict

    return Member(name, fit, {"model": "convolutional network", "device": device.type, **asdict(settings)})
