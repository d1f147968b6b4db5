"""Weak labels in the journal: they fill gaps, give way to people, and are withdrawn with their functions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dqkit as dq


def test_weak_labels_fill_gaps_and_never_touch_a_given_or_human_label(bench):
    ds = bench.dataset
    gap = str(ds.ids[~ds.is_labeled & ~ds.is_test][0])
    bench.record(gap, "blue", annotator="ana")
    before = bench.labels()

    def tallest(x):
        return int(np.argmax([x.x0, x.x1, x.x2]))

    def red(x):
        return 0 if x.x0 > 1.5 else dq.ABSTAIN

    def green(x):
        return "green" if x.x1 > 1.5 else None

    weak = bench.add_weak_labels([tallest, red, green], progress=False)
    after = bench.labels()
    kept = before["label"].notna()
    assert weak.probs.shape == (len(ds), 3)
    pd.testing.assert_frame_equal(before[kept], after[kept])
    added = after[after["source"] == "weak"]
    assert len(added) > 20
    truth = pd.Series(np.array(ds.classes)[ds.true_labels], ds.ids)
    assert (added["label"] == truth[added.index]).mean() > 0.9
    assert weak.stored == len(added)
    assert repr(weak).endswith(f" samples; {len(added):,} had no label, and carry it now)")
    assert "tallest" in bench.history(added.index[0])["why"].iloc[0]


def test_functions_may_come_from_a_generator_and_a_column_be_called_sample_id(tmp_path):
    texts = pd.DataFrame({"review": ["good", "bad", "so so", "good"], "stars": ["a", "b", None, None], "sample_id": 7})

    def by_word(x):
        assert isinstance(x.sample_id, str)
        return {"good": np.float64(0.0), "bad": 1}.get(x.text)

    with dq.Workbench.create(tmp_path / "wb", dq.from_table(texts, text="review", label="stars")) as bench:
        weak = bench.add_weak_labels((f for f in [by_word]), min_probability=0.5, progress=False)
        assert weak.labels.tolist() == [0, 1, -1, 0]
        with pytest.raises(dq.InputError, match="min_probability"):
            bench.add_weak_labels([by_word], min_probability="0.8", progress=False)


def test_weak_labels_that_no_function_supports_any_more_are_withdrawn(bench):
    def always(x):
        return 0

    def never(x):
        return dq.ABSTAIN

    bench.add_weak_labels([always], min_probability=0, progress=False)
    assert (bench.labels()["source"] == "weak").any()
    bench.add_weak_labels([never], min_probability=0, progress=False)
    assert not (bench.labels()["source"] == "weak").any()


def test_a_human_label_wins_over_a_weak_one_whichever_came_first(bench):
    ds = bench.dataset
    gap = str(ds.ids[~ds.is_labeled & ~ds.is_test][0])
    bench.add_weak_labels([lambda x: 0 if x.sample_id == gap else None], min_probability=0, progress=False)
    bench.record(gap, "blue", annotator="ana")
    assert bench.labels().loc[gap, "source"] == "human"
    bench.add_weak_labels([lambda x: 1 if x.sample_id == gap else None], min_probability=0, progress=False)
    assert bench.labels().loc[gap, "label"] == "blue"
    bench.undo(annotator="ana")
    assert bench.labels().loc[gap, ["label", "source"]].tolist() == ["green", "weak"]
