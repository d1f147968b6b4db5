"""Small convolutional networks for images: three layouts, and what suits which images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Layout = Literal["small", "medium", "large"]

# Fewer make batches too small for the large network's normalisations and momentum.
MANY_FOR_A_GPU = 5_000
# What the large network's logits are divided by: they start small beside the smoothed labels.
LOGIT_SCALE = 9.0


@dataclass(frozen=True)
class NetworkSettings:
    """width: channels after the first layer (then more). steps: at least so many, in `epochs` passes or more.

    layout: "small" for few or small images, "medium" for many on a CPU, "large" for a GPU. flip: mirror every image in
    every other pass. shift: largest translation in pixels. rate: of AdamW; for "large" of momentum, for 1,000 images a
    batch (`steps.py`).
    The strong smoothing is for flipped labels. balanced: samples are drawn so that classes come equally often. focal:
    losses are multiplied by (1 - probability of the label) ** focal (Lin et al. 2017); 0 is the plain loss.
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
    layout: Layout = "small"
    balanced: bool = False
    focal: float = 0.0


def network(channels: int, classes: int, settings: NetworkSettings) -> nn.Sequential:
    """Three convolutions with two poolings, the mean over four quarters, one linear layer."""
    w = settings.width
    return nn.Sequential(
        *_block(channels, w),
        nn.MaxPool2d(2, ceil_mode=True),
        *_block(w, 2 * w),
        *_block(2 * w, 2 * w),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * w, classes),
    )


def medium_network(whitening: Tensor, classes: int, settings: NetworkSettings) -> nn.Sequential:
    """A fixed whitening layer on 4 x 4 patches in steps of two, four convolutions with two poolings, one linear layer.

    No layer but the first sees more than a quarter of the pixels, and a pooling comes before what it can spare.
    """
    w = settings.width
    return nn.Sequential(
        _fixed(whitening, stride=2, padding=1),
        nn.ReLU(inplace=True),
        *_block(len(whitening), w, pooled=True),
        *_block(w, 2 * w),
        *_block(2 * w, 8 * w // 3, pooled=True),
        *_block(8 * w // 3, 4 * w),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * w, classes),
    )


def large_network(whitening: Tensor, classes: int, settings: NetworkSettings) -> nn.Sequential:
    """A fixed whitening layer on 2 x 2 patches, three stages of two convolutions with pooling, one linear layer.

    The layout of the CIFAR-10 speed runs (Jordan 2024): convolutions begin by handing on what they get, normalisations
    have offsets and no factors and forget quickly, logits are scaled down.
    """
    w = settings.width
    first = _fixed(whitening)
    first.bias = nn.Parameter(torch.zeros(len(whitening)))
    layers: list[nn.Module] = [first, nn.GELU()]
    channels = len(whitening)
    for stage in (w, 4 * w, 4 * w):
        layers += [_handing_on(channels, stage), nn.MaxPool2d(2, ceil_mode=True), _offsets(stage), nn.GELU()]
        layers += [_handing_on(stage, stage), _offsets(stage), nn.GELU()]
        channels = stage
    head = nn.Linear(channels, classes, bias=False)
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), head, Scale(1 / LOGIT_SCALE))


class Scale(nn.Module):
    """Multiplies by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def _handing_on(a: int, b: int) -> nn.Conv2d:
    """A convolution whose first filters give the channels back as they are."""
    layer = nn.Conv2d(a, b, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight.data[:a])
    return layer


def _offsets(channels: int) -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(channels, momentum=0.4)
    layer.weight.requires_grad_(False)
    return layer


def _block(a: int, b: int, *, pooled: bool = False) -> list[nn.Module]:
    convolution = nn.Conv2d(a, b, 3, padding=1, bias=False)
    pooling = [nn.MaxPool2d(2, ceil_mode=True)] if pooled else []
    return [convolution, *pooling, nn.BatchNorm2d(b), nn.ReLU(inplace=True)]


def _fixed(filters: Tensor, *, stride: int = 1, padding: int = 0) -> nn.Conv2d:
    layer = nn.Conv2d(filters.shape[1], len(filters), filters.shape[2], stride=stride, padding=padding, bias=False)
    layer.weight = nn.Parameter(filters.clone(), requires_grad=False)
    return layer


def whitening_filters(x: Tensor, size: int = 2, *, keep: int | None = None, floor: float = 5e-4) -> Tensor:
    """(2 keep, c, size, size) filters that whiten patches, each with both signs: principal directions of some images.

    x: (n, c, h, w), standardised. keep: the leading directions, all where None. floor: added to their variances, so
    that directions in which nothing happens are not blown up.
    """
    c = x.shape[1]
    patches = x[:2000].float().unfold(2, size, 1).unfold(3, size, 1).permute(0, 2, 3, 1, 4, 5)
    patches = patches.reshape(-1, c * size * size)
    patches = patches[:: max(1, len(patches) // 200_000)]
    patches = patches - patches.mean(dim=0)
    values, vectors = torch.linalg.eigh((patches.T @ patches / len(patches)).double())
    filters = (vectors / torch.sqrt(values.clamp(min=0) + floor)).T.float().reshape(-1, c, size, size)
    filters = filters.flip(0)[:keep]
    return torch.cat([filters, -filters])


def best_device() -> torch.device:
    """CUDA where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def settings_for(
    shape: tuple[int, ...], n: int, *, flip: bool, device: torch.device, few: bool = True
) -> NetworkSettings:
    """What suits n images of (h, w): the small network for few or tiny ones, the medium one for more.

    On a GPU the large one, for thousands of images of 16 pixels and more. few: so few that the small one is no worse.
    """
    tiny = min(shape) < 16
    if device.type == "cuda" and not tiny and n >= MANY_FOR_A_GPU:
        return NetworkSettings(
            width=64, steps=400, epochs=14, batch=1000, rate=1.5, decay=0.00133, flip=flip, shift=2, layout="large"
        )
    if not few and not tiny:
        return NetworkSettings(
            width=24, epochs=6, batch=64, rate=0.007, decay=0.05, smoothing=0.1, flip=flip, shift=2, layout="medium"
        )
    return NetworkSettings(flip=flip, shift=1 if tiny else 2)
