"""Whatever is passed: a right dataset, or an `InputError`."""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dqkit as dq

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-2, 3),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=4),
    st.text(st.characters(codec=None, categories=("Cs", "L")), max_size=3),
    st.binary(max_size=4),
    st.dates(),
    st.decimals(),
    st.just(pd.NA),
    st.just(pd.NaT),
    st.just(Fraction(1, 3)),
    st.just(object()),
    st.just(np.longdouble(2)),
    st.just(np.datetime64("2024-01-01")),
    st.just(np.array(3)),
    st.lists(st.integers(0, 2), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.just({1, 2}),
    st.just(i for i in "ab"),
)
FOUR = st.lists(ODD, min_size=4, max_size=4)
COLUMN = st.one_of(
    st.lists(ODD, min_size=4, max_size=4),
    st.lists(st.sampled_from(["a", "b"]), min_size=4, max_size=4),
    st.lists(st.integers(-1, 2), min_size=4, max_size=4),
    ODD,
)


def right_or_refused(load):
    """The dataset, or None where it was refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ds = load()
        except dq.InputError:
            return None
    assert len(ds) == 4
    assert len(set(ds.ids)) == 4
    assert all(isinstance(i, str) and i.strip() for i in ds.ids)
    assert ds.labels.dtype == np.int64
    assert ((ds.labels >= -1) & (ds.labels < len(ds.classes))).all()
    assert len(ds.classes) >= 2
    assert len(ds.content) == 4
    return ds


@settings(max_examples=150, deadline=None)
@given(x=COLUMN, labels=COLUMN, ids=st.one_of(st.none(), COLUMN), split=st.one_of(st.none(), COLUMN))
def test_from_arrays_is_right_or_refuses(x, labels, ids, split):
    right_or_refused(lambda: dq.from_arrays(x, labels, ids=ids, split=split))
    plain = right_or_refused(lambda: dq.from_arrays(np.eye(4), labels))
    if plain is not None and all(isinstance(v, str) and v.isalpha() and v not in ("nan", "NaN") for v in labels):
        assert [plain.classes[k] for k in plain.labels] == labels


@settings(max_examples=150, deadline=None)
@given(a=FOUR, y=FOUR, role=st.sampled_from(["text", "features", "id"]))
def test_from_table_is_right_or_refuses(a, y, role):
    frame = pd.DataFrame({"a": pd.Series(a, dtype=object), "y": pd.Series(y, dtype=object), "t": list("wxyz")})
    options = {"text": {"text": "a"}, "features": {"features": ["a"]}, "id": {"id": "a", "text": "t"}}[role]
    right_or_refused(lambda: dq.from_table(frame, label="y", **options))
    right_or_refused(lambda: dq.from_table(frame, classes=["p", "q"], **options))


@settings(max_examples=100, deadline=None)
@given(
    raw=st.one_of(st.binary(max_size=60), st.text("a,;\t\"\n'1é|", max_size=60).map(lambda t: ("t,y\n" + t).encode()))
)
def test_any_bytes_are_a_table_or_refused(raw, tmp_path_factory):
    file = tmp_path_factory.mktemp("raw") / "t.csv"
    file.write_bytes(raw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dq.from_table(file, text="t", label="y")
        except dq.InputError:
            return


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": np.eye(4), "labels": np.eye(4)}, "one-hot.*argmax"),
        ({"x": np.eye(4), "labels": [[0, 1]] * 4}, "argmax"),
        ({"x": np.eye(4), "labels": "abcd"}, "labels must hold one value for each sample"),
        ({"x": np.eye(4), "labels": {"a": 1}}, "labels must hold one value for each sample"),
        ({"x": (i for i in range(4)), "labels": [0, 1, 0, 1]}, r"list\(x\)"),
        ({"x": {"a": [1, 2, 3, 4]}, "labels": [0, 1, 0, 1]}, "DataFrame"),
        ({"x": np.float64(3), "labels": [0]}, "single value"),
        ({"x": np.eye(4) * 1j, "labels": [0, 1, 0, 1]}, "parts"),
        ({"x": np.eye(4), "labels": [0, 1j, 0, 1]}, "class names or whole numbers"),
        ({"x": np.eye(4), "labels": [0, 1, 0, 1], "ids": ["a", None, "c", "d"]}, "position 1"),
        ({"x": np.eye(4), "labels": [0, 1, 0, 1], "ids": ["a", "b", "a", "d"]}, "positions 0 and 2"),
        ({"x": np.eye(4), "labels": [0, 1, 0, 1], "classes": {"a", "b"}}, "set, which has no order"),
        ({"x": np.eye(4), "labels": [-1, 1, -1, 1], "classes": ["neg", "pos"]}, r"classes=\{-1: 'neg', 1: 'pos'\}"),
    ],
)
def test_what_cannot_be_right_is_refused_with_what_to_do(arguments, words):
    with pytest.raises(dq.InputError, match=words):
        dq.from_arrays(**arguments)


def test_labels_in_another_order_than_the_frame_are_refused():
    x = pd.DataFrame({"a": [1.0, 2, 3]}, index=["r1", "r2", "r3"])
    labels = pd.Series(["p", "q", "p"], index=["r3", "r1", "r2"])
    with pytest.raises(dq.InputError, match=r"labels.reindex\(x.index\)"):
        dq.from_arrays(x, labels)
    assert dq.from_arrays(x, labels.reindex(x.index)).labels.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("classes", "labels", "names"),
    [
        ({0: "cat", 1: "dog"}, [1, 0], ["dog", "cat"]),
        ({"cat": 0, "dog": 1}, [1, 0], ["dog", "cat"]),
        ({"0": "cat", "1": "dog"}, [1, 0], ["dog", "cat"]),
        ({0: "cat", 1: "dog"}, ["dog", "cat"], ["dog", "cat"]),
        ({5: "cat", 2: "dog"}, [5, 2], ["cat", "dog"]),
        ({"c": "cat", "d": "dog"}, ["d", "c"], ["dog", "cat"]),
        (np.array(["cat", "dog"]), [1, 0], ["dog", "cat"]),
    ],
)
def test_classes_may_be_a_dictionary(classes, labels, names):
    ds = dq.from_arrays(np.eye(2), labels, classes=classes)
    assert [ds.classes[k] for k in ds.labels] == names


FOLDERS = ["0", "1", "10", "2", "3", "4", "5", "6", "7", "8", "9"]  # as a listing sorts them


def test_whole_numbers_that_may_be_names_or_positions_are_refused_with_both_calls():
    y = list(range(11))
    with pytest.raises(dq.InputError, match="label 2 is the name of class 3 and the position of class '10'"):
        dq.from_arrays(np.eye(11), y, classes=FOLDERS)
    by_name = dq.from_arrays(np.eye(11), [str(v) for v in y], classes=FOLDERS)
    assert by_name.labels.tolist() == [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 2]
    by_position = dq.from_arrays(np.eye(11), [FOLDERS[v] for v in y], classes=FOLDERS)
    assert by_position.labels.tolist() == y


def test_names_that_are_numbers_in_order_are_names_and_that_is_said():
    ds = dq.from_arrays(np.eye(4), [1, 2, 3, 4], classes=["1", "2", "3", "4", "5"])
    assert ds.labels.tolist() == [0, 1, 2, 3]
    assert "taken for the names of classes, not for positions: 1 is '1'" in ds.reading


def test_the_numbers_of_a_torch_dataset_are_positions_also_where_its_folders_are_called_by_numbers():
    import torch

    class Folder(torch.utils.data.Dataset):
        classes = FOLDERS

        def __len__(self):
            return 11

        def __getitem__(self, i):
            return torch.full((3,), float(i)), i

    assert dq.from_arrays(Folder()).labels.tolist() == list(range(11))
