"""The training of one fold: a head on the frozen features, then the head and the last blocks together."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dqkit.arrays.threads import processors
from dqkit.baselines.embedding.pipeline import AHEAD, PictureEncoder, ahead
from dqkit.baselines.finetuning.consent import EPOCHS
from dqkit.baselines.finetuning.networks import Start, Trainable
from dqkit.baselines.linear_heads import chosen_penalty, logistic_folds
from dqkit.baselines.members import FitStopped, Positions, Scores
from dqkit.records import Dataset


@dataclass(frozen=True)
class Tuning:
    """epochs: passes at most. patience: passes without a lower loss on the validation part, after which it ends. rate:
    the learning rate of the last blocks. head_rate: that of the head. decay: of the weights. batch: pictures a step.

    The rates are low because the probe is good already. On 640 photos of clothing the loss on the validation part rose
    from the first pass on with 1e-4 and with 3e-5 for the blocks; with 1e-5 it fell a little, from .785 to .784.
    """

    epochs: int = EPOCHS
    patience: int = 2
    rate: float = 1e-5
    head_rate: float = 1e-4
    decay: float = 0.01
    batch: int = 32


@dataclass(frozen=True, eq=False)
class Lesson:
    """What one fold is trained on. train, check: positions that are learned from, and that the end is decided on. y:
    (n,) classes of the dataset, looked at there only. features: (n, d) of the frozen network."""

    dataset: Dataset
    train: Positions
    check: Positions
    y: NDArray[np.int64]
    features: NDArray[np.float32]
    classes: int


@dataclass(frozen=True, eq=False)
class Tuned:
    """model: pictures -> logits. losses: mean training loss of each pass. checked: loss on the validation part, first
    of the probe and then after each pass. best: the pass whose weights were kept, 0 for the probe."""

    model: Model
    losses: tuple[float, ...]
    checked: tuple[float, ...]
    best: int


class Model:
    """A network and a head on its features, which are centred and divided by one number."""

    def __init__(self, body: Trainable, probe: NDArray[np.float32], mean: NDArray[np.float32], scale: float) -> None:
        device = body.last[0].device
        self.body = body
        self.mean = torch.from_numpy(mean).to(device)
        self.scale = scale
        self.weight = nn.Parameter(torch.from_numpy(np.ascontiguousarray(probe[:-1].T)).to(device))
        self.bias = nn.Parameter(torch.from_numpy(probe[-1].copy()).to(device))
        self.device = device

    def __call__(self, x: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            features = self.body.forward(x)
        return nn.functional.linear((features.float() - self.mean) / self.scale, self.weight, self.bias)

    @property
    def learned(self) -> list[nn.Parameter]:
        return [self.weight, self.bias, *self.body.last]


def tune(lesson: Lesson, start: Start, tuning: Tuning, seed: int, watch: Watch) -> Tuned:
    """Train one fold; the weights with the lowest loss on the validation part are kept, the probe's own among them."""
    model = probed(lesson, start)
    generator = torch.Generator(device="cpu").manual_seed(seed)
    steps = torch.optim.AdamW(
        [
            {"params": [model.weight, model.bias], "lr": tuning.head_rate},
            {"params": list(model.body.last), "lr": tuning.rate},
        ],
        weight_decay=tuning.decay,
    )
    parts = math.ceil(len(lesson.train) / tuning.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(steps, lambda step: share_of_rate(step, parts, tuning.epochs))
    checked = [loss_on(model, lesson, start, tuning)]
    losses: list[float] = []
    best, kept = 0, [p.detach().clone() for p in model.learned]
    side = torch.rand(len(lesson.train), generator=generator) < 0.5
    for epoch in range(tuning.epochs):
        order = torch.randperm(len(lesson.train), generator=generator)
        # A picture mirrored in one pass is not in the next: both sides are seen equally often.
        mirrored = torch.split((side ^ (epoch % 2 == 1))[order], tuning.batch)
        at = lesson.train[order.numpy()]
        seen = torch.zeros((), device=model.device)
        for x, where, flip in zip(
            batches(lesson.dataset, start, at, tuning.batch), parts_of(at, tuning.batch), mirrored, strict=True
        ):
            if watch.stop.is_set():
                raise FitStopped
            x = torch.where(flip.to(model.device)[:, None, None, None], x.flip(3), x)
            loss = nn.functional.cross_entropy(model(x), torch.from_numpy(lesson.y[where]).to(model.device))
            steps.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
            steps.step()
            schedule.step()
            seen += loss.detach() * len(where)
        losses.append(float(seen) / len(at))
        checked.append(loss_on(model, lesson, start, tuning))
        watch.tell(epoch + 1, tuning.epochs)
        if checked[-1] < checked[best]:
            best, kept = epoch + 1, [p.detach().clone() for p in model.learned]
        elif not math.isfinite(losses[-1]) or epoch + 1 - best >= tuning.patience:
            break
    with torch.no_grad():
        for parameter, value in zip(model.learned, kept, strict=True):
            parameter.copy_(value)
            parameter.grad = None
    return Tuned(model, tuple(losses), tuple(checked), best)


def share_of_rate(step: int, parts: int, epochs: int) -> float:
    """Of the learning rate: rising through the first pass, because Adam's first steps are as long as any and the probe
    is good already, then falling along a cosine."""
    return min(1.0, (step + 1) / parts) * (0.5 + 0.5 * math.cos(math.pi * step / (parts * epochs)))


@dataclass(frozen=True, eq=False)
class Watch:
    """tell: called with (passes done, passes in all). stop: once it is set, `FitStopped` is raised."""

    tell: Callable[[int, int], None]
    stop: threading.Event


def probed(lesson: Lesson, start: Start) -> Model:
    """The network as it came, with a logistic head on its features; what holds the head back is chosen on the
    validation part."""
    seen = lesson.features[lesson.train]
    mean = seen.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = max(float(seen.std(axis=0, dtype=np.float64).mean()), 1e-6)
    at = np.r_[lesson.train, lesson.check]
    part = np.r_[np.ones(len(lesson.train), dtype=np.int64), np.zeros(len(lesson.check), dtype=np.int64)]
    x = (lesson.features[at] - mean) / np.float32(scale)
    y = lesson.y[at]
    penalty = chosen_penalty(x, y, part, lesson.classes)
    probe = logistic_folds(x, y, part, lesson.classes, penalty=penalty)[0]
    return Model(start.fresh(), probe, mean, scale)


def loss_on(model: Model, lesson: Lesson, start: Start, tuning: Tuning) -> float:
    """Mean log-loss on the validation part."""
    logits = torch.from_numpy(judge(model, lesson.dataset, start, lesson.check, tuning.batch))
    return float(nn.functional.cross_entropy(logits.double(), torch.from_numpy(lesson.y[lesson.check])))


def judge(model: Model, dataset: Dataset, start: Start, at: Positions, batch: int) -> Scores:
    """float32 (k, c) logits of some pictures."""
    parts = [torch.zeros((0, len(model.bias)))]
    with torch.no_grad():
        parts += [model(x).cpu() for x in batches(dataset, start, at, batch)]
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)


def batches(dataset: Dataset, start: Start, at: Positions, size: int) -> Iterator[Tensor]:
    """float32 (b, 3, h, w) of the pictures on the device. For a GPU threads read a few batches ahead; on a processor,
    where other folds keep the others busy, each batch is read when its turn comes."""
    device = start.encoder.device
    pictures = PictureEncoder(dataset, replace(start.encoder, dtype=torch.float32))
    parts = parts_of(at, size)

    def work(part: Positions) -> Tensor:
        made: Tensor = pictures.prepared(int(i) for i in part)[0]
        return made

    if device.type == "cpu":
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(processors()) as pool:
        for made in ahead(pool, work, parts, AHEAD * processors()):
            yield made.to(device, non_blocking=True)


def parts_of(at: Positions, size: int) -> list[Positions]:
    """Positions in pieces of `size`, the last of what is left."""
    return [at[i : i + size] for i in range(0, len(at), size)]
