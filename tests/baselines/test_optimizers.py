"""How the weights of the large network move."""

from __future__ import annotations

import pytest
import torch

from dqkit.baselines.network.architecture import NetworkSettings, large_network
from dqkit.baselines.network.optimizers import Steps


def test_the_filters_that_whiten_are_not_trained_and_their_offsets_for_three_passes() -> None:
    filters = torch.randn(24, 3, 2, 2)
    model = large_network(filters, 2, NetworkSettings(width=4, layout="large"))
    assert not model[0].weight.requires_grad
    steps = Steps(model, 20, 10, NetworkSettings(rate=1.0, layout="large"))
    for epoch, trained in ((0, True), (2, True), (3, False), (4, False)):
        steps.epoch(epoch)
        assert model[0].bias.requires_grad is trained


def test_momentum_is_that_of_nesterov_and_the_weights_end_at_their_average() -> None:
    # One weight, loss w: a gradient of 1 at every step; by hand: v = m v + g, w -= rate (g + m v), g = 1 + decay w
    model = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False))
    torch.nn.init.constant_(model[0].weight, 1.0)
    total, rate, decay, m = 10, 0.3, 0.01, 0.85
    steps = Steps(model, total, 500, NetworkSettings(rate=rate, decay=decay, layout="large"))
    w, v, average = 1.0, 0.0, 1.0
    for step in range(total):
        # half of 1,000 images a batch: half of the rate; up until step 2 (.23 of 10), down to .07 of it at the end
        share = 0.2 + 0.8 * step / 2 if step <= 2 else 1 - 0.93 * (step - 2) / 8
        assert steps.rate == pytest.approx(rate / 2 * share)
        g = 1 + decay * w
        v = m * v + g
        w -= rate / 2 * share * (g + m * v)
        steps.take(model[0].weight.sum())
        if step + 1 in (5, 10):
            kept = 0.95**5 * ((step + 1) / total) ** 3
            average = kept * average + (1 - kept) * w
            w = average
        assert model[0].weight.item() == pytest.approx(w, rel=1e-5)
    with torch.no_grad():
        model[0].weight += 1.0
    steps.finish()
    assert model[0].weight.item() == pytest.approx(average, rel=1e-5)


def test_offsets_of_normalisations_move_faster_and_their_factors_not_at_all() -> None:
    model = large_network(torch.randn(6, 1, 2, 2), 2, NetworkSettings(width=8, layout="large"))
    groups = Steps(model, 10, 1000, NetworkSettings(rate=1.0, decay=0.1, layout="large")).optimizer.param_groups
    norms = [layer for layer in model if isinstance(layer, torch.nn.BatchNorm2d)]
    assert [id(p) for p in groups[1]["params"]] == [id(layer.bias) for layer in norms]
    assert groups[1]["lr"] == pytest.approx(64 * groups[0]["lr"])
    assert groups[1]["lr"] * groups[1]["weight_decay"] == pytest.approx(groups[0]["lr"] * groups[0]["weight_decay"])
    assert not any(layer.weight.requires_grad for layer in norms)
