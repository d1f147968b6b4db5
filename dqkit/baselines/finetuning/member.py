"""The fine-tuned network as a member of the ensemble."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.embedding.embed import embed_pictures
from dqkit.baselines.finetuning.consent import PARTS
from dqkit.baselines.finetuning.networks import Start
from dqkit.baselines.finetuning.training import Lesson, Tuned, Tuning, Watch, judge, tune
from dqkit.baselines.folds import stratified_folds
from dqkit.baselines.members import Fitted, Member, Positions, Predict, Scores, Task
from dqkit.baselines.network.device_memory import until_it_fits
from dqkit.baselines.network.training import one_thread
from dqkit.records import DqkitError

NAME = "finetuned"
LEAST_BATCH = 4


def finetuned_member(task: Task, start: Start, cache: Path | None, tuning: Tuning | None = None) -> Member:
    """One network that starts from `start` in every fold.

    The end of a fold's training is decided on a part of its own training samples. The held-out ones are what the member
    is judged by and mixed with others by, so their labels must not choose its weights.
    """
    settings = Tuning() if tuning is None else tuning
    kept: list[NDArray[np.float32]] = []

    def features() -> NDArray[np.float32]:
        if not kept:  # the first fold is fitted alone
            kept.append(embed_pictures(task.dataset, start.encoder, cache, progress=False))
        return kept[0]

    def fit(fold: int, seed: int) -> Predict:
        train, check = parted(task, fold)
        lesson = Lesson(task.dataset, train, check, task.y, features(), task.n_classes)

        def attempt(now: Tuning) -> Tuned:
            return tune(lesson, start, now, seed, Watch(task.tell, task.stop))

        with one_thread():
            done, now = until_it_fits(attempt, settings, "fine-tuning", least=LEAST_BATCH)

        def predict(at: Positions) -> Scores:
            with one_thread():
                return judge(done.model, task.dataset, start, at, now.batch)

        size = sum(p.numel() * p.element_size() for p in done.model.learned)
        return Fitted(predict, size, checks=checks_of(done))

    kind = start.encoder.device.type
    together = b"" if task.together is None else np.ascontiguousarray(task.together).tobytes()
    told = {
        "model": f"fine-tuned {start.encoder.name}",
        "start": start.encoder.revision,
        "device": kind,
        "together": hashlib.blake2b(together, digest_size=12).hexdigest(),
        **asdict(settings),
    }
    return Member(NAME, fit, told, on_device=kind == "cuda", one_thread=kind == "cpu")


def parted(task: Task, fold: int) -> tuple[Positions, Positions]:
    """The training samples of a fold, cut into those that are learned from and those that the end is decided on.

    Groups and copies stay together. A class that would not be learned at all is learned from instead. Raises
    `DqkitError` where too little is left.
    """
    at = task.training(fold)
    together = np.arange(len(at)) if task.together is None else task.together[at]
    count = min(PARTS, len(np.unique(together)))
    if count >= 2:
        part = stratified_folds(task.y[at], folds=count, seed=task.seed, groups=together)
        held = part == 0
        held &= np.isin(task.y[at], task.y[at][~held])
        if held.any() and len(np.unique(task.y[at][~held])) >= 2:
            return at[~held], at[held]
    raise DqkitError(
        f"fine-tuning needs samples of two classes to learn from and others to decide when to stop; fold {fold} has "
        f"{len(at)} training samples in {len(np.unique(together))} groups."
    )


def checks_of(tuned: Tuned) -> tuple[tuple[str, bool, str], ...]:
    """What the training was like."""
    if not np.isfinite(tuned.losses).all():
        return (("finite losses", False, f"pass {len(tuned.losses)}; the weights of pass {tuned.best} are used"),)
    first, last = tuned.losses[0], tuned.losses[-1]
    return (
        ("finite losses", True, f"all {len(tuned.losses)} passes"),
        (
            "early stop",
            True,
            f"the weights of pass {tuned.best} of {len(tuned.losses)} are used (0: the probe); loss on the validation "
            f"part {tuned.checked[0]:.3f} -> {tuned.checked[tuned.best]:.3f}, in training {first:.3f} -> {last:.3f}",
        ),
    )
