from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from dqkit.baselines.folds import stratified_folds
from dqkit.baselines.members import Task
from dqkit.baselines.ridge import FoldRidge, solve_spd
from tests.baselines.data import dataset


def task(n: int, d: int, *, seed: int = 0) -> tuple[Task, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype(np.float32) + 0.5
    y = rng.integers(0, 3, n)
    y[::9] = -1
    return Task(dataset(x, y), y, stratified_folds(y, folds=4, seed=0), 0), x


@pytest.mark.parametrize(("n", "d"), [(150, 12), (60, 90)], ids=["more rows", "more columns"])
@pytest.mark.parametrize("part", [False, True], ids=["all columns", "some columns"])
def test_every_fold_equals_a_ridge_fitted_on_its_training_rows_alone(n: int, d: int, part: bool) -> None:
    t, x = task(n, d)
    columns = np.arange(0, d, 2) if part else None
    ours = FoldRidge(t, x)
    seen = x if columns is None else x[:, columns]
    for fold in range(4):
        train, everywhere = t.training(fold), np.arange(n)
        centred = seen[train].astype(np.float64) - seen[train].mean(axis=0)
        penalty = 0.1 * (centred**2).sum() / seen.shape[1]
        twin = Ridge(alpha=penalty).fit(seen[train].astype(np.float64), np.eye(3)[t.y[train]])
        np.testing.assert_allclose(ours.fit(fold, 0.1, columns)(everywhere), twin.predict(seen), atol=2e-4)


def test_a_singular_system_still_has_a_finite_solution() -> None:
    x = np.ones((5, 4), dtype=np.float32)
    assert np.isfinite(solve_spd(x.T @ x, np.ones((4, 1), dtype=np.float32), 0.0)).all()
