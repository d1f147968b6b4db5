from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dqkit.fiftyone_bridge import brain_signals
from dqkit.records import InputError

if TYPE_CHECKING:
    from .conftest import Pushed


def test_mistakenness_and_hardness_follow_from_labels_and_predictions(pushed: Pushed) -> None:
    pushed.push()
    table = brain_signals(pushed.name)
    assert list(table.columns) == ["mistakenness", "hardness"]
    assert sorted(table.index) == sorted(pushed.dataset.ids)
    assert pushed.predictions is not None
    for at, sample_id in enumerate(pushed.dataset.ids):
        probs = pushed.predictions.pred_probs[at].astype(float)
        entropy = -(probs * np.log(probs)).sum()
        assert table.loc[sample_id, "hardness"] == pytest.approx(entropy / np.log(3), abs=1e-4)
        given = pushed.dataset.labels[at]
        if given < 0:
            assert np.isnan(table.loc[sample_id, "mistakenness"])
            continue
        agrees = -1 if probs.argmax() == given else 1
        assert table.loc[sample_id, "mistakenness"] == pytest.approx((agrees * probs.max() + 1) / 2, abs=1e-4)
    again = brain_signals(pushed.name, which=["mistakenness"], use_logits=True)
    assert not np.allclose(again["mistakenness"], table["mistakenness"], equal_nan=True)


def test_uniqueness_is_highest_for_the_sample_that_stands_alone(pushed: Pushed) -> None:
    assert pushed.predictions is not None
    features = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32) * 0.01
    features[7] = 5.0
    predictions = replace(pushed.predictions, features=features)
    pushed.push(predictions=predictions)
    table = brain_signals(pushed.name, which=["uniqueness"], predictions=predictions)
    assert table["uniqueness"].idxmax() == "s07"
    assert table["uniqueness"].between(0, 1).all()


def test_scores_that_cannot_be_had_are_refused(fo: ModuleType, pushed: Pushed) -> None:
    pushed.push(predictions=None)
    assert brain_signals(pushed.name).columns.tolist() == []
    for which, word in (["mistakenness"], "predictions"), (["uniqueness"], "features"), (["beauty"], "beauty"):
        with pytest.raises(InputError, match=word):
            brain_signals(pushed.name, which=which)
