"""The network as a member of the ensemble: it trains, judges, and says what its training looked like."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dqkit.baselines.members import Fitted, Member, Positions, Predict, Scores, Task
from dqkit.baselines.network.architecture import NetworkSettings, best_device
from dqkit.baselines.network.batches import Images
from dqkit.baselines.network.device_memory import until_it_fits
from dqkit.baselines.network.tensorboard_logs import HeldOut, write_logs
from dqkit.baselines.network.training import (
    Trained,
    TrainingSet,
    Watch,
    first_broken_step,
    one_thread,
    train_network,
    untrained,
)
from dqkit.baselines.network.training_checks import check_training

Checks = list[tuple[str, bool, str]]

_LOOK_AT = 64
_LONG_SECONDS = 20.0
_FULL_MEMORY = 0.9
# So many at once that the layers between stay in the processor's cache, or that a GPU is busy.
_JUDGED = 256
_JUDGED_ON_GPU = 2048


def network_members(
    task: Task, content: Callable[[], NDArray[np.uint8]], settings: NetworkSettings, count: int = 1
) -> list[Member]:
    """Networks as members, named network, network_2, ...; content gives uint8 (n, h, w, c).

    All members and folds share the images on the device.
    """
    device = best_device()
    resident: list[Images] = []

    def images() -> Images:
        if not resident:
            resident.append(Images.of(content(), task.unsupervised, device))
        return resident[0]

    names = ["network", *(f"network_{i}" for i in range(2, count + 1))][:count]
    return [network_member(task, images, settings, name) for name in names]


def network_member(
    task: Task, images: Callable[[], Images], settings: NetworkSettings, name: str = "network"
) -> Member:
    """One network as a member, on the images' device.

    Out of device memory, the batch is halved and the fit starts again; a warning says so.
    """

    def fit(fold: int, seed: int) -> Predict:
        train = task.training(fold)

        def attempt(now: NetworkSettings) -> tuple[Trained, Checks]:
            """The trained network and what its checks found."""
            at, y = torch.from_numpy(train), torch.from_numpy(task.y[train])
            data = TrainingSet(images(), at, y, task.n_classes)
            checks = first_look(data, now, seed) if fold == 0 else []
            watch = Watch(gradients=task.logs is not None, tell=task.tell, stop=task.stop)
            trained = train_network(data, now, seed, watch)
            return trained, checks + last_look(trained, data, now, seed)

        with one_thread():
            (trained, checks), _ = until_it_fits(attempt, settings, "training", least=16)
        margins = np.full((len(task.y), trained.epochs), np.nan, dtype=np.float32)
        margins[task.training(fold)] = trained.margins.cpu().numpy()

        def predict(where: Positions) -> Scores:
            with one_thread():
                return judge(
                    trained.model,
                    images(),
                    where,
                    task.n_classes,
                    mirror=settings.flip,
                    shifted=settings.layout == "large",
                )

        if task.logs is not None:
            held = np.flatnonzero(task.folds == fold)
            folder = task.logs / f"{name}-fold{fold}"
            pictures = images().raw(torch.from_numpy(held)).cpu().numpy().transpose(0, 3, 1, 2)
            shown = HeldOut(pictures, task.y[held], predict(held))
            write_logs(folder, trained, shown, task.dataset.classes, settings)
        size = sum(p.numel() * p.element_size() for p in trained.model.parameters())
        return Fitted(predict, size, margins, tuple(checks))

    kind = best_device().type
    described = {"model": "convolutional network", "device": kind, **asdict(settings)}
    # The small one is done before threads have met.
    return Member(
        name, fit, described, on_device=kind == "cuda", one_thread=kind == "cpu" and settings.layout != "small"
    )


def judge(
    model: nn.Module, images: Images, where: Positions, classes: int, *, mirror: bool, shifted: bool = False
) -> Scores:
    """(k, classes) logits of a model in evaluation mode; `mirror`: the mean over each image and its mirror image.

    shifted: half of the weight goes to the image moved by a pixel along either diagonal.
    """
    device = images.device
    size = _JUDGED_ON_GPU if device.type == "cuda" else _JUDGED
    # Fetched once, at the end: every fetch makes the processor wait for the device.
    parts = [torch.zeros((0, classes), device=device)]
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        for start in range(0, len(where), size):
            x = images.batch(torch.from_numpy(where[start : start + size]))
            out = _both_sides(model, x, mirror)
            if shifted:
                h, w = x.shape[2:]
                wide = nn.functional.pad(x, (1, 1, 1, 1), "replicate")
                moved = [_both_sides(model, wide[:, :, i : i + h, i : i + w], mirror) for i in (0, 2)]
                out = out / 2 + (moved[0] + moved[1]) / 4
            parts.append(out)
    return np.asarray(torch.cat(parts).cpu().numpy())


def _both_sides(model: nn.Module, x: Tensor, mirror: bool) -> Tensor:
    out: Tensor = model(x).float()
    return (out + model(x.flip(3)).float()) / 2 if mirror else out


def first_look(data: TrainingSet, settings: NetworkSettings, seed: int) -> Checks:
    """What is worth knowing before the first step: inputs, the loss at the start, gradients, one batch by heart."""
    model, images = untrained(data, settings, seed), data.images
    few = torch.from_numpy(np.random.default_rng(seed).permutation(len(data.at))[:_LOOK_AT])
    found = check_training(model, images.batch(data.at[few]), data.y[few].to(images.device), data.classes)
    return [(str(row.check), bool(row.ok), str(row.found)) for row in found.itertuples()]


def last_look(trained: Trained, data: TrainingSet, settings: NetworkSettings, seed: int) -> Checks:
    """What the training was like: finite, falling, ready to judge; where a long one spent its time."""
    losses = trained.losses.cpu().numpy().astype(np.float64)
    if not np.isfinite(losses).all():
        where = first_broken_step(data, settings, seed)
        return [("finite losses", False, f"step {int(np.argmin(np.isfinite(losses))) + 1} of {len(losses)}; {where}")]
    few = max(1, len(losses) // 10)
    start, end = float(losses[:few].mean()), float(losses[-few:].mean())
    training = trained.model.training
    checks: Checks = [
        ("finite losses", True, f"all {len(losses)} batches"),
        (
            "loss falls",
            end < start,
            f"{start:.3f} -> {end:.3f} in {trained.epochs} epochs; guessing evenly gives {math.log(data.classes):.3f}",
        ),
        ("judges in evaluation mode", not training, "training mode" if training else "batch statistics are frozen"),
    ]
    if trained.seconds >= _LONG_SECONDS:
        checks.append(("bottleneck", True, bottleneck(trained, data.images.device)))
    return checks


def bottleneck(trained: Trained, device: torch.device) -> str:
    """What a long training waited for: data, compute or memory."""
    share = trained.preparing / max(trained.seconds, 1e-9)
    if device.type == "cuda":
        held = torch.cuda.max_memory_allocated(device) / torch.cuda.get_device_properties(device).total_memory
        if held > _FULL_MEMORY:
            return f"memory: {held:.0%} of the device was taken"
        what = "data: the device waited for batches" if share > 0.95 else "compute: the device was never out of batches"
        return f"{what} (handing over took {share:.0%} of {trained.seconds:.0f} s)"
    what = "data" if share > 0.5 else "compute"
    return f"{what} (batches took {share:.0%} of {trained.seconds:.0f} s)"
