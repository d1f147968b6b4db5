"""Features without a model, and when there is too little to train one on."""

from __future__ import annotations

import numpy as np
import pytest

import dqkit as dq
from dqkit.baselines import cross_val_predictions, too_few_labels, untrained_predictions
from dqkit.records import Dataset, InputError


def rows(labels: list[int], **more: object) -> Dataset:
    x = np.random.default_rng(0).normal(size=(len(labels), 3))
    return dq.from_arrays(x, labels, classes=["a", "b", "c"], **more)  # type: ignore[arg-type]


def test_without_a_model_there_are_features_and_every_class_is_as_likely() -> None:
    ds = rows([-1] * 12)
    found = untrained_predictions(ds, progress=False)
    assert not found.is_trained
    assert found.member_probs.shape == (0, 12, 3)
    assert found.pred_probs == pytest.approx(np.full((12, 3), 1 / 3))
    assert (found.folds == -1).all()
    assert found.baselines.empty


def test_the_features_are_those_that_a_training_on_the_same_content_gives() -> None:
    whole = dq.load_digits()
    some = np.random.default_rng(0).permutation(len(whole))[:200]
    bare = dq.from_arrays(whole.content[some], np.full(200, -1), classes=list(whole.classes))
    full = dq.from_arrays(whole.content[some], whole.labels[some], classes=list(whole.classes))
    trained = cross_val_predictions(full, folds=2, network=False, progress=False)
    assert np.array_equal(untrained_predictions(bare, progress=False).features, trained.features)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([-1, -1, -1, -1], "0 labelled samples of 0 class"),
        ([1, 1, 1, -1], "3 labelled samples of 1 class"),
        ([0, 1, 1, 1], "1 of class 'a' and 3 of 'b'"),
        ([0, 0, 1, 1], None),
        ([0, 1, 2, -1], None),
    ],
)
def test_labels_are_too_few_until_every_fold_leaves_two_classes(labels: list[int], said: str | None) -> None:
    found = too_few_labels(rows(labels))
    assert found is None if said is None else said in str(found)
    if said is not None:
        with pytest.raises(InputError, match=said.split()[0]):
            cross_val_predictions(rows(labels), progress=False)


def test_labels_of_the_test_split_do_not_count() -> None:
    assert too_few_labels(rows([0, 0, 1, 1], split=["train", "train", "test", "test"])) is not None
