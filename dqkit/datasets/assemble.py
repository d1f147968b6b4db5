"""The one place where a `Dataset` is put together, so that every way in obeys the same rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.datasets.conversion import blank, brief, call_foreign, check_utf8, column, missing, texts_of
from dqkit.datasets.distinct import surely_distinct
from dqkit.datasets.labels import LabelRules, encode
from dqkit.datasets.splits import split_names
from dqkit.later import Later
from dqkit.records import PROBLEM_COLUMNS, Dataset, InputError, Modality


@dataclass(frozen=True, eq=False)
class Samples:
    """What the samples show. problems: (sample id, kind, message, fatal) each. checked_texts: whether the texts are
    known to be UTF-8. window: the values that became black and white."""

    content: Any
    modality: Modality
    paths: Sequence[str | None] | None = None
    window: tuple[float, float] | None = None
    problems: Sequence[tuple[str, str, str, bool]] = ()
    checked_texts: bool = False


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """The labels as they came, the classes they speak of and the rules to read them by. true: positions in classes."""

    labels: ArrayLike | None
    classes: Any = None
    rules: LabelRules | None = None
    true: ArrayLike | None = None


@dataclass(frozen=True, eq=False)
class Columns:
    """What else stands in each row. checked_ids: ids that `sample_names` made, or will make. split_column: its
    name, for messages."""

    ids: ArrayLike | None = None
    checked_ids: NDArray[np.object_] | Later | None = None
    split: ArrayLike | None = None
    split_column: str = ""
    metadata: pd.DataFrame | None = None
    groups: ArrayLike | None = None


def assemble(samples: Samples, given: GivenLabels, columns: Columns, *, name: str, reading: str = "") -> Dataset:
    """A checked `Dataset`; see there for the shapes. Raises `InputError` on the first rule that does not hold."""
    content, metadata = samples.content, columns.metadata
    n = len(content)
    if n == 0:
        raise InputError(f"{name} must hold at least one sample; got none.")
    ids = columns.checked_ids
    if ids is None:
        ids = later_names(columns.ids, n=n)
    encoded = encode(given.labels, given.classes, n=n, rules=given.rules)
    names = encoded.classes
    splits, split_notes = split_names(columns.split, n=n, name=columns.split_column)
    if metadata is not None and (not isinstance(metadata, pd.DataFrame) or len(metadata) != n):
        raise InputError(
            f"metadata must be a DataFrame with one row per sample ({n:,}); got {type(metadata).__name__}."
        )
    for what, frame in (("x", content), ("metadata", metadata)):
        if isinstance(frame, pd.DataFrame):
            _check_columns(what, frame)
    check_utf8("classes", names)
    if samples.modality == "text" and not samples.checked_texts:
        check_utf8("x", content)
    if isinstance(content, pd.DataFrame) and not len(content.columns):
        raise InputError("x must hold at least one feature column; got none.")
    truth = None if given.true is None else column("true_labels", given.true, n=n).to_numpy()
    if truth is not None and (truth.shape != (n,) or truth.dtype.kind not in "iu"):
        raise InputError(f"true_labels must be {n:,} positions in classes; got {truth.dtype} of shape {truth.shape}.")
    rows = pd.DataFrame(list(samples.problems), columns=list(PROBLEM_COLUMNS))
    rest: Any = Later(partial(_by_id, metadata, ids), n) if isinstance(ids, Later) else _by_id(metadata, ids)
    later: Any = ids  # the record makes what is `Later` when it is first read
    return Dataset(
        ids=later,
        labels=encoded.codes,
        classes=names,
        modality=samples.modality,
        content=content,
        split=splits,
        metadata=rest,
        paths=None if samples.paths is None else np.asarray(samples.paths, dtype=object),
        true_labels=None if truth is None else truth.astype(np.int64),
        problems=rows.astype({"fatal": bool}),
        name=name,
        reading=" ".join(part for part in (reading, *encoded.notes, *split_notes) if part),
        groups=None if columns.groups is None else group_names(columns.groups, n=n),
        window=samples.window,
    )


def later_names(ids: ArrayLike | None, *, n: int) -> NDArray[np.object_] | Later:
    """The ids of `sample_names`, made later where they are positions or texts that are known to be right."""
    if ids is None:
        return Later(partial(_positions, n), n)
    texts = ids if isinstance(ids, pd.Series) and isinstance(ids.dtype, pd.StringDtype) else None
    if texts is None or len(texts) != n or not surely_distinct(texts) or blank("ids", texts).any():
        return sample_names(ids, n=n)
    return Later(partial(texts_of, texts, missing=""), n)


def _positions(n: int) -> NDArray[np.object_]:
    import pyarrow as pa
    import pyarrow.compute as pc

    padded = pc.utf8_lpad(pc.cast(pa.array(np.arange(n)), pa.string()), width=7, padding="0")
    return np.asarray(padded.to_numpy(zero_copy_only=False), dtype=object)


def _by_id(table: pd.DataFrame | None, ids: NDArray[np.object_] | Later) -> pd.DataFrame:
    index = pd.Index(ids.value() if isinstance(ids, Later) else ids, dtype=object, name="sample_id")
    return pd.DataFrame(index=index) if table is None else table.set_axis(index)


def group_names(groups: ArrayLike, *, n: int) -> NDArray[np.object_]:
    """(n,) group names as strings; None where a sample is of no group (None, NaN or an empty text)."""
    values = column("groups", groups, n=n)
    names = _texts("groups", values)
    names[missing(values) | blank("groups", names)] = None
    return names


def _texts(what: str, values: pd.Series[Any]) -> NDArray[np.object_]:
    """(n,) each value as text: whole numbers that stand as floats, since some are missing, without their point."""
    if values.dtype.kind == "f":
        some = values.dropna()
        if np.isfinite(some).all() and (some == np.floor(some)).all() and some.abs().max() < 2**53:
            values = values.astype("Int64")
    known = texts_of(values, missing="nan")
    if known is not None:
        return known
    objects = values.to_numpy(dtype=object)
    if set(map(type, objects)) <= {str}:
        return np.array(objects, dtype=object)
    texts: list[str] = call_foreign(what, lambda: [str(v) for v in objects], rule="values that have a text")
    return np.array(texts, dtype=object)


def _check_columns(what: str, table: pd.DataFrame) -> None:
    names = [str(column) for column in table.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{what} must have columns of different names; {twice!r} comes more than once. Rename one.")
    odd = [str(column) for column, dtype in table.dtypes.items() if dtype.kind == "c"]
    if odd:
        raise InputError(f"{what} must hold numbers, texts, categories or dates; column {odd[0]!r} is complex.")


def sample_names(ids: ArrayLike | None, *, n: int) -> NDArray[np.object_]:
    """(n,) distinct string ids; positions with leading zeros, so that they sort in their order, when none are given."""
    if ids is None:
        return _positions(n)
    names = _filled_names(ids, n=n)
    _refuse_repeated(names)
    return names


def row_names(ids: ArrayLike | None, *, n: int) -> tuple[NDArray[np.object_] | Later, NDArray[np.intp]]:
    """The ids of `later_names`, and the positions of rows whose id came before.

    "a", "a", "a" become "a", "a (2)", "a (3)"; a number that is taken by another row's own id is passed over.
    """
    known = isinstance(ids, pd.Series) and isinstance(ids.dtype, pd.StringDtype) and surely_distinct(ids)
    if ids is None or known or not pd.Series(ids).astype(object).duplicated().any():
        return later_names(ids, n=n), np.empty(0, dtype=np.intp)
    names = _filled_names(ids, n=n)
    repeated = np.flatnonzero(pd.Index(names, dtype=object).duplicated())
    taken, counts = set(names), dict[str, int]()
    for at in repeated:
        base = names[at]
        number = counts.get(base, 1) + 1
        while f"{base} ({number})" in taken:
            number += 1
        counts[base] = number
        names[at] = f"{base} ({number})"
        taken.add(names[at])
    return names, repeated


def _filled_names(ids: ArrayLike, *, n: int) -> NDArray[np.object_]:
    """(n,) ids as texts, none of them empty."""
    values = column("ids", ids, n=n)
    names = _texts("ids", values)
    texts = values.fillna("") if isinstance(values.dtype, pd.StringDtype) else names
    empty = missing(values) | blank("ids", texts)
    if empty.any():
        at = int(np.argmax(empty))
        raise InputError(f"ids must not be empty; the id at position {at} is {brief(values.iloc[at])!r}.")
    return names


def _refuse_repeated(names: NDArray[np.object_]) -> None:
    repeated = pd.Index(names, dtype=object).duplicated(keep=False)
    if repeated.any():
        first = names[int(np.argmax(repeated))]
        rows = np.flatnonzero(names == first)
        others = int(pd.Index(names, dtype=object).duplicated().sum()) - 1
        more = f" {others:,} more rows repeat an id." if others else ""
        raise InputError(
            f"ids must be unique; {brief(first)!r} stands at positions {rows[0]} and {rows[1]}. "
            f"Drop or rename one.{more}"
        )
