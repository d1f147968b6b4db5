"""Small convolutional networks for images: three layouts, and what suits which images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Layout = Literal["small", "medium", "large"]


@dataclass(frozen=True)
class NetworkSettings:
    """width: channels after the first layer (then more). steps: at least so many, in `epochs` passes or more.

    layout: "small" for few or small images, "medium" for many on a CPU, "large" for a GPU. flip: mirror every image in
    every other pass. shift: largest translation in pixels.
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
    """A fixed whitening layer on 2 x 2 patches, three stages of two convolutions with pooling, one linear layer."""
    w = settings.width
    layers: list[nn.Module] = [_fixed(whitening), nn.GELU()]
    channels = len(whitening)
    for stage in (w, 4 * w, 4 * w):
        layers += [nn.Conv2d(channels, stage, 3, padding=1, bias=False), nn.MaxPool2d(2, ceil_mode=True)]
        layers += [nn.BatchNorm2d(stage), nn.GELU()]
        layers += [nn.Conv2d(stage, stage, 3, padding=1, bias=False), nn.BatchNorm2d(stage), nn.GELU()]
        channels = stage
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(channels, classes, bias=False))


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
    shape: tuple[int, ...], *, flip: bool, device: torch.device, affordable: bool = True
) -> NetworkSettings:
    """What suits (h, w) images: the small network on a CPU, the large one on a GPU for images of 16 pixels and more.

    affordable: False where the images are so many that the medium network is the better use of a CPU.
    """
    tiny = min(shape) < 16
    if device.type == "cuda" and not tiny:
        return NetworkSettings(
            width=64, steps=400, epochs=12, batch=1000, rate=0.005, decay=0.05, flip=flip, shift=2, layout="large"
        )
    if not affordable and not tiny:
        return NetworkSettings(
            width=24, epochs=6, batch=64, rate=0.007, decay=0.05, smoothing=0.1, flip=flip, shift=2, layout="medium"
        )
    return NetworkSettings(flip=flip, shift=1 if tiny else 2)
