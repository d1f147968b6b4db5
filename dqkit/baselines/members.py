"""What a member of the ensemble is: a name and a way to fit one fold."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.feature_cache import Shelf
from dqkit.records import Dataset

Positions = NDArray[np.int64]
Scores = NDArray[np.float32]
Predict = Callable[[Positions], Scores]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted model: called with positions it returns their scores.

    size: bytes of what was learned. margins: float32 (n, epochs), for every sample of the dataset by how much the
    logit of its label led the best other one (below 0: it was taken for another class) while it was trained on after
    each epoch; NaN where it was not. checks: (check, ok, found) of the training.
    """

    predict: Predict
    size: int
    margins: NDArray[np.float32] | None = None
    checks: tuple[tuple[str, bool, str], ...] = ()

    def __call__(self, at: Positions) -> Scores:
        return self.predict(at)


@dataclass(frozen=True, eq=False)
class Result:
    """What is kept of one fit: scores (k, c) of the samples judged, seconds and sizes, and what `Fitted` tells."""

    scores: Scores
    costs: Mapping[str, float]
    margins: NDArray[np.float32] | None = None
    checks: tuple[tuple[str, bool, str], ...] = ()


class FitStopped(Exception):
    """Not a failure: the call that wanted this fit was interrupted."""


@dataclass(frozen=True)
class Member:
    """One model of the ensemble.

    fit(fold, seed) trains on every labelled sample outside that fold and returns a function from any positions to
    (k, c) scores, higher = more likely (logits, log-probabilities or regression outputs: they are calibrated later);
    a `Fitted` tells its size and history too.
    settings: everything that changes what is learned; with the data they decide whether a checkpoint still holds.
    on_device: it computes on a device of its own, so it is fitted beside the members that keep the processor busy.
    one_thread: its fits are long and keep one thread of torch busy, so after the first fold's, which tells what one
    costs, the others' are made side by side.
    """

    name: str
    fit: Callable[[int, int], Predict]
    settings: Mapping[str, Any] = field(default_factory=dict)
    on_device: bool = False
    one_thread: bool = False


@dataclass(frozen=True, eq=False)
class Task:
    """The data the members of one call share.

    y: (n,) class positions, -1 for every sample that is not trained on. folds: (n,), -1 likewise.
    together: (n,), samples that share a number are copies or of one group; None: each stands alone.
    network: how many networks images get among their members; None: one, where it is affordable. imbalance: None,
    "weighted" or "focal", how they treat rare classes. logs: the folder for their TensorBoard logs, or None.
    minutes: the user's budget of time, which pretrained networks keep to; None: none.
    shelf: where arrays that do not depend on labels are kept for later calls.
    listeners: called with (passes done, passes in all) as a fit goes through the data. stop: set when the user has
    interrupted the call; a fit in another thread then ends by raising `FitStopped`.
    """

    dataset: Dataset
    y: NDArray[np.int64]
    folds: NDArray[np.int64]
    seed: int
    together: NDArray[np.int64] | None = None
    network: int | None = None
    imbalance: str | None = None
    logs: Path | None = None
    minutes: float | None = None
    shelf: Shelf = field(default_factory=Shelf)
    listeners: list[Callable[[int, int], None]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def tell(self, done: int, epochs: int) -> None:
        """Let whoever listens know that a fit has finished so many of its passes over the data."""
        for listener in self.listeners:
            listener(done, epochs)

    @property
    def n_classes(self) -> int:
        return len(self.dataset.classes)

    @cached_property
    def labeled(self) -> Positions:
        """The positions that are trained on, each held out once."""
        return np.flatnonzero(self.y >= 0)

    def training(self, fold: int) -> Positions:
        """The positions a model of this fold is trained on."""
        return np.flatnonzero((self.y >= 0) & (self.folds != fold))

    @cached_property
    def unsupervised(self) -> Positions:
        """Usable samples outside the test split: what features may be learned from."""
        return np.flatnonzero(self.dataset.is_usable & ~self.dataset.is_test)


def serialized_size(model: Any) -> int:
    """Bytes of a model written down; 0 where it cannot be. Nothing is ever read back."""
    import pickle

    try:
        return len(pickle.dumps(model))
    except (pickle.PicklingError, TypeError, AttributeError):
        return 0


def seed_of(seed: int, name: str, fold: int) -> int:
    """A seed for one fit; it does not depend on which other members there are."""
    return int(np.random.SeedSequence([seed, zlib.crc32(name.encode()), fold]).generate_state(1)[0])


def full_scores(log_probs: NDArray[Any], present: NDArray[np.int64], n_classes: int) -> Scores:
    """(k, n_classes) scores from columns for the `present` classes only; an absent class scores below all others."""
    scores = np.full((len(log_probs), n_classes), -14.0, dtype=np.float32)
    scores[:, present] = np.clip(log_probs, -13.0, None)
    return scores
