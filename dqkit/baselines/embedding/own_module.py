"""A user's own torch module as an encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.embedding.encoders import Encoder, best_device, weights_digest
from dqkit.checks import shown
from dqkit.records import InputError

# Originals are decoded with at least so many pixels on the shorter edge: more than any usual network takes.
READS = 512


def module_encoder(pair: Any, *, batch: int = 8) -> Encoder:
    """An encoder of (torch module, transform).

    transform: a Pillow image in RGB -> a float tensor (3, h, w) of one size for all. module: (b, 3, h, w) -> (b, d).
    """
    import torch

    module, transform = pair if isinstance(pair, tuple) and len(pair) == 2 else (None, None)
    if not isinstance(module, torch.nn.Module) or not callable(transform):
        raise InputError(
            "pretrained must be a name, a folder or a pair (torch module, transform), where transform turns a Pillow "
            f"image into a tensor (3, h, w); got {shown(pair)}."
        )
    device = best_device()
    network = module.eval().to(device)
    told = {"module": repr(module), "transform": repr(transform), "device": device.type}

    def prepare(pixels: NDArray[np.uint8]) -> Any:
        from PIL import Image

        x = transform(Image.fromarray(pixels))
        if not isinstance(x, torch.Tensor) or x.ndim != 3:
            raise InputError(f"the transform of pretrained must give a tensor (3, h, w); got {shown(x)}.")
        return x

    def forward(x: Any) -> Any:
        y = network(x)
        if not isinstance(y, torch.Tensor) or y.ndim != 2 or len(y) != len(x):
            raise InputError(f"the module of pretrained must give a tensor ({len(x)}, d); got {shown(y)}.")
        return y

    revision = weights_digest(network.state_dict().items(), told)
    name = type(module).__name__
    return Encoder(name, revision, prepare, forward, READS, device, torch.float32, batch)
