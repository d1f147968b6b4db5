"""Pretrained networks of which the last blocks can be trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dqkit.baselines.embedding import lite0
from dqkit.baselines.embedding.embed import encoder_of, located
from dqkit.baselines.embedding.encoders import Encoder
from dqkit.baselines.embedding.forecast import SIDES, chosen_side
from dqkit.baselines.embedding.transformers_models import loaded, reader
from dqkit.baselines.members import Task
from dqkit.records import InputError

# One block in so many is trained, counted from the end: those know the most of what the network was trained on.
ONE_IN = 4


@dataclass(frozen=True, eq=False)
class Trainable:
    """forward: float32 (b, 3, h, w) -> (b, d) features. last: what is trained; everything else is frozen."""

    forward: Callable[[Tensor], Tensor]
    last: tuple[nn.Parameter, ...]


@dataclass(frozen=True, eq=False)
class Start:
    """Where fine-tuning starts from. encoder: the frozen network, which also prepares pictures. fresh: a new copy of
    the network in float32 on the encoder's device, the same every time."""

    encoder: Encoder
    fresh: Callable[[], Trainable]


def start_of(task: Task, pretrained: Any, *, photos: bool) -> Start | None:
    """The network that `pretrained` names; None where not even its features fit into the budget of time.

    photos: whether the pictures are as large as photos; smaller ones are shown at the least size. Raises as `embed`
    does.
    """
    if pretrained is not None:
        model = located(pretrained)
        encoder = encoder_of(model, SIDES[0])
        transformers_trainable(model, encoder.device)  # for its checks
        return Start(encoder, lambda: transformers_trainable(model, encoder.device))
    lite0.weights_file()
    side = chosen_side(task.dataset, task.minutes, task.shelf) if photos else SIDES[-1]
    if side is None:
        return None
    encoder = encoder_of(None, side)
    return Start(encoder, lambda: lite0_trainable(encoder.device))


def lite0_trainable(device: torch.device) -> Trainable:
    """EfficientNet-Lite0 with its last four blocks and the layer behind them to be trained.

    Its batch norms are folded into the convolutions, so they stay as they are on average and small batches do no harm.
    """
    network = lite0.load(torch.float32, device)
    last: list[nn.Parameter] = []

    def learned(layer: lite0.Convolution) -> lite0.Convolution:
        weight, bias = nn.Parameter(layer.weight), nn.Parameter(layer.bias)
        last.extend((weight, bias))
        return replace(layer, weight=weight, bias=bias)

    first = len(network.blocks) - len(network.blocks) // ONE_IN
    blocks = tuple(
        (layers if i < first else tuple(learned(layer) for layer in layers), residual)
        for i, (layers, residual) in enumerate(network.blocks)
    )
    own = replace(network, blocks=blocks, head=learned(network.head))
    return Trainable(own, tuple(last))


def transformers_trainable(model: str | Path, device: torch.device) -> Trainable:
    """A model of transformers with the last quarter of its blocks, and what comes after them, to be trained."""
    network = loaded("AutoModel", model).float().eval().requires_grad_(False).to(device)
    last = last_parameters(network)
    for parameter in last:
        parameter.requires_grad_(True)
    return Trainable(reader(network), last)


def last_parameters(network: nn.Module) -> tuple[nn.Parameter, ...]:
    """The parameters of the last quarter of the blocks, one at least, and of everything that comes after the blocks.

    The blocks are the first list of modules in the network; of one that reads pictures and texts, in its vision part.
    """
    vision = getattr(network, "vision_model", network)
    blocks = next((m for m in vision.modules() if isinstance(m, nn.ModuleList) and len(m)), None)
    if blocks is None:
        raise InputError(
            f"finetune cannot tell the blocks of {type(network).__name__}: it holds no list of modules. "
            "Leave finetune out, or choose another model."
        )
    chosen = {id(p) for block in blocks[-max(1, len(blocks) // ONE_IN) :] for p in block.parameters()}
    inside = {id(p) for p in blocks.parameters()}
    named = list(vision.parameters())
    end = max(i for i, p in enumerate(named) if id(p) in inside)
    return tuple(p for i, p in enumerate(named) if id(p) in chosen or i > end)
