"""How far the estimated noise rate may be off: an interval that is learned from datasets that were left out.

Also the guard: how far a dataset's traits are from those of all simulated audits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from learn import RESCALE, Audit, Scaler
from torch.nn import functional

COVERAGE = 0.95
NORMAL, MIDDLE = 1.96, 0.6745  # of a normal distribution: standard deviations that hold 95 % and one half
HIDDEN = 6
GUARD = 0.999  # of the simulated audits are held to be inside
SHRUNK = 0.1


def misses(audits: list[Audit], found: np.ndarray) -> np.ndarray:
    """Log odds of the true rate less those of the found one; a rate counts as at least a third of a label."""
    rows = np.array([a.shape[1] for a in audits])
    true = np.array([a.rate for a in audits])
    least = 1 / (3 * rows)
    logit = [np.log(v / (1 - v)) for v in (np.clip(true, least, 1 - least), np.clip(found, least, 1 - least))]
    return np.asarray(logit[0] - logit[1])


class Width(torch.nn.Module):
    """Traits -> how far the rate may lie below and above, both positive."""

    def __init__(self, traits: int) -> None:
        super().__init__()
        self.inside = torch.nn.Linear(traits, HIDDEN)
        self.out = torch.nn.Linear(HIDDEN, 2)

    def forward(self, traits: torch.Tensor) -> torch.Tensor:
        return functional.softplus(self.out(torch.tanh(self.inside(traits))))


def fit_width(traits: np.ndarray, miss: np.ndarray, *, seed: int = 0, steps: int = 600) -> Width:
    """Quantile regression (pinball loss) of the misses; traits are scaled."""
    torch.manual_seed(seed)
    net = Width(traits.shape[1])
    seen, target = torch.from_numpy(traits), torch.from_numpy(miss.astype(np.float32))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=0.1)
    tail = (1 - COVERAGE) / 2
    for _ in range(steps):
        shaken = functional.dropout(seen, 0.1) + 0.1 * torch.randn_like(seen)
        low, high = net(shaken).unbind(dim=1)
        sides = [-target - low, target - high]
        loss = sum(torch.where(side > 0, (1 - tail) * side, -tail * side).mean() for side in sides)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()


@dataclass(frozen=True, eq=False)
class Widths:
    """net: on all audits. by: the factor that makes its widths hold 95 % of the rates of datasets left out. core: how
    much narrower than a normal distribution with that interval the middle half of the misses is. covered, sides: share
    of the rates held, and (n, 2) how far below and above each may lie, for folds that had a part in neither."""

    net: Width
    by: float
    core: float
    covered: float
    sides: np.ndarray

    @property
    def wide(self) -> np.ndarray:
        return np.asarray(self.sides.sum(axis=1))


def widths(audits: list[Audit], miss: np.ndarray, fold: np.ndarray, scaler: Scaler) -> Widths:
    """The interval of the rate, fitted to how far the rates of datasets left out were missed."""
    seen = scaler(np.stack([a.traits for a in audits]), RESCALE)
    ratio, sides = np.empty(len(miss)), np.empty((len(miss), 2))
    for one in np.unique(fold):
        net = fit_width(seen[fold != one], miss[fold != one])
        with torch.no_grad():
            low, high = net(torch.from_numpy(seen[fold == one])).numpy().T
        ratio[fold == one] = np.maximum(-miss[fold == one] / low, miss[fold == one] / high)
        sides[fold == one] = np.column_stack([low, high])
    by = float(np.quantile(ratio, COVERAGE))
    inside = [ratio[fold == one] <= np.quantile(ratio[fold != one], COVERAGE) for one in np.unique(fold)]
    core = float(np.median(ratio) / by * NORMAL / MIDDLE)
    return Widths(fit_width(seen, miss), by, core, float(np.concatenate(inside).mean()), sides * by)


def exported_width(found: Widths) -> dict[str, np.ndarray]:
    state = {name: value.numpy() for name, value in found.net.state_dict().items()}
    return {
        "off_in": state["inside.weight"],
        "off_in_bias": state["inside.bias"],
        "off_out": state["out.weight"],
        "off_out_bias": state["out.bias"],
        "off_factor": np.array(found.by, np.float32),
        "core": np.array(found.core, np.float32),
    }


def guard(audits: list[Audit], scaler: Scaler) -> dict[str, np.ndarray]:
    """What turns scaled traits into independent ones, and the distance that one in a thousand audits exceeds."""
    z = (np.stack([a.traits for a in audits]) - scaler.mean) / scaler.scale
    covariance = (1 - SHRUNK) * np.cov(z.T) + SHRUNK * np.eye(z.shape[1])
    values, vectors = np.linalg.eigh(covariance)
    apart = (vectors / np.sqrt(values)).T
    distance = np.sqrt(np.square(z @ apart.T).mean(axis=1))
    return {"guard": apart.astype(np.float32), "guard_limit": np.array(np.quantile(distance, GUARD), np.float32)}
