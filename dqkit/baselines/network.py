"""A small convolutional network for images, and the images as it sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dqkit.baselines.members import Positions


@dataclass(frozen=True)
class NetworkSettings:
    """width: channels after the first layer (then twice as many). steps: at least so many, in `epochs` passes or more.

    flip: mirror at random. shift: largest translation in pixels. large: the network for a GPU.
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
    large: bool = False
    balanced: bool = False
    focal: float = 0.0


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
    """Every image of the dataset as uint8, made float and standard a batch at a time on the device of the training.

    pixels: uint8 (n, c, h, w): a tensor on the device where it has room for all, else the array they are streamed from.
    """

    pixels: Tensor | NDArray[np.uint8]
    mean: Tensor
    scale: Tensor

    @classmethod
    def of(
        cls, content: NDArray[np.uint8], seen: Positions, device: torch.device, *, resident: bool | None = None
    ) -> Images:
        """content: uint8 (n, c, h, w); mean and deviation per channel come from at most 5,000 of the `seen` images.

        resident: whether all are kept on the device; None where half of its free memory holds them.
        """
        sample = content[seen[:: max(1, len(seen) // 5000)]].astype(np.float32)
        mean = torch.from_numpy(sample.mean(axis=(0, 2, 3), keepdims=True)).to(device)
        scale = torch.from_numpy(sample.std(axis=(0, 2, 3), keepdims=True) + 0.255).to(device)
        if resident is None:
            resident = device.type != "cuda" or content.nbytes < torch.cuda.mem_get_info(device)[0] / 2
        return cls(torch.from_numpy(content).to(device) if resident else content, mean, scale)

    @property
    def device(self) -> torch.device:
        """Where batches are made."""
        return self.mean.device

    def batch(self, at: Tensor) -> Tensor:
        """Standardised float images, channels last."""
        if isinstance(self.pixels, Tensor):
            raw = self.pixels[at]
        else:
            raw = torch.from_numpy(np.ascontiguousarray(self.pixels[at.cpu().numpy()])).to(self.device)
        x = (raw.float() - self.mean) / self.scale
        return x.contiguous(memory_format=torch.channels_last)


def settings_for(
    shape: tuple[int, ...], *, flip: bool, device: torch.device, affordable: bool = True
) -> NetworkSettings:
    """What suits (h, w) images: the small network on a CPU, the large one on a GPU for images of 16 pixels and more.

    affordable: False where the images are so many that a network is trained only because it was asked for.
    """
    tiny = min(shape) < 16
    if device.type == "cuda" and not tiny:
        return NetworkSettings(
            width=64, steps=400, epochs=12, batch=1000, rate=0.005, decay=0.05, flip=flip, shift=2, large=True
        )
    if not affordable:
        return NetworkSettings(width=32, epochs=6, batch=128, rate=0.01, decay=0.05, smoothing=0.1, flip=flip, shift=2)
    return NetworkSettings(flip=flip, shift=1 if tiny else 2)


def best_device() -> torch.device:
    """CUDA where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
