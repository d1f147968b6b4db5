"""Odd arguments, drawn: another kind of value altogether, or the valid one with one thing about it changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from tests.checks.odd_values import ODD

Draw = Callable[[st.SearchStrategy[Any]], Any]

# No separator, dot or tilde: a drawn text may become the name of a file, which stays inside the folder of the test.
TEXTS = st.text(st.characters(exclude_characters="/\\~.:\x00"), max_size=8)
# A number between these bounds would be a valid wish for hours of work or gigabytes of memory.
WHOLE = st.one_of(st.integers(-40, 40), st.sampled_from([2**31, -(2**31), 2**63 - 1, 2**63, 2**64, 10**30, 10**400]))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    WHOLE,
    st.floats(),
    TEXTS,
    st.binary(max_size=4),
    st.sampled_from(
        [np.float32(0.5), np.int8(-1), np.uint64(2**64 - 1), np.bool_(True), np.str_("a"), np.float64("nan")]
    ),
    st.sampled_from([1j, Decimal("NaN"), Fraction(1, 3), datetime(2026, 1, 2), np.datetime64("NaT"), pd.NA, pd.NaT]),
)
LISTS = st.lists(st.one_of(SCALARS, st.lists(SCALARS, max_size=3)), max_size=9)
MAPPINGS = st.dictionaries(st.one_of(TEXTS, st.integers(-2, 2), st.none()), SCALARS, max_size=3)
KINDS = ("O", "U", "S", "?", "i1", "u1", "u8", "f2", "f4", "f8", "g", "c16", "M8[s]", "m8[s]", ">f8", ">i4")
CELLS = st.one_of(SCALARS, st.sampled_from([np.nan, np.inf, -np.inf, -1, 2, [], {}, "", None, 1e308, -0.0]))


def odd_or_changed(draw: Draw, valid: Any) -> Any:
    """Something else in the place of a valid value."""
    way = draw(st.integers(0, 9))
    if way < 2:
        return draw(st.sampled_from(list(ODD.values())))
    if way < 3:
        return draw(st.one_of(SCALARS, LISTS, MAPPINGS, st.builds(tuple, LISTS)))
    if isinstance(valid, pd.DataFrame):
        return changed_frame(draw, valid)
    if isinstance(valid, pd.Series):
        return draw(
            st.sampled_from([valid.iloc[::-1], valid.iloc[1:], valid.astype(object), pd.concat([valid, valid])])
        )
    if isinstance(valid, np.ndarray | list | tuple) and len(valid):
        return changed_rows(draw, valid)
    if isinstance(valid, dict) and valid:
        return changed_mapping(draw, valid)
    return draw(st.one_of(SCALARS, near(valid)))


def near(valid: Any) -> st.SearchStrategy[Any]:
    """Other spellings of the value: as an array without axes, in a list, as text, as its neighbours."""
    others: list[Any] = [[valid], (valid,), {valid} if _hashable(valid) else [valid, valid], str(valid), iter([valid])]
    if isinstance(valid, int | float | str):
        others += [np.array(valid), np.array([valid]), np.array(valid, dtype=object)]
    if isinstance(valid, int | float):
        others += [-valid, valid + 0.5, 0, float(valid), complex(valid), valid == 1]
    if isinstance(valid, str):
        others += [valid.upper(), valid + " ", valid.encode(errors="replace"), np.str_(valid)]
    return st.sampled_from(others)


def changed_mapping(draw: Draw, valid: dict[Any, Any]) -> Any:
    key = draw(st.sampled_from(list(valid)))
    return draw(
        st.sampled_from(
            [
                {k: v for k, v in valid.items() if k != key},
                {**valid, key: draw(CELLS)},
                {**valid, key: odd_or_changed(draw, valid[key])},
                {**valid, draw(SCALARS): 1},
                list(valid.items()),
                list(valid),
                pd.Series(list(valid.values()), index=list(valid), dtype=object),
            ]
        )
    )


def changed_rows(draw: Draw, valid: Any) -> Any:
    """A list or an array in which one cell, the kind, the shape, the memory or the container is another."""
    array = np.asarray(valid, dtype=object if not isinstance(valid, np.ndarray) else None)
    if not isinstance(valid, np.ndarray) and array.size and all(isinstance(v, int | float) for v in array.flat):
        array = np.asarray(valid)
    how = draw(st.sampled_from([_cell, _kind, _shape, _memory, _container]))
    return how(draw, array)


def _cell(draw: Draw, array: np.ndarray) -> Any:
    out, value = array.copy(), draw(CELLS)
    at = tuple(draw(st.integers(0, size - 1)) for size in array.shape) if array.size else ()
    if not at:
        return [value]
    try:
        with np.errstate(all="ignore"):
            out[at] = value
    except (TypeError, ValueError, OverflowError):
        out = array.astype(object)
        out[at] = value
    return out if draw(st.booleans()) else out.tolist()


def _kind(draw: Draw, array: np.ndarray) -> Any:
    kind = draw(st.sampled_from(KINDS))
    try:
        with np.errstate(all="ignore"):
            return array.astype(kind)
    except (TypeError, ValueError, OverflowError, UnicodeError):
        return np.zeros(array.shape, dtype=kind)


def _shape(draw: Draw, array: np.ndarray) -> Any:
    shapes = [array[:0], array[1:], np.concatenate([array, array]), array[None], array[..., None], array.ravel()]
    shapes += [array.T, array[:1], array[0], array[..., :0], np.repeat(array[:1], len(array), axis=0), array[..., ::-1]]
    return shapes[draw(st.integers(0, len(shapes) - 1))]


def _memory(draw: Draw, array: np.ndarray) -> Any:
    fixed = array.copy()
    fixed.flags.writeable = False
    wide = np.repeat(array, 2, axis=0)[::2]
    masked = np.ma.masked_array(array, mask=np.arange(array.size).reshape(array.shape) == 0)
    kinds = [np.asfortranarray(array), array[::-1], fixed, wide, masked, np.ma.masked_array(array)]
    if array.dtype.kind in "fiu":
        kinds += [array.astype(array.dtype.newbyteorder(">")), memoryview(array.copy())]
        kinds += [np.rec.fromarrays([array.ravel(), array.ravel()], names="a,b")]
        kinds += [csr_matrix(array)] if array.ndim == 2 else []
    return kinds[draw(st.integers(0, len(kinds) - 1))]


def _container(draw: Draw, array: np.ndarray) -> Any:
    plain = array.tolist()
    kinds: list[Any] = [plain, tuple(plain), iter(plain), dict(enumerate(plain)), (v for v in plain), str(plain)]
    if array.ndim == 1:
        kinds += [
            pd.Series(array),
            pd.Series(array, index=[0] * len(array)),
            pd.Index(array),
            pd.DataFrame({"a": array}),
        ]
        if all(_hashable(value) for value in plain):
            kinds += [pd.Series(pd.Categorical([*plain[:-1], None])), pd.Categorical(plain)]
        kinds += [pd.array([*plain[:-1], None])]
        try:
            arrow = pa.array([*plain[:-1], None])
        except pa.ArrowException:  # objects that Arrow does not know
            arrow = pa.nulls(len(plain))
        kinds += [arrow, pa.chunked_array([arrow]), pd.Series(arrow.to_pandas(types_mapper=pd.ArrowDtype))]
    elif array.ndim == 2:
        frame = pd.DataFrame(array)
        twice = frame.set_axis(["a"] * frame.shape[1], axis=1)
        kinds += [frame, twice, frame.convert_dtypes(), frame.T, frame.set_axis([0] * len(frame)), frame.astype(object)]
        kinds += [[*plain[:-1], plain[-1][:-1]], pa.table({f"c{k}": array[:, k] for k in range(array.shape[1])})]
    if array.dtype.kind in "fiub":
        import torch

        kinds += [torch.as_tensor(array.copy())] + (
            [torch.tensor(plain, requires_grad=True)] if array.dtype.kind == "f" else []
        )
    return kinds[draw(st.integers(0, len(kinds) - 1))]


def changed_frame(draw: Draw, valid: pd.DataFrame) -> Any:
    if not valid.shape[1]:
        return draw(st.one_of(SCALARS, LISTS))
    column = draw(st.sampled_from(list(valid.columns)))
    ways: list[Callable[[], Any]] = [
        lambda: valid.drop(columns=column),
        lambda: pd.concat([valid, valid[[column]]], axis=1),
        lambda: valid.assign(**{str(column): pd.Series(changed_column(draw, valid[column]), index=valid.index)}),
        lambda: valid.rename(columns={column: draw(st.sampled_from([0, None, "", ("a", "b"), 1.5]))}),
        lambda: valid.iloc[::-1],
        lambda: valid.iloc[:0],
        lambda: valid.iloc[1:],
        lambda: pd.concat([valid, valid]),
        lambda: valid.reset_index(),
        lambda: valid.set_axis(range(len(valid))),
        lambda: valid.set_axis(pd.MultiIndex.from_arrays([range(len(valid))] * 2)),
        lambda: valid.convert_dtypes(),
        lambda: valid.astype(object),
        lambda: valid.T,
        lambda: valid[column],
        lambda: valid.to_dict("list"),
        lambda: valid.set_axis(pd.MultiIndex.from_product([["a"], valid.columns]), axis=1),
    ]
    return ways[draw(st.integers(0, len(ways) - 1))]()


def changed_column(draw: Draw, column: pd.Series) -> Any:
    """A column with one cell changed or of another kind, of the same length."""
    n, plain = len(column), list(column)
    ways: list[Callable[[], Any]] = [
        lambda: pd.array([draw(CELLS), *plain[1:]], dtype=object),
        lambda: [draw(SCALARS)] * n,
        lambda: pd.array([None] * n, dtype="Int64"),
        lambda: pd.Categorical([*map(str, plain[:-1]), *[None] * min(n, 1)]),
        lambda: pd.array([None] * n, dtype="string"),
        lambda: pd.date_range("2026-01-02", periods=n, tz="UTC"),
        lambda: np.full(n, np.nan),
        lambda: np.full(n, np.inf),
        lambda: [[1]] * n,
        lambda: pd.array([True, None] * (n // 2) + [None] * (n % 2), dtype="boolean"),
        lambda: (
            pd.Series(pa.array(["a", None] * (n // 2) + [None] * (n % 2)).to_pandas(types_mapper=pd.ArrowDtype)).array
        ),
    ]
    made = ways[draw(st.integers(0, len(ways) - 1))]()
    return made if not isinstance(made, pd.Series) else made.to_numpy()


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
