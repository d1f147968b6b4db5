"""Metadata reach FiftyOne's database as they are, or as text that loses nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import dqkit as dq
from dqkit.fiftyone_bridge.fields import plain_column, sample_columns

bson = pytest.importorskip("bson")

CASES = {
    "unsigned 64-bit": (pd.Series([2**64 - 1, 0], dtype=np.uint64), "text", ["18446744073709551615", "0"]),
    "whole numbers in 64 bits": (pd.Series([2**63 - 1, -(2**63)]), "int", [2**63 - 1, -(2**63)]),
    "unsigned that fit": (pd.Series([1, 2], dtype=np.uint8), "int", [1, 2]),
    "huge": (pd.Series([10**30, 1], dtype=object), "text", [str(10**30), "1"]),
    "nullable": (pd.Series([1, None], dtype="Int64"), "int", [1, None]),
    "nullable truth": (pd.Series([True, None], dtype="boolean"), "bool", [True, None]),
    "decimal": (pd.Series([Decimal("0.10"), None], dtype=object), "text", ["0.10", None]),
    "floats with gaps": (pd.Series([0.5, np.nan]), "float", [0.5, None]),
    "infinity": (pd.Series([np.inf, 1.0]), "float", [np.inf, 1.0]),
    "times with a zone": (
        pd.Series(pd.to_datetime(["2026-01-02 03:04", None]).tz_localize("Europe/Berlin")),
        "text",
        ["2026-01-02T03:04:00+01:00", None],
    ),
    "dates": (pd.Series([date(2026, 1, 2), pd.NaT], dtype=object), "text", ["2026-01-02", None]),
    "categories of numbers": (pd.Series(pd.Categorical([3, 1])), "int", [3, 1]),
    "categories of names": (pd.Series(pd.Categorical(["x", None])), "text", ["x", None]),
    "lists": (pd.Series([[1, 2], None], dtype=object), "text", ["[1, 2]", None]),
    "arrays": (pd.Series([np.array([1, 2]), None], dtype=object), "text", ["[1, 2]", None]),
    "bytes": (pd.Series([b"\xff\x00", None], dtype=object), "text", ["ff00", None]),
    "NumPy scalars": (pd.Series([np.int32(4), np.int64(5)], dtype=object), "int", [4, 5]),
    "numbers and names": (pd.Series([1, "a"], dtype=object), "text", ["1", "a"]),
    "half a surrogate": (pd.Series(["\ud800", "b"], dtype=object), "text", ["\\ud800", "b"]),
    "whole numbers beyond a float among floats": (pd.Series([2**60 + 1, 0.5], dtype=object), "text", None),
}


@pytest.mark.parametrize("case", CASES)
def test_a_value_arrives_as_it_is_or_as_text(case):
    values, kind, expected = CASES[case]
    column = plain_column(values)
    assert column.kind == kind
    if expected is not None:
        assert column.values == expected
        assert [type(value) for value in column.values] == [type(value) for value in expected]
    bson.encode({str(at): value for at, value in enumerate(column.values)})


def test_numbers_that_become_text_are_said():
    table = pd.DataFrame({"phash": np.array([2**64 - 1, 5], dtype=np.uint64), "age": [1, 2]})
    ds = dq.from_arrays(np.eye(2), ["a", "b"], metadata=table)
    with pytest.warns(UserWarning, match="'phash' hold numbers .* sent as text"):
        columns = sample_columns(ds, None, None)
    assert columns["meta_age"].kind == "int"


def test_two_columns_of_one_field_name_are_both_kept():
    ds = dq.from_arrays(np.eye(2), ["a", "b"], metadata=pd.DataFrame({"a b": [1, 2], "a_b": [3, 4]}))
    columns = sample_columns(ds, None, None)
    assert (columns["meta_a_b"].values, columns["meta_a_b_"].values) == ([1, 2], [3, 4])
