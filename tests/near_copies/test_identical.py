from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dqkit as dq
from dqkit.near_copies import identical_content
from tests.report.pets import make_dataset


def slow_twin(contents: list[object]) -> list[int]:
    """Every pair compared."""
    return [next(j for j in range(i + 1) if contents[j] == contents[i]) for i in range(len(contents))]


def test_pictures_are_identical_to_the_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 2, (40, 2, 2), dtype=np.uint8)
    found = identical_content(dq.from_arrays(pixels, [0, 1] * 20))
    assert found.tolist() == slow_twin([p.tolist() for p in pixels])
    assert 1 < len(set(found.tolist())) < 40


def test_case_and_spaces_tell_texts_apart() -> None:
    texts = ["one", "One", "one ", "one", "", ""]
    assert identical_content(dq.from_arrays(texts, [0, 1] * 3)).tolist() == slow_twin(texts) == [0, 1, 2, 0, 4, 4]


def test_rows_of_a_table_are_identical_in_every_column_and_missing_equals_missing() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan, 1.0, np.nan, 1.0], "b": ["x", "y", "x", "y", "z"]})
    assert identical_content(make_table(frame)).tolist() == [0, 1, 0, 1, 4]


def make_table(frame: pd.DataFrame) -> dq.Dataset:
    ids = [f"r{i}" for i in range(len(frame))]
    return dq.Dataset(
        ids=np.array(ids, dtype=object),
        labels=np.zeros(len(frame), dtype=np.int64),
        classes=("x", "y"),
        modality="table",
        content=frame,
        split=np.array(["train"] * len(frame), dtype=object),
        metadata=pd.DataFrame(index=ids),
    )


def test_samples_that_cannot_be_read_and_those_left_out_are_identical_to_none() -> None:
    content = np.zeros((12, 6, 5), dtype=np.uint8)
    dataset = make_dataset(content=content)  # s03 cannot be read
    assert identical_content(dataset).tolist() == [0, 0, 0, 3, *[0] * 8]
    assert identical_content(dataset, [5, 3, 7]).tolist() == [0, 1, 2, 3, 4, 5, 6, 5, 8, 9, 10, 11]


@pytest.mark.parametrize("among", [None, []])
def test_no_samples_at_all(among: list[int] | None) -> None:
    assert identical_content(make_dataset().take(np.zeros(0, dtype=np.int64)), among).tolist() == []
