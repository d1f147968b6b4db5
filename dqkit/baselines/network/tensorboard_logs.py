"""What one training looked like, written for TensorBoard."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dqkit.baselines.calibration import softmax
from dqkit.baselines.members import Scores
from dqkit.baselines.network.architecture import NetworkSettings
from dqkit.baselines.network.training import Trained

_SHOWN = 16


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The samples of one fold. images: uint8 (k, c, h, w). labels: (k,). scores: (k, classes)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    scores: Scores


def write_logs(
    folder: Path, trained: Trained, held: HeldOut, classes: tuple[str, ...], settings: NetworkSettings
) -> None:
    """Write one run: settings, learning rate, losses and gradient lengths by step; of the held-out samples precision
    and recall by class, the confusion matrix, and the pictures that were judged best and worst."""
    from torch.utils.tensorboard import SummaryWriter

    out: Any = SummaryWriter(str(folder))
    with out:
        # Indented text is code in Markdown: nothing in it is taken for markup.
        out.add_text("settings", "\n".join(f"    {name}: {value}" for name, value in asdict(settings).items()))
        for step, (loss, rate) in enumerate(zip(trained.losses.cpu().tolist(), trained.rates, strict=True)):
            out.add_scalar("train/loss", loss, step)
            out.add_scalar("train/rate", rate, step)
        for step, length in enumerate(trained.norms.cpu().tolist()):
            out.add_scalar("gradient/all layers", length, step)
        for layer, lengths in trained.layers.items():
            for epoch, size in enumerate(lengths):
                out.add_scalar(f"gradient/{layer}", float(size), epoch)
        if len(held.labels):
            _held_out(out, held, classes)


def _held_out(out: Any, held: HeldOut, classes: tuple[str, ...]) -> None:
    images, labels, probs = held.images, held.labels, softmax(held.scores.astype(np.float64))
    matrix = confusion(labels, probs.argmax(axis=1), len(classes))
    right = np.diag(matrix)
    given = probs[np.arange(len(labels)), labels]
    out.add_scalar("held out/accuracy", right.sum() / matrix.sum(), 0)
    out.add_scalar("held out/log-loss", float(-np.log(np.maximum(given, 1e-12)).mean()), 0)
    for c, name in enumerate(classes):
        out.add_scalar(f"recall/{name}", right[c] / max(matrix[c].sum(), 1), 0)
        out.add_scalar(f"precision/{name}", right[c] / max(matrix[:, c].sum(), 1), 0)
    out.add_image("confusion matrix (row = label)", picture(matrix), 0, dataformats="HW")
    order = np.argsort(given, kind="stable")
    for name, at in (("worst", order[:_SHOWN]), ("best", order[::-1][:_SHOWN])):
        shown = images[at] if images.shape[1] == 3 else images[at][:, :1]
        out.add_images(f"samples/{name}", torch.from_numpy(np.ascontiguousarray(shown)), 0)


def confusion(labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """(classes, classes) counts: row = label, column = prediction."""
    flat = np.bincount(labels * classes + predicted, minlength=classes**2)
    return flat.reshape(classes, classes)


def picture(matrix: NDArray[np.int64], *, cell: int = 12) -> NDArray[np.uint8]:
    """Grey squares: white where all samples of a row (a label) were given the class of the column."""
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return np.kron(np.round(255 * share).astype(np.uint8), np.ones((cell, cell), dtype=np.uint8))
