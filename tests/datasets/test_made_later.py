"""Fields of a dataset that are made when they are first read."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dqkit as dq
from dqkit.datasets.distinct import surely_distinct


def _loaded() -> dq.Dataset:
    table = {"key": ["b", "a", "c"], "text": ["one", None, ""], "y": ["x", "z", None]}
    return dq.from_table(pd.DataFrame(table, dtype="str"), text="text", label="y", id="key")


def test_ids_texts_and_metadata_that_are_made_later_are_what_the_table_holds() -> None:
    ds = _loaded()
    assert ds.metadata.index.tolist() == ["b", "a", "c"]
    assert ds.ids.dtype == object
    assert ds.ids.tolist() == ["b", "a", "c"]
    assert ds.content.dtype == object
    assert ds.content.tolist() == ["one", "", ""]
    assert ds.problems["sample_id"].tolist() == ["a", "c"]
    assert ds.ids is ds.ids


def test_a_dataset_that_was_not_read_yet_can_be_pickled_and_copied() -> None:
    for same in (pickle.loads(pickle.dumps(_loaded())), copy.deepcopy(_loaded()), copy.copy(_loaded())):
        assert same.ids.tolist() == ["b", "a", "c"]
        assert same.content.tolist() == ["one", "", ""]
        assert len(same) == 3


def test_a_field_that_is_none_of_a_dataset_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="pixels"):
        _loaded().pixels  # noqa: B018


def test_ids_that_nobody_gave_are_positions_that_sort_in_their_order() -> None:
    ds = dq.from_arrays(["a", "b"], ["x", "y"])
    assert ds.ids.tolist() == ["0000000", "0000001"]
    assert ds.metadata.index.tolist() == ["0000000", "0000001"]


_texts = st.one_of(st.text(max_size=3), st.sampled_from(["a", "a\0", "\0a", "ä", "aa", "x" * 64, "x" * 65, "r0000001"]))


@given(st.lists(_texts, max_size=8))
def test_texts_are_called_distinct_only_where_they_are(texts: list[str]) -> None:
    valid = [t.encode("utf-8", "replace").decode() for t in texts]
    if surely_distinct(pd.Series(valid, dtype="str")):
        assert len(set(valid)) == len(valid)


def test_distinct_texts_of_one_and_of_several_lengths_are_seen() -> None:
    rng = np.random.default_rng(0)
    same = [f"{i:08d}-{j:020d}" for i, j in zip(range(5000), rng.integers(0, 10**9, 5000), strict=True)]
    for texts in (same, [f"img_{i}.png" for i in rng.permutation(5000)]):
        assert surely_distinct(pd.Series(texts, dtype="str"))
        assert not surely_distinct(pd.Series([*texts, texts[77]], dtype="str"))
    assert not surely_distinct(pd.Series(["a", None], dtype="str"))


def test_a_row_longer_than_a_block_of_the_reader_is_read(tmp_path: Path) -> None:
    long = "word " * 400_000
    (tmp_path / "long.csv").write_text(f"text,y\nshort,a\n{long},b\nend,a\n")
    ds = dq.from_table(tmp_path / "long.csv", text="text", label="y")
    assert ds.content.tolist() == ["short", long, "end"]
