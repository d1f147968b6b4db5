"""Ridge regression over all folds at once: one Gram matrix per fold, every training set by subtraction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.threads import in_blocks, own_threads, solving_threads
from dqkit.baselines.members import Fitted, Positions, Predict, Scores, Task

STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
CHUNK = 8_192
STRENGTH_ROWS = 4_096


@dataclass(frozen=True, eq=False)
class Moments:
    """What normal equations need of some rows: X'X, X'Y, the column sums of X and Y, and how many rows there are."""

    gram: NDArray[np.float32]
    cross: NDArray[np.float32]
    x_sum: NDArray[np.float64]
    y_sum: NDArray[np.float64]
    rows: int

    def __sub__(self, other: Moments) -> Moments:
        return Moments(
            self.gram - other.gram,
            self.cross - other.cross,
            self.x_sum - other.x_sum,
            self.y_sum - other.y_sum,
            self.rows - other.rows,
        )

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.gram + other.gram,
            self.cross + other.cross,
            self.x_sum + other.x_sum,
            self.y_sum + other.y_sum,
            self.rows + other.rows,
        )


class FoldRidge:
    """Exact K-fold ridge regression with an intercept on one-hot labels, from one pass over the features.

    x: (n, d) float32 or float16 features of every sample, roughly centred. With G_k = X_k' X_k of the samples held out
    in fold k, the normal equations of fold k are those of all samples minus G_k (a downdate), so K fits cost one Gram
    matrix and K Cholesky factors. With fewer labelled samples than columns the same comes from X X'.
    The penalty is `strength` times the mean variance sum of a column, so it means the same on any features.
    """

    def __init__(self, task: Task, x: NDArray[Any]) -> None:
        self.task = task
        self.x = x
        self.dual = len(task.labeled) < x.shape[1]

    @cached_property
    def _targets(self) -> NDArray[np.float32]:
        """(n labelled, c): one-hot rows."""
        return np.eye(self.task.n_classes, dtype=np.float32)[self.task.y[self.task.labeled]]

    @cached_property
    def _kernel(self) -> NDArray[np.float32]:
        x = self._rows(self.task.labeled)
        return np.asarray(x @ x.T, dtype=np.float32)

    def _rows(self, at: Positions, columns: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        return np.asarray(self.x[at] if columns is None else self.x[np.ix_(at, columns)], dtype=np.float32)

    @cached_property
    def _moments(self) -> list[Moments]:
        """The moments of every fold's held-out rows."""
        folds = self.task.folds[self.task.labeled]

        def moments(part: Positions) -> Moments:
            x, y = self._rows(self.task.labeled[part]), self._targets[part]
            # Sums as products: exact enough in single precision for a block, and several times faster.
            sums = np.ones(len(x), dtype=np.float32) @ x, y.sum(axis=0, dtype=np.float64)
            return Moments(np.asarray(x.T @ x), np.asarray(x.T @ y), sums[0].astype(np.float64), sums[1], len(x))

        held = [np.flatnonzero(folds == fold) for fold in range(int(folds.max()) + 1)]
        with own_threads() as pool:
            return [
                reduce(
                    Moments.__add__,
                    pool.map(moments, [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]),
                )
                for rows in held
            ]

    @cached_property
    def _total(self) -> Moments:
        return reduce(Moments.__add__, self._moments)

    @cached_property
    def strength(self) -> float:
        """The penalty with the least squared error on fold 0 of models fitted without it: one number for all folds.

        The error has one valley, so the search goes downhill from the middle of `STRENGTHS`.
        """
        held = self.task.labeled[self.task.folds[self.task.labeled] == 0][:STRENGTH_ROWS]
        wanted = np.eye(self.task.n_classes, dtype=np.float32)[self.task.y[held]]
        errors: dict[int, float] = {}

        def error(i: int) -> float:
            if not 0 <= i < len(STRENGTHS):
                return float("inf")
            if i not in errors:
                errors[i] = float(((self.fit(0, STRENGTHS[i])(held) - wanted) ** 2).mean())
            return errors[i]

        at = len(STRENGTHS) // 2
        with solving_threads(self.x.shape[1]):
            step = 1 if error(at + 1) < error(at) else -1
            while error(at + step) < error(at):
                at += step
        return STRENGTHS[at]

    def fit(self, fold: int, strength: float | None = None, columns: NDArray[np.int64] | None = None) -> Predict:
        """The model of one fold over all or the chosen columns; predict(positions) -> (k, c) regression scores."""
        solve = self._dual if self.dual else self._primal
        strength = self.strength if strength is None else strength
        with solving_threads(self.x.shape[1]):
            weights, intercept = solve(fold, strength, columns)

        def predict(at: Positions) -> Scores:
            out = np.empty((len(at), len(intercept)), dtype=np.float32)

            def fill(start: int) -> None:
                out[start : start + CHUNK] = self._rows(at[start : start + CHUNK], columns) @ weights + intercept

            in_blocks(fill, range(0, len(at), CHUNK))
            return out

        return Fitted(predict, weights.nbytes + intercept.nbytes)

    def _primal(
        self, fold: int, strength: float, columns: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        m = self._total - self._moments[fold]
        gram, cross, x_sum = m.gram, m.cross, m.x_sum
        if columns is not None:
            gram, cross, x_sum = gram[np.ix_(columns, columns)], cross[columns], x_sum[columns]
        x_mean, y_mean = x_sum / m.rows, m.y_sum / m.rows
        gram -= np.outer(x_mean.astype(np.float32), x_sum.astype(np.float32))  # ours: a difference made above
        cross = cross - np.outer(x_mean, m.y_sum).astype(np.float32)
        weights = solve_spd(gram, cross, strength * float(np.trace(gram)) / len(gram))
        return weights, (y_mean - x_mean @ weights).astype(np.float32)

    def _dual(
        self, fold: int, strength: float, columns: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        train = np.flatnonzero(self.task.folds[self.task.labeled] != fold)
        x, y = self._rows(self.task.labeled[train], columns), self._targets[train]
        kernel = self._kernel[np.ix_(train, train)] if columns is None else x @ x.T
        middle = kernel.mean(axis=0, dtype=np.float64).astype(np.float32)
        kernel = kernel - middle[:, None] - middle[None] + middle.mean()
        y_mean, x_mean = y.mean(axis=0), x.mean(axis=0, dtype=np.float64)
        # The same penalty as in the primal: X X' and X' X have one trace, shared there by d columns.
        alpha = solve_spd(kernel, y - y_mean, strength * float(np.trace(kernel)) / x.shape[1])
        weights = np.asarray(x.T @ alpha - np.outer(x_mean, alpha.sum(axis=0)), dtype=np.float32)
        return weights, (y_mean - x_mean @ weights).astype(np.float32)


def solve_spd(matrix: NDArray[Any], right: NDArray[Any], penalty: float) -> NDArray[np.float32]:
    """Solve (matrix + penalty I) w = right for a positive semidefinite matrix; single precision where it suffices."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    for kind in (np.float32, np.float64):
        system: NDArray[Any] = matrix.astype(kind)  # a copy: the factor overwrites it
        system[np.diag_indices_from(system)] += penalty
        try:
            # The transpose of a symmetric matrix is itself, already in the order LAPACK wants.
            factor = cho_factor(system.T, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            continue  # rounding made it indefinite: double precision next
        solution = np.asarray(cho_solve(factor, right.astype(kind), check_finite=False), dtype=np.float32)
        if np.isfinite(solution).all():
            return solution
    damped: NDArray[Any] = matrix.astype(np.float64)
    damped[np.diag_indices_from(damped)] += max(penalty, 1e-6 * float(np.trace(matrix)) / len(matrix), 1e-12)
    return np.asarray(np.linalg.lstsq(damped, right.astype(np.float64), rcond=None)[0], dtype=np.float32)
