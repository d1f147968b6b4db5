"""How weights move: AdamW for the networks of a CPU, momentum and a running average of the weights for a GPU's."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dqkit.baselines.network.architecture import NetworkSettings

# Settings of the CIFAR-10 speed runs (Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU"), where they were
# tuned together; the rate is for a mean loss over 1,000 images and follows the size of the batch.
MOMENTUM = 0.85
BIAS_RATE = 64
FIRST_RATE, LAST_RATE, PEAK = 0.2, 0.07, 0.23
AVERAGED_EVERY, KEPT = 5, 0.95
WHITENING_EPOCHS = 3


class Steps:
    """The optimizer of one training, its schedule, and what is done to the weights beside.

    model: its weights that require gradients are moved. total: how many steps there will be. batch: images in one.
    """

    def __init__(self, model: nn.Sequential, total: int, batch: float, settings: NetworkSettings) -> None:
        self._model, self._total, self._done = model, total, 0
        self._average: list[Tensor] = []
        if settings.layout == "large":
            self.optimizer = _with_momentum(model, settings.rate * batch / 1000, settings.decay)
            self._schedule: torch.optim.lr_scheduler.LRScheduler = torch.optim.lr_scheduler.LambdaLR(
                self.optimizer, _triangle(total)
            )
            self._average = [values.clone() for values in self._state()]
        else:
            weights = [p for p in model.parameters() if p.requires_grad]
            self.optimizer = torch.optim.AdamW(weights, lr=settings.rate, weight_decay=settings.decay, fused=True)
            self._schedule = torch.optim.lr_scheduler.OneCycleLR(
                self.optimizer, settings.rate, total_steps=total + 1, pct_start=0.25
            )

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def epoch(self, number: int) -> None:
        """To be called before every pass, from 0: the whitening layer's offsets are settled after a few."""
        if self._average and number == WHITENING_EPOCHS and isinstance(self._model[0], nn.Conv2d):
            for weights in self._model[0].parameters():
                weights.requires_grad_(False)

    def take(self, loss: Tensor) -> None:
        """Gradients of the loss, and one step down; what was recorded of gradients before is gone."""
        self.clear()
        loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        self.move()

    def clear(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad(set_to_none=True)

    def move(self) -> None:
        """One step along the gradients at hand; every few steps the weights are pulled to their running average."""
        self.optimizer.step()
        self._schedule.step()
        self._done += 1
        if self._average and self._done % AVERAGED_EVERY == 0:
            # Loosely at first, when old weights are of little worth (lookahead, Zhang et al. 2019, made slower).
            self._pull(KEPT**AVERAGED_EVERY * (self._done / self._total) ** 3)

    def finish(self) -> None:
        """The model gets the averaged weights."""
        if self._average:
            self._pull(1.0)

    @torch.no_grad()
    def _pull(self, kept: float) -> None:
        for average, values in zip(self._average, self._state(), strict=True):
            average.lerp_(values, 1 - kept)
            values.copy_(average)

    def _state(self) -> list[Tensor]:
        return [values for values in self._model.state_dict().values() if values.is_floating_point()]


def _with_momentum(model: nn.Module, rate: float, decay: float) -> torch.optim.Optimizer:
    """Nesterov's momentum; offsets after a normalisation, which has no factors of its own, move much faster."""
    fast = [m.bias for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    known = {id(weights) for weights in fast}
    slow = [weights for weights in model.parameters() if weights.requires_grad and id(weights) not in known]
    groups = [
        {"params": slow, "lr": rate, "weight_decay": decay},
        {"params": fast, "lr": BIAS_RATE * rate, "weight_decay": decay / BIAS_RATE},
    ]
    return torch.optim.SGD(groups, momentum=MOMENTUM, nesterov=True, fused=True)


def _triangle(total: int) -> Callable[[int], float]:
    """The share of the rate at each step: up for a quarter of the way, then down."""
    peak = max(int(PEAK * total), 1)

    def share(step: int) -> float:
        if step <= peak:
            return FIRST_RATE + (1 - FIRST_RATE) * step / peak
        return 1 - (1 - LAST_RATE) * (step - peak) / max(total - peak, 1)

    return share
