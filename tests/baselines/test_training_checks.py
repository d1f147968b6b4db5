from __future__ import annotations

import pandas as pd
import torch
from torch import nn

from dqkit.baselines.network.training_checks import check_training, first_nonfinite


def data(n: int = 24, channels: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, channels, 4, 4, generator=generator), torch.arange(n) % 3


def net(channels: int = 3) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(16 * channels, 32), nn.ReLU(), nn.Linear(32, 3))


def found(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> pd.DataFrame:
    return check_training(model, x, y, 3).set_index("check")


def test_a_healthy_network_passes_and_is_left_as_it_was() -> None:
    x, y = data()
    model = net()
    before = [p.clone() for p in model.parameters()]
    out = found(model, x, y)
    assert out["ok"].all(), out.to_string()
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_bad_inputs_are_named() -> None:
    x, y = data()
    x[:, 1] = 7.0
    x[:, 2] = x[:, 0]
    out = found(net(), x, y)
    assert out.loc["constant channels", "found"] == "channels [1] never change"
    assert out.loc["duplicated channels", "found"] == "channels [(0, 2)] are copies of each other"
    assert not found(net(), x * 255, y).loc["input range", "ok"]
    x[0, 0, 0, 0] = float("nan")
    assert found(net(), x, y).loc["finite inputs", "found"] == "1 values are NaN or infinite"


def test_dead_and_exploding_layers_are_named() -> None:
    x, y = data()
    model = net()
    with torch.no_grad():
        model[1].bias.fill_(-1e4)
    out = found(model, x, y)
    assert "dead: 1.weight" in out.loc["gradients", "found"]
    assert not out.loc["gradients", "ok"]
    wild = net()
    with torch.no_grad():
        wild[3].weight.mul_(1e6)
    assert "exploding" in found(wild, x, y).loc["gradients", "found"]
    assert not found(wild, x, y).loc["loss at the start", "ok"]


class Log(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log(x)


def test_the_layer_of_the_first_nan_is_named() -> None:
    x, _ = data()
    model = nn.Sequential(nn.Flatten(), Log(), nn.Linear(48, 3))
    assert first_nonfinite(model, x) == "1 (Log)"
    assert first_nonfinite(net(), x) is None


def test_a_network_that_ignores_its_input_does_not_learn_the_batch() -> None:
    x, y = data()
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    with torch.no_grad():
        x.zero_()
    assert not found(model, x, y).loc["learns one batch", "ok"]
