"""What the columns of a table become: labels, features and splits of every type and spelling."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import dqkit as dq


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series([1, 0, None], dtype="Int64"),
        pd.Series([1.0, 0.0, np.nan]),
        pd.Series(["1", "0", None], dtype="string"),
        pd.Series(["1", "0", "nan"], dtype=object),
        pd.Series([1, 0, None], dtype=pd.ArrowDtype(pa.int64())),
        pd.Series(["1", "0", None], dtype=pd.ArrowDtype(pa.string())),
        pd.Series(["1", "0", None], dtype=pd.ArrowDtype(pa.large_string())),
        pd.Series(["1", "0", None], dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
        pd.Series([b"1", b"0", None], dtype=object),
        pd.Series(["1.0", "0.0", ""], dtype=object),
    ],
    ids=lambda s: str(s.dtype),
)
def test_labels_of_every_column_type_give_the_same_classes(labels):
    ds = dq.from_table(pd.DataFrame({"t": ["a", "b", "c"], "y": labels}), text="t", label="y")
    assert [None if k < 0 else ds.classes[k] for k in ds.labels] == ["1", "0", None]


def test_a_categorical_column_keeps_the_order_and_the_unused_names():
    sizes = pd.Categorical(["large", "small", None], categories=["small", "medium", "large"], ordered=True)
    ds = dq.from_table(pd.DataFrame({"t": ["a", "b", "c"], "y": sizes}), text="t", label="y")
    assert ds.classes == ("small", "medium", "large")
    assert ds.labels.tolist() == [2, 0, -1]


def test_feature_columns_of_every_type_become_plain_ones(tmp_path):
    n = 4
    frame = pd.DataFrame(
        {
            "int": pd.array([1, None, 3, 4], dtype="Int64"),
            "arrow": pd.array([1.5, None, 3, 4], dtype=pd.ArrowDtype(pa.float32())),
            "bool": pd.array([True, False, True, True], dtype="boolean"),
            "when": pd.date_range("2024-01-01", periods=n, tz="Europe/Berlin"),
            "period": pd.period_range("2024-01", periods=n, freq="M"),
            "interval": pd.interval_range(0, n),
            "delta": pd.to_timedelta([1, 2, 3, 4], unit="s"),
            "decimal": pd.array([1, 2, 3, 4], dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
            "mixed": pd.Series([1, "two", None, 2.5], dtype=object),
            "half": np.arange(n, dtype=np.float16),
            "long": np.arange(n, dtype=np.longdouble),
            "sparse": pd.arrays.SparseArray([0, 0, 1, 2]),
            "vector": [np.arange(2), np.arange(2), np.arange(2), np.arange(2)],
        }
    )
    ds = dq.from_table(frame.assign(y=["a", "b"] * 2), features=list(frame.columns), label="y")
    assert ds.content["int"].tolist()[2:] == [3, 4]
    assert ds.content["arrow"].isna().tolist() == [False, True, False, False]
    assert ds.content["delta"].tolist() == [1, 2, 3, 4]
    assert ds.content["decimal"].tolist() == [1, 2, 3, 4]
    assert ds.content["mixed"].tolist()[:2] == ["1", "two"]
    assert ds.content["vector[1]"].tolist() == [1, 1, 1, 1]
    with dq.Workbench.create(tmp_path / "w", ds):
        pass
    with dq.Workbench.open(tmp_path / "w") as bench:
        assert bench.dataset.content.shape == (4, 14)


def test_features_auto_leaves_out_what_names_rows_and_says_so(tmp_path):
    rng = np.random.default_rng(0)
    n = 30
    frame = pd.DataFrame(
        {
            "customer_id": rng.permutation(np.arange(1000, 1000 + n)),
            "key": [f"k{i}" for i in range(n)],
            "serial": rng.permutation(np.arange(5000, 5000 + n)),
            "age": rng.integers(20, 40, n),
            "income": rng.normal(size=n),
            "city": ["a", "b", "c"] * 10,
            "subset": ["Train", "TEST", "dev"] * 10,
            "y": ["p", "q"] * 15,
        }
    )
    frame.to_csv(tmp_path / "t.csv")
    ds = dq.from_table(tmp_path / "t.csv", features="auto", label="y", split="subset")
    assert ds.content.columns.tolist() == ["age", "income", "city"]
    for name in ("Unnamed: 0", "customer_id", "key", "serial"):
        assert name in ds.reading
        assert name in ds.metadata.columns
    assert ds.split.tolist()[:3] == ["train", "test", "dev"]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("part", ["Train", "TEST", " testing ", None], ["train", "test", "test", "train"]),
        ("part", ["Training", "hold-out", "held_out", "dev"], ["train", "test", "test", "dev"]),
        ("is_test", [True, False, False, True], ["test", "train", "train", "test"]),
        ("isTest", [1, 0, 0, 1], ["test", "train", "train", "test"]),
        ("is_train", ["yes", "no", "yes", "yes"], ["train", "test", "train", "train"]),
        ("is_valid", [True, False, False, False], ["validation", "train", "train", "train"]),
        ("fold", [0, 1, 2, 0], ["0", "1", "2", "0"]),
    ],
)
def test_split_columns_of_every_spelling(name, values, expected):
    table = pd.DataFrame({"t": list("abcd"), "y": ["p", "q"] * 2, name: values})
    assert dq.from_table(table, text="t", label="y", split=name).split.tolist() == expected


def test_yes_and_no_without_a_name_that_says_of_what_is_refused():
    table = pd.DataFrame({"t": list("ab"), "y": ["p", "q"], "flag": [True, False]})
    with pytest.raises(dq.InputError, match=r"np.where"):
        dq.from_table(table, text="t", label="y", split="flag")


def test_a_split_column_that_is_not_named_is_mentioned():
    table = pd.DataFrame({"t": list("ab"), "y": ["p", "q"], "Split": ["train", "test"]})
    assert "split='Split'" in dq.from_table(table, text="t", label="y").reading


@pytest.mark.parametrize(
    ("values", "options", "names"),
    [
        ([-1, 1, -1, 1], {}, ["-1", "1", "-1", "1"]),
        (["-1", "+1", "-1", "1"], {}, ["-1", "1", "-1", "1"]),
        ([-1, 0, 1, 2], {}, [None, "0", "1", "2"]),
        ([-1, 0, 1, 0], {"unlabeled": -1}, [None, "0", "1", "0"]),
        ([-1, 0, 1, 0], {"classes": ["-1", "0", "1"]}, ["-1", "0", "1", "0"]),
        ([-1, 0, 1, 0], {"classes": {-1: "bad", 0: "so", 1: "good"}}, ["bad", "so", "good", "so"]),
        ([99, 0, 1, 0], {"unlabeled": [99, 98]}, [None, "0", "1", "0"]),
        (["NA", "a", "b", "a"], {}, ["NA", "a", "b", "a"]),
        (["NA", "a", "b", "a"], {"unlabeled": "NA"}, [None, "a", "b", "a"]),
        (["NA", "1", "2", "1"], {}, [None, "1", "2", "1"]),
        (["#N/A", "a", "b", "nan"], {}, [None, "a", "b", None]),
    ],
)
def test_minus_one_and_missing_words_in_labels(values, options, names):
    ds = dq.from_table(pd.DataFrame({"t": list("wxyz"), "y": values}), text="t", label="y", **options)
    assert [None if k < 0 else ds.classes[k] for k in ds.labels] == names


@pytest.mark.parametrize("values", [[-1, 0, -1, 0], [-1, 0, 1, 0], [-2, -1, 0, 1]])
def test_minus_one_that_may_be_a_class_or_none_is_refused_with_both_calls(values):
    with pytest.raises(dq.InputError, match=r"classes=.*unlabeled=-1"):
        dq.from_table(pd.DataFrame({"t": list("wxyz"), "y": values}), text="t", label="y")
