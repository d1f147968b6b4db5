"""Linear heads on given features, all folds at once: ridge in closed form, logistic regression by batched L-BFGS."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.arrays.threads import own_threads
from dqkit.baselines.calibration import softmax
from dqkit.baselines.members import Fitted, Member, Predict, Scores, Task
from dqkit.baselines.ridge import FoldRidge
from dqkit.checks import finite_rows, number, whole_number, whole_numbers
from dqkit.errors import InputError

# How exact a loss is that is summed from single-precision terms: a step that gains less cannot be told from none.
ROUNDING = 2.0**-24
MEMORY = 6
BLOCK = 2048
PARTS = 16
# Penalties of the logistic head as shares of the rows it is trained on.
SHARES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
MOST_CLASSES = 100_000
MOST_FOLDS = 10_000
LARGEST = 1e6


def logistic_folds(
    x: ArrayLike,
    labels: ArrayLike,
    folds: ArrayLike,
    n_classes: int,
    *,
    penalty: float = 1.0,
    tolerance: float = 1e-3,
    rounds: int = 100,
) -> NDArray[np.float32]:
    """Train one multinomial logistic regression per fold, each without that fold.

    Parameters
    ----------
    x : array-like, shape (n, d)
        Features.
    labels : array-like of int, shape (n,)
        Class positions.
    folds : array-like of int, shape (n,)
        The fold each row is held out of, 0 to k - 1; rows with -1 train in none.
    n_classes : int
        The number of classes c.
    penalty : float
        Weight of half the squared length of the coefficients; scikit-learn's C is 1 / penalty.
    tolerance : float
        Training ends when no gradient entry exceeds this times the number of rows.
    rounds : int
        The most steps.

    Returns
    -------
    ndarray of float32, shape (k, d + 1, c)
        Coefficients; the last row is the intercept.

    Notes
    -----
    One matrix product serves all folds. L-BFGS starts from Boehning's bound on the Hessian, X'X / 2.

    References
    ----------
    D. Boehning, Multinomial Logistic Regression Algorithm, 1992.

    Examples
    --------
    >>> w = logistic_folds([[0.0], [1.0], [0.1], [0.9]], [0, 1, 0, 1], [0, 0, 1, 1], 2)
    >>> w.shape
    (2, 2, 2)
    """
    rows = finite_rows("x", x)
    if rows.size and max(rows.max(), -rows.min()) > LARGEST:
        raise InputError(f"x must lie within {LARGEST:g}. Scale the features first.")
    n_classes = whole_number("n_classes", n_classes, least=1, most=MOST_CLASSES)
    y = whole_numbers("labels", labels, shape="(n,)", ndim=1, least=-1, most=n_classes - 1)
    fold_of = whole_numbers("folds", folds, shape="(n,)", ndim=1, least=-1, most=MOST_FOLDS)
    penalty, tolerance = number("penalty", penalty, least=0, most=LARGEST), number("tolerance", tolerance, above=0)
    rounds = whole_number("rounds", rounds, least=1)
    if not len(rows) == len(y) == len(fold_of):
        raise InputError(f"labels and folds must have one entry for each of the {len(rows)} rows of x.")
    used = np.flatnonzero(fold_of >= 0)
    if len(np.unique(fold_of[used])) < 2 or len(np.unique(fold_of[used])) <= fold_of.max(initial=0):
        raise InputError("folds must be 0 to k - 1, each with at least one row, and at least two of them.")
    if not len(used) or (y[used] < 0).any():
        raise InputError("folds must name a fold for at least one row, and every row in a fold must have a label.")
    rows = np.asarray(rows, dtype=np.float32)[used]
    rows = np.hstack([rows, np.ones((len(rows), 1), dtype=np.float32)])
    with own_threads() as pool:
        out_of = (fold_of[used][None] != np.arange(fold_of.max() + 1)[:, None]).astype(np.float32)
        problem = _Problem(rows, y[used], out_of, n_classes, penalty, pool)
        return np.ascontiguousarray(problem.solve(tolerance, rounds).transpose(1, 0, 2))


def chosen_penalty(x: NDArray[np.float32], y: NDArray[np.int64], folds: NDArray[np.int64], n_classes: int) -> float:
    """The penalty under which a model that was trained without fold 0 loses least on fold 0.

    The loss has one valley, so the search goes downhill from the second largest of `SHARES` of the rows.
    """
    held, train = np.flatnonzero(folds == 0), np.flatnonzero(folds > 0)
    rows = np.hstack([x[train], np.ones((len(train), 1), dtype=np.float32)])
    seen = {}
    with own_threads() as pool:

        def loss(i: int) -> float:
            if not 0 <= i < len(SHARES):
                return float("inf")
            if i not in seen:
                all_rows = np.ones((1, len(rows)), dtype=np.float32)
                problem = _Problem(rows, y[train], all_rows, n_classes, SHARES[i] * len(rows), pool)
                weights = problem.solve(1e-3, 100)[:, 0]
                seen[i] = log_loss_of(weights, x[held], y[held])
            return seen[i]

        at = len(SHARES) - 2
        step = 1 if loss(at + 1) < loss(at) else -1
        while loss(at + step) < loss(at):
            at += step
    return SHARES[at] * len(rows)


class _Problem:
    """k losses over shared rows, of which `train` (k, n) says with 1 or 0 who counts; weights are (d, k, c)."""

    def __init__(
        self,
        x: NDArray[np.float32],
        y: NDArray[np.int64],
        train: NDArray[np.float32],
        c: int,
        penalty: float,
        pool: ThreadPoolExecutor,
    ) -> None:
        self.x, self.y, self.c, self.train, self.k = x, y, c, train, len(train)
        self.count = self.train.sum(axis=1)
        self._part = BLOCK * -(-len(x) // (BLOCK * PARTS))
        self._pool = pool
        self.ridge = np.full((x.shape[1], 1, 1), penalty, dtype=np.float32)
        self.ridge[-1] = 0  # the intercept goes unpunished

    def loss(self, w: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """(k,) losses and their (d, k, c) gradients, both per training row."""
        flat = np.ascontiguousarray(w.reshape(len(w), -1).T)
        parts = [slice(start, start + self._part) for start in range(0, len(self.x), self._part)]
        done = list(self._pool.map(lambda rows: self._loss_of(rows, flat), parts))
        # Added up in the order of the rows, whichever thread was first: the same sum every time.
        losses = sum((part[0] for part in done), np.zeros(self.k))
        gradient = sum((part[1] for part in done), np.zeros_like(flat)).T.reshape(w.shape) + self.ridge * w
        losses += 0.5 * (self.ridge * w * w).sum(axis=(0, 2), dtype=np.float64)
        return losses / self.count, gradient / self.count[:, None]

    def _loss_of(self, rows: slice, flat: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """(k,) losses and (k c, d) gradients of some rows, summed; their scores stay in the processor's cache."""
        losses, gradient = np.zeros(self.k), np.zeros_like(flat)
        for start in range(rows.start, min(rows.stop, len(self.x)), BLOCK):
            block = slice(start, min(start + BLOCK, rows.stop))
            x, y, train = self.x[block], self.y[block], self.train[:, block]
            # One column a row of data: sums over the classes then run along the memory.
            z = (flat @ x.T).reshape(self.k, self.c, len(x))
            z -= z.max(axis=1, keepdims=True)
            at = np.arange(len(x))
            given = z[:, y, at]
            np.exp(z, out=z)
            total = z.sum(axis=1)
            losses += ((np.log(total) - given) * train).sum(axis=1, dtype=np.float64)
            z *= (train / total)[:, None]
            z[:, y, at] -= train
            gradient += z.reshape(len(flat), -1) @ x
        return losses, gradient

    @cached_property
    def _factor(self) -> Any:
        """Cholesky factor of Boehning's bound on the Hessian, one for all folds and classes."""
        from scipy.linalg import cho_factor

        bound = (self.x.T @ self.x).astype(np.float64) * (0.5 / len(self.x))
        bound[np.diag_indices_from(bound)] += self.ridge[:, 0, 0] / float(self.count.mean())
        bound[np.diag_indices_from(bound)] += 1e-6 * np.trace(bound) / len(bound)
        return cho_factor(bound, lower=True)

    def _precondition(self, g: NDArray[np.float32]) -> NDArray[np.float32]:
        from scipy.linalg import cho_solve

        flat = cho_solve(self._factor, g.reshape(len(g), -1).astype(np.float64), check_finite=False)
        return np.asarray(flat.reshape(g.shape), dtype=np.float32)

    def solve(self, tolerance: float, rounds: int) -> NDArray[np.float32]:
        """(d, k, c) weights where no gradient entry exceeds the tolerance; the class shares are the start."""
        w = np.zeros((self.x.shape[1], self.k, self.c), dtype=np.float32)
        prior = np.stack([np.bincount(self.y[rows > 0], minlength=self.c) + 0.5 for rows in self.train])
        w[-1] = np.log(prior / prior.sum(axis=1, keepdims=True))
        loss, gradient = self.loss(w)
        steps: list[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]] = []
        for _ in range(rounds):
            if np.abs(gradient).max() <= tolerance:
                break
            direction = -self._two_loops(gradient, steps)
            slope = _dot(direction, gradient)
            length = np.ones(self.k)
            for _ in range(25):
                moved = w + (length[:, None] * direction).astype(np.float32)
                new_loss, new_gradient = self.loss(moved)
                bad = new_loss > loss + 1e-4 * length * slope + ROUNDING * np.abs(loss)
                if not bad.any():
                    break
                length = np.where(bad, length / 2, length)
            else:
                length = np.where(bad, 0.0, length)
                moved = w + (length[:, None] * direction).astype(np.float32)
                new_loss, new_gradient = self.loss(moved)
                if not length.any():
                    break  # single precision has no better point for any fold
            s, d = moved - w, new_gradient - gradient
            curvature = _dot(s, d)
            keep = curvature > 1e-10
            steps.append((s, d, np.where(keep, 1 / np.where(keep, curvature, 1), 0.0)))
            steps = steps[-MEMORY:]
            w, loss, gradient = moved, new_loss, new_gradient
        return w

    def _two_loops(self, gradient: NDArray[np.float32], steps: list[Any]) -> NDArray[np.float32]:
        q = gradient.copy()
        alphas = []
        for s, d, rho in reversed(steps):
            alpha = rho * _dot(s, q)
            q -= (alpha[:, None] * d).astype(np.float32)
            alphas.append(alpha)
        q = self._precondition(q)
        if steps:  # how much flatter the loss is here than the bound says, seen over the last step
            s, d, rho = steps[-1]
            stretch = np.where(
                rho > 0, 1 / np.maximum(rho, 1e-30) / np.maximum(_dot(d, self._precondition(d)), 1e-30), 1.0
            )
            q *= np.where(rho > 0, stretch, 1.0)[:, None].astype(np.float32)
        for (s, d, rho), alpha in zip(steps, reversed(alphas), strict=True):
            beta = rho * _dot(d, q)
            q += ((alpha - beta)[:, None] * s).astype(np.float32)
        return q


def _dot(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Inner products of each fold's part."""
    return np.asarray((a * b).sum(axis=(0, 2), dtype=np.float64))


def head_members(task: Task, features: NDArray[np.float32], *, prefix: str = "") -> list[Member]:
    """A ridge head and a logistic head on (n, d) features of one scale; how much they are held back is chosen."""
    ridge = FoldRidge(task, features)
    solved: list[NDArray[np.float32]] = []

    def logistic(fold: int, seed: int) -> Predict:
        if not solved:  # all folds come out of one run
            penalty = chosen_penalty(features, task.y, task.folds, task.n_classes)
            solved.append(logistic_folds(features, task.y, task.folds, task.n_classes, penalty=penalty))
        w = solved[0][fold]

        def predict(at: NDArray[np.int64]) -> Scores:
            return np.asarray(features[at] @ w[:-1] + w[-1], dtype=np.float32)

        return Fitted(predict, w.nbytes)

    return [
        Member(f"{prefix}ridge", lambda fold, seed: ridge.fit(fold), {"model": "ridge head"}),
        Member(f"{prefix}logistic", logistic, {"model": "logistic head", "shares": SHARES}),
    ]


def log_loss_of(weights: NDArray[np.float32], x: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Mean log-loss of one coefficient matrix (d + 1, c) on rows it may not have seen."""
    probs = softmax((x @ weights[:-1] + weights[-1]).astype(np.float64))
    return float(-np.log(np.maximum(probs[np.arange(len(labels)), labels], 1e-12)).mean())
