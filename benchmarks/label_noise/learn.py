"""The judge as a network that is trained on simulated audits: P(label wrong | evidence of the row, traits of the set).

What rises against a label can only raise the probability: its weights are positive, whatever the traits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

RESCALE = 3.0  # traits are kept within so many standard deviations


@dataclass(frozen=True, eq=False)
class Audit:
    """One simulated audit; k rows of it. See `audits.py`."""

    number: str
    rising: np.ndarray
    situation: np.ndarray
    traits: np.ndarray
    wrong: np.ndarray
    rate: float
    differs: np.ndarray
    plain: np.ndarray
    cleanlab: np.ndarray
    shape: tuple[int, ...]
    family: str
    name: str
    kind: str


def read(folder: Path) -> list[Audit]:
    out = []
    for file in sorted(folder.glob("*.npz")):
        try:
            stored = np.load(file)
            fields = {key: stored[key] for key in stored.files}
        except (OSError, ValueError, EOFError):
            continue
        for i in range(sum(key.startswith("rate_") for key in fields)):
            of = {key.rpartition("_")[0]: value for key, value in fields.items() if key.endswith(f"_{i}")}
            out.append(
                Audit(
                    number=f"{file.stem}/{i}",
                    shape=tuple(int(v) for v in of.pop("shape")),
                    rate=float(of.pop("rate")),
                    **{key: str(of.pop(key)) for key in ("family", "name", "kind")},
                    **{k: of[k] for k in ("rising", "situation", "traits", "wrong", "differs", "plain", "cleanlab")},
                )
            )
    return out


class Network(nn.Module):
    """One network of the judge.

    The traits make `code` numbers. A log odds is a sum of the rising evidence, weighted by what the code says, of
    `hidden` units that rise with it (half of them bend up, half down), and of what code and situation say by
    themselves.
    """

    def __init__(self, rising: int, situation: int, traits: int, code: int = 16, hidden: int = 32) -> None:
        super().__init__()
        self.encode = nn.Linear(traits, code)
        self.slopes = nn.Linear(code, rising)
        self.up = nn.Linear(rising, hidden, bias=False)
        self.bend = nn.Linear(code + situation, hidden)
        self.out = nn.Linear(hidden, 1, bias=False)
        self.aside = nn.Linear(code + situation, 24)
        self.shift = nn.Linear(24, 1)
        nn.init.constant_(self.slopes.bias, -2.5)
        nn.init.normal_(self.up.weight, -2.5, 0.5)
        nn.init.normal_(self.out.weight, -2.5, 0.5)

    def forward(self, rising: torch.Tensor, situation: torch.Tensor, traits: torch.Tensor) -> torch.Tensor:
        code = torch.tanh(self.encode(traits))
        both = torch.cat([code, situation], dim=1)
        straight = (functional.softplus(self.slopes(code)) * rising).sum(dim=1)
        inside = functional.linear(rising, functional.softplus(self.up.weight)) + self.bend(both)
        half = inside.shape[1] // 2
        bent = torch.cat([functional.softplus(inside[:, :half]), -functional.softplus(-inside[:, half:])], dim=1)
        risen = functional.linear(bent, functional.softplus(self.out.weight))[:, 0]
        aside = self.shift(torch.tanh(self.aside(both)))[:, 0]
        return straight + risen + aside


@dataclass(frozen=True, eq=False)
class Scaler:
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Scaler:
        return cls(values.mean(axis=0), values.std(axis=0) + 1e-3)

    def __call__(self, values: np.ndarray, limit: float = 6.0) -> np.ndarray:
        return np.clip((values - self.mean) / self.scale, -limit, limit).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Judge:
    """Several networks, each trained on some of the datasets; their log odds are averaged."""

    networks: list[Network]
    rising: Scaler
    situation: Scaler
    traits: Scaler

    def log_odds(self, audit: Audit) -> np.ndarray:
        rising = torch.from_numpy(self.rising(audit.rising.astype(np.float32)))
        situation = torch.from_numpy(self.situation(audit.situation.astype(np.float32)))
        traits = torch.from_numpy(self.traits(audit.traits[None], RESCALE)).expand(len(rising), -1)
        with torch.no_grad():
            return np.mean([net(rising, situation, traits).numpy() for net in self.networks], axis=0).astype(float)


def train(
    audits: list[Audit], *, rows: int = 250, networks: int = 4, passes: int = 6, decay: float = 0.05,
    drop: float = 0.15, noise: float = 0.1, code: int = 16, hidden: int = 32, part: float = 0.8, seed: int = 0,
    make=Network,
) -> Judge:  # fmt: skip
    """Log loss, each audit counting alike; traits are dropped and shaken, so that none is leant on alone."""
    rng = np.random.default_rng(seed)
    picks = [rng.permutation(len(a.wrong))[:rows] for a in audits]
    rising = np.concatenate([a.rising[at] for a, at in zip(audits, picks, strict=True)]).astype(np.float32)
    situation = np.concatenate([a.situation[at] for a, at in zip(audits, picks, strict=True)]).astype(np.float32)
    wrong = np.concatenate([a.wrong[at] for a, at in zip(audits, picks, strict=True)]).astype(np.float32)
    which = np.repeat(np.arange(len(audits)), [len(at) for at in picks])
    weight = np.repeat([1 / len(at) for at in picks], [len(at) for at in picks])
    all_traits = np.stack([a.traits for a in audits])
    scalers = Scaler.of(rising), Scaler.of(situation), Scaler.of(all_traits)
    tensors = [torch.from_numpy(s(v)) for s, v in zip(scalers[:2], (rising, situation), strict=True)]
    traits = torch.from_numpy(scalers[2](all_traits, RESCALE))
    target, share = torch.from_numpy(wrong), torch.from_numpy((weight / weight.mean()).astype(np.float32))
    index = torch.from_numpy(which)
    names = np.array([a.name for a in audits])
    made: list[Network] = []
    for turn in range(networks):
        torch.manual_seed(1000 * seed + turn)
        draw = np.random.default_rng([seed, turn])
        kept = names_kept(names, part if networks > 1 else 1.0, draw)
        use = torch.from_numpy(np.flatnonzero(kept[which]))
        net = make(rising.shape[1], situation.shape[1], traits.shape[1], code, hidden)
        batch = 4096
        steps = max(1, len(use) // batch) * passes
        optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=steps)
        done = 0
        while done < steps:
            order = use[torch.randperm(len(use))]
            for start in range(0, len(order) - batch + 1 if len(order) >= batch else 1, batch):
                if done >= steps:
                    break
                at = order[start : start + batch]
                seen = traits[index[at]]
                seen = functional.dropout(seen, drop) + noise * torch.randn_like(seen)
                optimizer.zero_grad()
                loss = functional.binary_cross_entropy_with_logits(
                    net(tensors[0][at], tensors[1][at], seen), target[at], share[at]
                )
                loss.backward()
                optimizer.step()
                schedule.step()
                done += 1
        made.append(net.eval())
    return Judge(made, *scalers)


def names_kept(names: np.ndarray, part: float, rng: np.random.Generator) -> np.ndarray:
    """Which audits a network is trained on: those of so many of the datasets."""
    all_names = np.unique(names)
    keep = all_names[rng.permutation(len(all_names))[: max(1, round(part * len(all_names)))]]
    return np.isin(names, [*keep, "made"])


def exported(judge: Judge) -> dict[str, np.ndarray]:
    """The arrays that `dqkit.signals.label_noise.judge` reads."""
    state = [net.state_dict() for net in judge.networks]

    def stacked(name: str) -> np.ndarray:
        return np.stack([one[name].numpy() for one in state])

    out = {
        "encode": stacked("encode.weight"),
        "encode_bias": stacked("encode.bias"),
        "slopes": stacked("slopes.weight"),
        "slopes_bias": stacked("slopes.bias"),
        "up": stacked("up.weight"),
        "bend": stacked("bend.weight"),
        "bend_bias": stacked("bend.bias"),
        "out": stacked("out.weight")[:, 0],
        "aside": stacked("aside.weight"),
        "aside_bias": stacked("aside.bias"),
        "shift": stacked("shift.weight")[:, 0],
        "shift_bias": stacked("shift.bias")[:, 0],
    }
    for name in ("rising", "situation", "traits"):
        scaler: Scaler = getattr(judge, name)
        out[f"{name}_mean"], out[f"{name}_scale"] = scaler.mean, scaler.scale
    return {name: value.astype(np.float32) for name, value in out.items()}
