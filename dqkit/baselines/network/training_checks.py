"""Checks of a torch network and its data before hours are spent: each says what it looked at and what it found."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dqkit.checks import kinds, number, takes, whole_number

DEAD = 1e-8
EXPLODING = 1e3


@takes(
    model=kinds.a(nn.Module, "a torch module"),
    x=kinds.a(Tensor, "a Tensor"),
    y=kinds.a(Tensor, "a Tensor"),
    n_classes=partial(whole_number, least=1),
    steps=partial(whole_number, least=0),
    rate=partial(number, above=0),
)
def check_training(
    model: nn.Module, x: Tensor, y: Tensor, n_classes: int, *, steps: int = 60, rate: float = 0.003
) -> pd.DataFrame:
    """Check a network and one batch before a long training.

    Parameters
    ----------
    model : torch.nn.Module
        Comes back as it was.
    x : Tensor, shape (n, channels, ...)
        Float inputs as the model sees them.
    y : Tensor of int64, shape (n,)
        Labels.
    n_classes : int
        The number of classes.
    steps : int
        How many steps the network may take to learn the batch by heart.
    rate : float
        The learning rate of these steps.

    Returns
    -------
    DataFrame
        One row per check: `check`, `ok`, `found` (plain words).

    Notes
    -----
    Checked are: finite inputs, their range, constant and duplicated channels, the loss at the start against
    ln(classes), gradients of each layer, whether the network can learn this batch by heart, and the layer where the
    first value that is not finite arises.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    >>> out = check_training(model, torch.rand(8, 1, 2, 2), torch.arange(8) % 2, 2)
    >>> bool(out.set_index("check").loc["finite inputs", "ok"])
    True
    """
    rows = _inputs(x)
    trial = copy.deepcopy(model).train()
    layer = first_nonfinite(trial, x)
    rows.append(("finite layers", layer is None, layer or "every layer's output is finite"))
    loss_of = nn.CrossEntropyLoss()
    loss = loss_of(trial(x), y)
    start, wanted = float(loss.detach()), math.log(n_classes)
    rows.append(
        (
            "loss at the start",
            math.isfinite(start) and start < 3 * wanted + 0.5,
            f"{start:.3f}; guessing evenly among {n_classes} classes gives {wanted:.3f}",
        )
    )
    if math.isfinite(start):
        loss.backward()
        rows += _gradients(trial)
        rows.append(_overfits(copy.deepcopy(model).train(), x, y, start, steps, rate))
    return pd.DataFrame(rows, columns=["check", "ok", "found"])


def _inputs(x: Tensor) -> list[tuple[str, bool, str]]:
    values = x.detach().float()
    broken = int((~torch.isfinite(values)).sum())
    rows = [
        ("finite inputs", broken == 0, f"{broken} values are NaN or infinite" if broken else "all values are finite")
    ]
    clean = torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(clean.min()), float(clean.max())
    wide = max(abs(low), abs(high)) > 20
    advice = "; scale inputs to about [-3, 3]" if wide else ""
    rows.append(("input range", not wide, f"values from {low:.3g} to {high:.3g}{advice}"))
    channels = clean.transpose(0, 1).flatten(1)
    constant = [i for i, c in enumerate(channels) if float(c.max() - c.min()) == 0]
    said = f"channels {constant} never change" if constant else "every channel varies"
    rows.append(("constant channels", not constant, said))
    same = [
        (i, j)
        for i in range(len(channels))
        for j in range(i + 1, len(channels))
        if i not in constant and torch.equal(channels[i], channels[j])
    ]
    said = f"channels {same} are copies of each other" if same else "no two channels are alike"
    rows.append(("duplicated channels", not same, said))
    return rows


def _gradients(model: nn.Module) -> list[tuple[str, bool, str]]:
    """One row over all layers: the smallest, mean and largest gradient, and which layers are dead or explode."""
    norms = {name: float(p.grad.norm()) for name, p in model.named_parameters() if p.grad is not None}
    unused = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    sizes: NDArray[np.float64] = np.array(list(norms.values()) or [0.0])
    dead = [name for name, size in norms.items() if size < DEAD] + unused
    wild = [name for name, size in norms.items() if not size < EXPLODING]
    found = f"norms from {sizes.min():.2g} to {sizes.max():.2g}, mean {sizes.mean():.2g}"
    found += f"; dead: {', '.join(dead)}" if dead else ""
    found += f"; exploding: {', '.join(wild)}" if wild else ""
    return [("gradients", not dead and not wild, found)]


def _overfits(model: nn.Module, x: Tensor, y: Tensor, start: float, steps: int, rate: float) -> tuple[str, bool, str]:
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=rate)
    loss_of = nn.CrossEntropyLoss()
    loss = start
    for _ in range(steps):
        value = loss_of(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        loss = float(value.detach())
    return (
        "learns one batch",
        loss < 0.5 * start,
        f"loss {start:.3f} -> {loss:.3f} in {steps} steps on {len(x)} samples",
    )


def first_nonfinite(model: nn.Module, x: Tensor) -> str | None:
    """The name and kind of the first layer whose output is NaN or infinite on x, or None."""
    with _watch(model) as found, torch.no_grad():
        model(x)
    return found[0] if found else None


@contextmanager
def _watch(model: nn.Module) -> Iterator[list[str]]:
    found: list[str] = []

    def hook(name: str) -> object:
        def look(module: nn.Module, inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and not torch.isfinite(output).all():
                found.append(f"{name} ({type(module).__name__})")

        return look

    layers = [(name, m) for name, m in model.named_modules() if not list(m.children())]
    handles = [layer.register_forward_hook(hook(name or "the model")) for name, layer in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
