"""Kernel ridge regression with a Gaussian kernel: a smooth nearest-neighbour vote that forgives flipped labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.threads import in_blocks
from dqkit.baselines.members import Fitted, Member, Positions, Predict, Scores, Task
from dqkit.baselines.patches import LARGE
from dqkit.baselines.ridge import FoldRidge, solve_spd

LANDMARKS = 3_000
PENALTIES = (0.03, 0.1, 0.3, 1.0)
WIDTHS = (0.25, 0.5, 1.0)
LARGE_WIDTH = 2.0
BLOCK = 2_048


class KernelRidge:
    """Gaussian kernel ridge on (n, d) features.

    Width (relative to the median squared distance) and penalty are those with the least squared error on fold 0.
    Above 3,000 labelled samples the kernel is that of 3,000 random landmarks (Nystroem; Williams & Seeger 2001): ridge
    regression on k(x, landmarks) L^-T, with L L' the kernel of the landmarks, at one width.
    """

    def __init__(self, task: Task, x: Callable[[], NDArray[np.float32]]) -> None:
        self.task = task
        self._x = x

    @cached_property
    def x(self) -> NDArray[np.float32]:
        return self._x()

    @cached_property
    def _scale(self) -> float:
        rng = np.random.default_rng(self.task.seed)
        some = self.x[rng.choice(self.task.labeled, size=min(500, len(self.task.labeled)), replace=False)]
        distances = squared_distances(some, some)
        return float(np.median(distances[np.triu_indices(len(some), 1)])) if len(some) > 1 else 1.0

    @cached_property
    def choice(self) -> tuple[float, float]:
        rng = np.random.default_rng(self.task.seed)
        train, held = self.task.training(0), np.flatnonzero(self.task.folds == 0)
        train = np.sort(rng.choice(train, size=min(len(train), 1_500), replace=False))
        wanted = np.eye(self.task.n_classes)[self.task.y[held]]
        trials = []
        for width in WIDTHS:
            between, across = self._kernel(train, train, width), self._kernel(held, train, width)
            targets = np.eye(self.task.n_classes)[self.task.y[train]]
            for penalty in PENALTIES:
                error = (
                    (across @ solve_spd(between, targets - targets.mean(0), penalty) + targets.mean(0) - wanted) ** 2
                ).mean()
                trials.append((float(error), width, penalty))
        return min(trials)[1:]

    def _kernel(self, a: Positions, b: Positions, width: float) -> NDArray[np.float32]:
        k = squared_distances(self.x[a], self.x[b])
        k *= np.float32(-1 / (width * max(self._scale, 1e-12)))
        return np.asarray(np.exp(k, out=k))

    @cached_property
    def landmarks(self) -> FoldRidge:
        """Ridge regression on the features the landmarks give: an approximation of the whole kernel."""
        from scipy.linalg import cholesky, solve_triangular

        rng = np.random.default_rng(self.task.seed)
        chosen = np.sort(rng.choice(self.task.unsupervised, size=LANDMARKS, replace=False))
        between = self._kernel(chosen, chosen, LARGE_WIDTH)
        between[np.diag_indices_from(between)] += 1e-3
        factor = cholesky(between, lower=True, overwrite_a=True, check_finite=False)
        n = len(self.x)
        out = np.empty((n, LANDMARKS), dtype=np.float32 if n * LANDMARKS < LARGE else np.float16)

        def fill(start: int) -> None:
            part = self._kernel(np.arange(start, min(start + BLOCK, n)), chosen, LARGE_WIDTH)
            out[start : start + BLOCK] = solve_triangular(factor, part.T, lower=True, check_finite=False).T

        in_blocks(fill, range(0, n, BLOCK))
        return FoldRidge(self.task, out)

    def fit(self, fold: int, seed: int) -> Predict:
        """The model of one fold."""
        if len(self.task.labeled) > LANDMARKS:
            return self.landmarks.fit(fold)
        width, penalty = self.choice
        train = self.task.training(fold)
        targets = np.eye(self.task.n_classes)[self.task.y[train]]
        prior = targets.mean(axis=0)
        alpha = solve_spd(self._kernel(train, train, width), targets - prior, penalty)

        def predict(at: Positions) -> Scores:
            parts = [self._kernel(at[i : i + 4096], train, width) @ alpha for i in range(0, len(at), 4096)]
            return np.asarray(np.concatenate([*parts, np.zeros((0, len(prior)))]) + prior, dtype=np.float32)

        return Fitted(predict, alpha.nbytes + len(train) * self.x[0].nbytes)


def squared_distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """(len(a), len(b)) squared Euclidean distances, never negative."""
    d = np.asarray(a @ b.T, dtype=np.float32)
    d *= -2
    d += (a * a).sum(axis=1)[:, None]
    d += (b * b).sum(axis=1)[None]
    return np.asarray(np.maximum(d, 0, out=d))


def kernel_member(task: Task, x: Callable[[], NDArray[np.float32]], name: str = "kernel") -> Member:
    """Gaussian kernel ridge as a member of the ensemble."""
    return Member(name, KernelRidge(task, x).fit, {"model": "gaussian kernel ridge", "landmarks": LANDMARKS})
