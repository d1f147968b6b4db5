"""Tables with columns that are empty, wholly or in the rows of one fold, and few labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dqkit.baselines import BaselineWarning, cross_val_predictions
from tests.baselines.data import blobs, dataset


@pytest.mark.parametrize("empty", ["all", "one value"])
def test_boosting_leaves_out_columns_without_a_value_in_the_training_rows(empty: str) -> None:
    ds = blobs(60)
    frame = ds.content.copy()
    frame.insert(1, "nothing", np.nan)
    if empty == "one value":
        frame.loc[7, "nothing"] = 1.0
    frame.insert(2, "kind", np.where(ds.labels == 0, "a", "b"))
    out = cross_val_predictions(dataset(frame, ds.labels), folds=3, progress=False)
    assert "boosting" in out.members
    assert (out.member_probs[out.members.index("boosting")].argmax(axis=1) == ds.labels).mean() > 0.8


def test_a_table_without_any_value_still_gives_the_class_shares() -> None:
    frame = pd.DataFrame({"a": [np.nan] * 30, "b": [np.nan] * 30})
    with pytest.warns(BaselineWarning, match="copies of each other"):
        out = cross_val_predictions(dataset(frame, np.arange(30) % 2), folds=3, progress=False)
    assert "boosting" in out.members
    np.testing.assert_allclose(out.pred_probs, 0.5, atol=0.1)


def test_numbers_near_the_largest_that_there_are_give_finite_columns() -> None:
    from dqkit.baselines.tables import _standard

    values = np.tile([1e308, -1e308, 1.0], 20)
    scaled = _standard(values, np.arange(60))
    assert np.isfinite(scaled).all()
    assert len(np.unique(scaled)) == 3


def test_hundreds_of_classes_take_no_boosting_and_no_warning() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    out = cross_val_predictions(dataset(x, np.arange(200) % 100), folds=2, progress=False)
    assert out.members == ("forest", "linear")
