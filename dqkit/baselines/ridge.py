"""Ridge regression over all folds at once: one Gram matrix per fold, every training set by subtraction."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.members import Positions, Predict, Scores, Task

STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
CONSTANT = 3.0


class FoldRidge:
    """Exact K-fold ridge regression on one-hot labels from one pass over the features.

    x: (n, d) float32 features of every sample, roughly centred. With G_k = X_k' X_k of the samples held out in fold k, the
    normal equations of fold k are those of all samples minus G_k (a downdate), so K fits cost one Gram matrix and K
    Cholesky factors. With fewer labelled samples than columns the same solution comes from the n x n kernel matrix.
    Penalties are relative to the mean squared column norm, so `strength` means the same on any features.
    """

    def __init__(self, task: Task, x: NDArray[np.float32]) -> None:
        self.task = task
        self.x = x
        self.dual = len(task.labeled) < x.shape[1]

    @cached_property
    def _targets(self) -> NDArray[np.float32]:
        """(n labelled, c): one-hot rows."""
        labels = self.task.y[self.task.labeled]
        return np.eye(self.task.n_classes, dtype=np.float32)[labels]

    @cached_property
    def _kernel(self) -> NDArray[np.float32]:
        x = self.x[self.task.labeled]
        return np.asarray(x @ x.T + np.float32(CONSTANT**2), dtype=np.float32)

    @cached_property
    def _grams(self) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """For every fold the Gram matrix of its held-out rows (with the constant column last) and X' Y."""
        folds = self.task.folds[self.task.labeled]
        d = self.x.shape[1]
        grams, crosses = [], []
        for fold in range(int(folds.max()) + 1):
            held = folds == fold
            x, y = self.x[self.task.labeled[held]], self._targets[held]
            gram = np.empty((d + 1, d + 1), dtype=np.float32)
            gram[:d, :d] = x.T @ x
            gram[d, :d] = gram[:d, d] = CONSTANT * x.sum(axis=0, dtype=np.float64)
            gram[d, d] = CONSTANT**2 * len(x)
            grams.append(gram)
            crosses.append(np.vstack([x.T @ y, CONSTANT * y.sum(axis=0, keepdims=True)]).astype(np.float32))
        return grams, crosses

    @cached_property
    def _totals(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        grams, crosses = self._grams
        return np.asarray(sum(grams[1:], grams[0].copy())), np.asarray(sum(crosses[1:], crosses[0].copy()))

    @cached_property
    def strength(self) -> float:
        """The penalty with the least squared error on fold 0 of models fitted without it: one number for all folds."""
        held = self.task.labeled[self.task.folds[self.task.labeled] == 0]
        wanted = np.eye(self.task.n_classes, dtype=np.float32)[self.task.y[held]]
        errors = [float(((self.fit(0, s)(held) - wanted) ** 2).mean()) for s in STRENGTHS]
        return STRENGTHS[int(np.argmin(errors))]

    def fit(self, fold: int, strength: float | None = None, columns: NDArray[np.int64] | None = None) -> Predict:
        """The model of one fold, over all columns or the chosen ones; predict(positions) -> (k, c) regression scores."""
        weights = self.weights(fold, self.strength if strength is None else strength, columns)

        def predict(at: Positions) -> Scores:
            x = self.x[at] if columns is None else self.x[np.ix_(at, columns)]
            return np.asarray(x @ weights[:-1] + CONSTANT * weights[-1], dtype=np.float32)

        return predict

    def weights(self, fold: int, strength: float, columns: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """(d + 1, c) coefficients of one fold; the last row belongs to the constant column."""
        if self.dual:
            return self._dual_weights(fold, strength, columns)
        grams, crosses = self._grams
        gram, cross = self._totals[0] - grams[fold], self._totals[1] - crosses[fold]
        if columns is not None:
            keep = np.r_[columns, len(gram) - 1]
            gram, cross = gram[np.ix_(keep, keep)], cross[keep]
        penalty = strength * float(np.trace(gram)) / len(gram)
        return solve_spd(gram, cross, penalty)

    def _dual_weights(self, fold: int, strength: float, columns: NDArray[np.int64] | None) -> NDArray[np.float32]:
        train = np.flatnonzero(self.task.folds[self.task.labeled] != fold)
        x = self.x[self.task.labeled[train]]
        if columns is None:
            kernel = self._kernel[np.ix_(train, train)]
        else:
            x = x[:, columns]
            kernel = x @ x.T + np.float32(CONSTANT**2)
        # The same penalty as in the primal: trace(X X') = trace(X' X), and d + 1 columns share it.
        penalty = strength * float(np.trace(kernel)) / (x.shape[1] + 1)
        alpha = solve_spd(kernel, self._targets[train], penalty)
        return np.vstack([x.T @ alpha, CONSTANT * alpha.sum(axis=0, keepdims=True)]).astype(np.float32)


def solve_spd(matrix: NDArray[Any], right: NDArray[Any], penalty: float) -> NDArray[np.float32]:
    """Solve (matrix + penalty I) w = right for a positive semidefinite matrix; single precision where it suffices."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    for kind in (np.float32, np.float64):
        system = matrix.astype(kind)  # a copy: the factor overwrites it
        system.flat[:: len(system) + 1] += penalty
        try:
            factor = cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            continue  # rounding made it indefinite: double precision next
        solution = np.asarray(cho_solve(factor, right.astype(kind), check_finite=False), dtype=np.float32)
        if np.isfinite(solution).all():
            return solution
    damped = matrix.astype(np.float64)
    damped.flat[:: len(damped) + 1] += max(penalty, 1e-6 * float(np.trace(matrix)) / len(matrix), 1e-12)
    return np.asarray(np.linalg.lstsq(damped, right.astype(np.float64), rcond=None)[0], dtype=np.float32)
