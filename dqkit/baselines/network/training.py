"""One function trains the network, on the GPU where there is one, and keeps what the training tells of the samples."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dqkit.baselines.members import FitStopped
from dqkit.baselines.network.architecture import (
    NetworkSettings,
    large_network,
    medium_network,
    network,
    whitening_filters,
)
from dqkit.baselines.network.batches import Images, to_device, training_batches
from dqkit.baselines.network.optimizers import Steps
from dqkit.baselines.network.training_checks import first_nonfinite

# Weights are drawn from the one generator that torch has for the whole process.
_DRAWING = threading.Lock()


@dataclass(frozen=True, eq=False)
class Trained:
    """model: in evaluation mode, on the device of the images. margins: float32 (n, epochs), the logit of a sample's
    label minus the best other one when it was trained on. losses: (steps,) mean loss of each batch. epochs: passes.
    seconds: from the first step to the end of the last; preparing: of these, until everything was handed to the device.
    rates, norms: (steps,) learning rate and length of the gradient; norms only where they were asked for, else empty.
    layers: layer -> (epochs,) length of its gradient at the end of each epoch, likewise.
    """

    model: nn.Sequential
    margins: Tensor
    losses: Tensor
    epochs: int
    seconds: float
    preparing: float
    rates: tuple[float, ...]
    norms: Tensor
    layers: dict[str, list[Tensor]]


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What a network is trained on. at: positions among the images. y: int64 labels, as long as `at`. Both are held by
    the CPU, like all random numbers for order and augmentation. classes: how many there are."""

    images: Images
    at: Tensor
    y: Tensor
    classes: int


@dataclass(frozen=True)
class Watch:
    """Who looks on. gradients: whether their lengths are kept. tell: called with (passes done, passes in all). stop:
    looked at before every step; once it is set, `FitStopped` is raised."""

    gradients: bool = False
    tell: Callable[[int, int], None] | None = None
    stop: threading.Event | None = None


UNWATCHED = Watch()


@contextmanager
def one_thread() -> Iterator[None]:
    """Small layers cost more to share among threads than to compute; the user's setting comes back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train_network(data: TrainingSet, settings: NetworkSettings, seed: int, watch: Watch = UNWATCHED) -> Trained:
    """Train as `Steps` says; the device gets the data a block at a time, and no step waits for it."""
    device = data.images.device
    model = untrained(data, settings, seed)
    parts, epochs = schedule_of(len(data.at), settings)
    steps = Steps(model, epochs * parts, len(data.at) / parts, settings)
    margins = torch.full((len(data.at), epochs), math.nan, device=device)
    losses: list[Tensor] = []
    norms: list[Tensor] = []
    rates: list[float] = []
    layers: dict[str, list[Tensor]] = {}
    started, preparing = time.perf_counter(), 0.0
    model.train()
    for epoch, lesson in enumerate(_lessons(data, settings, seed)):
        steps.epoch(epoch)
        seen: list[Tensor] = []
        began = time.perf_counter()
        for step, (x, labels) in enumerate(lesson.batches):
            preparing += time.perf_counter() - began
            if watch.stop is not None and watch.stop.is_set():
                raise FitStopped
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = model(x)
                loss = loss_of(logits, labels, settings)
            steps.clear()
            loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
            if watch.gradients:
                lengths = {name: p.grad.norm() for name, p in model.named_parameters() if p.grad is not None}
                norms.append(torch.stack(list(lengths.values())).norm())
                if step == parts - 1:
                    for name, length in lengths.items():
                        layers.setdefault(name, []).append(length)
            rates.append(steps.rate)
            steps.move()
            seen.append(logits.detach())
            losses.append(loss.detach())
            began = time.perf_counter()
        # Once a pass and not once a step: on a GPU every small launch costs as much as a large one.
        margins[to_device(lesson.order, device), epoch] = margins_of(torch.cat(seen).float(), lesson.labels)
        if watch.tell is not None:
            watch.tell(epoch + 1, epochs)
    steps.finish()
    if device.type == "cuda":
        # Everything is handed over; what is left to wait for is the device's own work.
        preparing = time.perf_counter() - started
        torch.cuda.synchronize(device)
    model.eval()
    seconds = time.perf_counter() - started
    kept = torch.stack(norms) if norms else torch.zeros(0)
    return Trained(model, margins, torch.stack(losses), epochs, seconds, preparing, tuple(rates), kept, layers)


@dataclass(frozen=True, eq=False)
class _Lesson:
    """One pass: order (positions in `at`, on the CPU), their labels on the device, and the batches with theirs."""

    order: Tensor
    labels: Tensor
    batches: Iterator[tuple[Tensor, Tensor]]


def _lessons(data: TrainingSet, settings: NetworkSettings, seed: int) -> Iterator[_Lesson]:
    """All passes of a training. An image mirrored in one pass is not in the next: both sides are seen equally often."""
    images, at, y = data.images, data.at, data.y
    generator = torch.Generator(device="cpu").manual_seed(seed)
    parts, epochs = schedule_of(len(at), settings)
    side = torch.rand(len(at), generator=generator) < 0.5
    for epoch in range(epochs):
        order = _order(y, data.classes, settings, generator)
        pieces = order.tensor_split(parts)
        labels = to_device(y[order], images.device)
        mirrored = side[order] ^ (epoch % 2 == 1) if settings.flip else torch.zeros(len(order), dtype=torch.bool)
        batches = training_batches(
            images, [at[piece] for piece in pieces], mirrored.tensor_split(parts), settings.shift, generator
        )
        yield _Lesson(order, labels, zip(batches, labels.tensor_split(parts), strict=True))


def untrained(data: TrainingSet, settings: NetworkSettings, seed: int) -> nn.Sequential:
    """The network with its first weights, drawn with the seed; the global generator is left alone."""
    images, at, classes = data.images, data.at, data.classes
    # Weights are drawn on the CPU; torch.manual_seed would seed the device's generators too, which are not put back.
    with _DRAWING, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        if settings.layout == "small":
            model = network(images.channels, classes, settings)
        elif settings.layout == "medium":
            few = images.batch(at[:2000]).cpu()
            model = medium_network(whitening_filters(few, 4, keep=settings.width // 2, floor=1e-2), classes, settings)
        else:
            model = large_network(whitening_filters(images.batch(at[:2000]).cpu()), classes, settings)
    model.to(images.device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # in torch, missing from its stubs
    return model


def schedule_of(n: int, settings: NetworkSettings) -> tuple[int, int]:
    """How many batches n images make, and in how many passes."""
    parts = math.ceil(n / max(8, min(settings.batch, n // 4)))
    return parts, max(settings.epochs, math.ceil(settings.steps / parts))


def loss_of(logits: Tensor, y: Tensor, settings: NetworkSettings) -> Tensor:
    """Cross-entropy with smoothed labels, focused on the doubtful samples if asked."""
    if settings.focal == 0:
        return nn.functional.cross_entropy(logits, y, label_smoothing=settings.smoothing)
    each = nn.functional.cross_entropy(logits, y, label_smoothing=settings.smoothing, reduction="none")
    sure = logits.softmax(dim=1).gather(1, y[:, None])[:, 0]
    return ((1 - sure) ** settings.focal * each).mean()


def margins_of(logits: Tensor, y: Tensor) -> Tensor:
    """(n,) by how much the logit of the label leads the best other one (Pleiss et al. 2020)."""
    own = logits.gather(1, y[:, None])
    return (own - logits.scatter(1, y[:, None], -math.inf).amax(dim=1, keepdim=True))[:, 0]


def first_broken_step(data: TrainingSet, settings: NetworkSettings, seed: int) -> str:
    """Where the first value that is not finite arises: the training is repeated with a look into every layer."""
    device = data.images.device.type
    model = untrained(data, settings, seed).train()
    parts, epochs = schedule_of(len(data.at), settings)
    steps = Steps(model, epochs * parts, len(data.at) / parts, settings)
    for epoch, lesson in enumerate(_lessons(data, settings, seed)):
        steps.epoch(epoch)
        for step, (x, labels) in enumerate(lesson.batches):
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                layer = first_nonfinite(model, x)
                if layer is not None:
                    return f"epoch {epoch + 1}, batch {step + 1}: the output of layer {layer} is not finite"
                loss = loss_of(model(x), labels, settings)
            steps.take(loss)
    return "not found again when the training was repeated"


def _order(y: Tensor, classes: int, settings: NetworkSettings, generator: torch.Generator) -> Tensor:
    n = len(y)
    if not settings.balanced:
        return torch.randperm(n, generator=generator)
    share = 1.0 / torch.bincount(y, minlength=classes).clamp_min(1).double()
    return torch.multinomial(share[y], n, replacement=True, generator=generator)
