from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dqkit.baselines import cross_val_predictions
from dqkit.baselines.checkpoints import Checkpoints
from dqkit.baselines.members import Result
from dqkit.records import Dataset
from tests.baselines.data import blobs


class Counting:
    """Nearest class mean; counts its fits and stops where it is told to."""

    fits = 0
    stop_at: int | None = None

    def fit(self, x: object, y: np.ndarray) -> Counting:
        if Counting.stop_at == Counting.fits:
            raise KeyboardInterrupt
        Counting.fits += 1
        rows = np.asarray(x)
        self.classes_ = np.unique(y)
        self.means = np.stack([rows[y == c].mean(axis=0) for c in self.classes_])
        return self

    def predict_proba(self, x: object) -> np.ndarray:
        d = ((np.asarray(x)[:, None] - self.means) ** 2).sum(axis=2)
        e = np.exp(-(d - d.min(axis=1, keepdims=True)))
        return np.asarray(e / e.sum(axis=1, keepdims=True))

    def __repr__(self) -> str:
        return "Counting()"


@pytest.fixture
def ds() -> Dataset:
    Counting.fits, Counting.stop_at = 0, None
    return blobs(unlabeled=0.2)


def test_an_interrupted_call_trains_only_what_is_missing(ds: Dataset, tmp_path: Path) -> None:
    whole = cross_val_predictions(ds, Counting(), progress=False)
    Counting.fits, Counting.stop_at = 0, 3
    with pytest.raises(KeyboardInterrupt):
        cross_val_predictions(ds, Counting(), checkpoint_dir=tmp_path, progress=False)
    assert Counting.fits == 3
    Counting.stop_at = None
    again = cross_val_predictions(ds, Counting(), checkpoint_dir=tmp_path, progress=False)
    assert Counting.fits == 5
    assert (again.member_probs == whole.member_probs).all()
    assert (again.pred_probs == whole.pred_probs).all()


def test_finished_fits_are_not_trained_again(ds: Dataset, tmp_path: Path) -> None:
    cross_val_predictions(ds, Counting(), checkpoint_dir=tmp_path, progress=False)
    cross_val_predictions(ds, Counting(), checkpoint_dir=tmp_path, progress=False)
    assert Counting.fits == 5


@pytest.mark.parametrize("change", ["label", "content", "seed", "folds"])
def test_anything_that_changes_the_result_is_trained_anew(ds: Dataset, tmp_path: Path, change: str) -> None:
    cross_val_predictions(ds, Counting(), checkpoint_dir=tmp_path, progress=False)
    seed, folds = 0, 5
    if change == "label":
        labels = ds.labels.copy()
        labels[0] = (labels[0] + 1) % 3
        ds = ds.with_labels(labels)
    elif change == "content":
        ds.content.iloc[0, 0] += 1
    elif change == "seed":
        seed = 1
    else:
        folds = 4
    cross_val_predictions(ds, Counting(), folds, seed, checkpoint_dir=tmp_path, progress=False)
    assert Counting.fits == 5 + folds


def test_torn_or_changed_files_are_trained_again(ds: Dataset, tmp_path: Path) -> None:
    first = cross_val_predictions(ds, Counting(), checkpoint_dir=tmp_path, progress=False)
    arrays, notes = sorted(tmp_path.glob("*.npz")), sorted(tmp_path.glob("*.json"))
    arrays[0].write_bytes(arrays[0].read_bytes()[:100])
    notes[1].write_text("{")
    arrays[2].unlink()
    np.savez(arrays[3], scores=np.zeros((3, 3), dtype=np.float32))
    second = cross_val_predictions(ds, Counting(), checkpoint_dir=tmp_path, progress=False)
    assert Counting.fits == 5 + 4
    assert (first.pred_probs == second.pred_probs).all()


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Checkpoints(None, "").save("a", 0, {}, Result(np.zeros((1, 2), dtype=np.float32), {}))
    assert Checkpoints(None, "").load("a", 0, {}) is None
    assert not list(tmp_path.iterdir())
