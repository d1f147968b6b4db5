"""Given labels of any spelling (class names, numbers, missing values) to positions in `classes`."""

from __future__ import annotations

import datetime
import math
import numbers
import re
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.datasets.class_names import ClassNames, class_names
from dqkit.datasets.conversion import brief, call_foreign, column, library_of
from dqkit.records import UNLABELED, InputError

# Spellings that no one gives to a class. "NA", "None" and "null" may be names, and are taken as they are written.
MISSING = frozenset(
    {
        "",
        "nan",
        "NaN",
        "-nan",
        "-NaN",
        "<NA>",
        "NaT",
        "#N/A",
        "#NA",
        "#N/A N/A",
        "1.#IND",
        "-1.#IND",
        "1.#QNAN",
        "-1.#QNAN",
    }
)
# What pandas takes for missing beside those.
MAYBE_MISSING = frozenset({"NA", "N/A", "n/a", "NULL", "null", "None"})
_WHOLE = re.compile(r"[-+]?(0|[1-9]\d*)([.,]0*)?")
_NUMBER = re.compile(r"[-+]?(0|[1-9]\d*)?([.,]\d*)?")
_TWO_WAYS = "If it is a class, pass classes=[...] with '-1' among the names; if it means no label, pass unlabeled=-1."


@dataclass(frozen=True)
class Encoded:
    """codes: (n,) positions in `classes`, -1 where unlabelled. notes: sentences on what was decided."""

    codes: NDArray[np.int64]
    classes: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class LabelRules:
    """How labels are to be read.

    unlabeled: the values that mean no label, or None: -1 where the other labels show that it is no class.
    written: the labels are a column of a table: numbers written as text are numbers, and -1 beside 0 and 1 is refused.
    """

    unlabeled: Any = None
    written: bool = False


def encode(labels: Any, classes: Any, *, n: int, rules: LabelRules | None = None) -> Encoded:
    """Positions (n,) in the classes, the class names, and what had to be decided.

    labels: class names, or whole numbers; None, NaN and an empty text mean unlabelled. None for all unlabelled.
    classes: the names in order, or a dictionary of label values and names; None: the categories of a categorical
        column, else the distinct labels, sorted (numbers by value).
    Raises `InputError` where lengths differ, a label is not one of the classes, or fewer than two classes are known.
    """
    rules = rules or LabelRules()
    values = column("labels", [None] * n if labels is None else _one_each(labels, n), n=n)
    at, found = _distinct(values)
    distinct = _days(found)
    if classes is None and isinstance(values.dtype, pd.CategoricalDtype):
        classes = _categories(values)
    names = None if classes is None else class_names(classes)
    counts = np.bincount(at[at >= 0], minlength=len(distinct))
    keys = [_key(v, values, at, i) for i, v in enumerate(distinct)]
    keys = _missing_words(keys, names)
    if rules.written:
        keys = _as_numbers(keys, names)
    notes: list[str] = []
    keys = _one_spelling(keys, names, notes)
    keys = _without(keys, rules, names, counts, notes)
    known = [k for k in keys if k is not None]
    whole = bool(known) and all(isinstance(k, int) for k in known)
    if names is None:
        ordered = sorted(set(known)) if whole else sorted({str(k) for k in known})
        if not ordered:
            raise InputError(
                "labels must name at least one class, and every sample is unlabelled; "
                "pass classes=[...] with the class names to label from nothing."
            )
        names = class_names([str(k) for k in ordered])
    if len(names.names) < 2:
        raise InputError(
            f"labels must hold at least two classes; got only {names.names[0]!r} (-1 counts as unlabelled). "
            "Pass classes=[...] with every class name if the others have no example yet."
        )
    for same in alike_names(names.names):
        warnings.warn(
            f"the classes {', '.join(map(repr, same))} differ in case or spaces alone. If they are one, give them one "
            "name first, such as with labels.str.strip().str.lower() in pandas.",
            stacklevel=4,
        )
    if classes is not None and whole and names.values is None:
        notes += _names_or_positions(names.names, known, written=rules.written)
    positions = names.positions_of(keys, whole=whole)
    for i, (key, position) in enumerate(zip(keys, positions, strict=True)):
        if key is not None and position is None:
            raise InputError(
                f"labels must be one of {names.meant(whole=whole)}; got {brief(distinct[i])!r} at position "
                f"{int(np.argmax(at == i))}."
            )
    notes += [
        f"The label {k!r} ({count:,} rows) is taken as a class, as it is written; if it means no label, "
        f"pass unlabeled={k!r}."
        for k, count in zip(keys, counts, strict=True)
        if k in MAYBE_MISSING and classes is None
    ]
    several = _several(names.names) if classes is None else None
    if several is not None:
        notes.append(
            f"The class {several!r} looks like several labels of one sample; dqkit takes it as a class of its own."
        )
    table = np.array([UNLABELED if p is None else p for p in positions] + [UNLABELED], dtype=np.int64)
    return Encoded(codes=table[at], classes=names.names, notes=tuple(notes))


def _names_or_positions(names: Sequence[str], known: Sequence[Any], *, written: bool) -> list[str]:
    """A sentence where whole numbers are names and could be positions of other classes too.

    Raises `InputError` where that cannot be told apart: names out of order ("0", "1", "10", "2") are those of folders,
    whose numbers are positions in most libraries. In a table's column they are what is written there.
    """
    by_name = {name: i for i, name in enumerate(names)}
    if not all(str(k) in by_name and 0 <= k < len(names) for k in known):
        return []
    odd = next((k for k in known if by_name[str(k)] != k), None)
    if odd is None:
        return []
    in_order = all(name.lstrip("-").isdecimal() for name in names) and list(names) == sorted(names, key=int)
    if not written and not in_order:
        raise InputError(
            f"labels must be names or positions of classes, and these whole numbers may be both; label {odd} is the "
            f"name of class {by_name[str(odd)]} and the position of class {names[odd]!r}. If they are names, pass them "
            "as texts, such as [str(v) for v in labels]. If they are positions, pass [classes[v] for v in labels]."
        )
    return [f"Whole numbers as labels are taken for the names of classes, not for positions: {odd} is {str(odd)!r}."]


def _one_each(labels: Any, n: int) -> Any:
    """The labels as they are; a matrix of them is refused with what to do."""
    shape = getattr(labels, "shape", None)
    if isinstance(shape, tuple) and len(shape) == 2 and shape[1] > 1 and shape[0] == n:
        raise InputError(
            f"labels must have one entry per sample; got shape {shape}, as of one-hot labels or probabilities. Pass "
            "the positions, labels.argmax(axis=1), and the names, classes=[...]."
        )
    if isinstance(labels, list | tuple) and labels and isinstance(labels[0], list | tuple | np.ndarray):
        raise InputError(
            f"labels must have one entry per sample; got a {type(labels[0]).__name__} at position 0. A sample has one "
            "label: pass the positions of one-hot rows (np.argmax(labels, axis=1)), or choose one label of several."
        )
    return labels


def _distinct(values: pd.Series[Any]) -> tuple[NDArray[np.intp], list[Any]]:
    """Positions (n,) in the distinct values, -1 where missing, and these values in the order of their first row."""
    if values.dtype == object:
        kinds = set(map(type, values))
        odd = next((kind for kind in kinds if issubclass(kind, list | tuple | dict | set | np.ndarray)), None)
        if odd is not None:
            where = next(i for i, v in enumerate(values) if isinstance(v, odd))
            raise InputError(
                f"labels must be class names or whole numbers; got a {odd.__name__} at position {where}. "
                "A sample has one label: choose one, or join them to one name."
            )
        booleans = kinds & {bool, np.bool_}
        if booleans and any(issubclass(kind, numbers.Number) for kind in kinds - booleans):
            # True equals 1, though it is another name.
            values = values.map(lambda v: str(v) if isinstance(v, bool | np.bool_) else v).astype(object)
    at, distinct = call_foreign(
        "labels", lambda: pd.factorize(values, use_na_sentinel=True), rule="class names or whole numbers"
    )
    return at, list(distinct)


def _categories(values: pd.Series[Any]) -> list[str]:
    """The names that a categorical column declares, in its order."""
    return [str(_key(v, values, None, 0)) for v in _days(list(values.cat.categories))]


def _key(value: Any, values: pd.Series[Any], at: NDArray[np.intp] | None, i: int) -> int | str:
    """A label as a whole number or a name."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0 and not isinstance(value, np.datetime64):
        value = call_foreign("labels", value.item, rule="class names or whole numbers")
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, numbers.Number) or library_of(value) == "decimal":
        whole = call_foreign("labels", lambda: _whole(value), rule="class names or whole numbers")
        if whole is not None:
            return whole
        where = "" if at is None else f" at position {int(np.argmax(at == i))}"
        raise InputError(
            f"labels must be class names or whole numbers; got {brief(value)}{where}. "
            "If these are classes, pass them as text: [str(v) for v in labels]. "
            "A continuous target is not a class: use dqkit.signals.label_errors on its predictions."
        )
    kind: Any = type(value)
    if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__:
        raise InputError(f"labels must be class names or whole numbers; got a {type(value).__name__}.")
    return call_foreign("labels", lambda: str(value), rule="class names or whole numbers")


def _whole(value: Any) -> int | None:
    """A number as a whole one, None where it is none."""
    if isinstance(value, complex | np.complexfloating):
        return None
    if not isinstance(value, int | np.integer) and not math.isfinite(value):
        return None
    return int(value) if value == int(value) else None


def class_key(name: str) -> str:
    """What look-alikes share: a name without the differences of case, of spaces and of Unicode form.

    >>> class_key(" Snowy  OWL") == class_key("snowy owl")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def alike_names(names: Sequence[str]) -> list[list[str]]:
    """Class names that share a key, a list for each group of two or more, in the order of the names.

    >>> alike_names(["cat", "dog", "Cat ", "c++"])
    [['cat', 'Cat ']]
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(class_key(name), []).append(name)
    return [same for same in groups.values() if len(same) > 1]


def _missing_words(keys: list[Any], names: ClassNames | None) -> list[Any]:
    """Words that mean no label as None, unless a class is called so."""

    def is_missing(key: Any) -> bool:
        return isinstance(key, str) and key.strip() in MISSING and not (names is not None and names.knows(key))

    return [None if is_missing(k) else k for k in keys]


def _as_numbers(keys: list[Any], names: ClassNames | None) -> list[Any]:
    """Labels that are all written as numbers as numbers; a leading zero or an exponent makes them codes."""
    texts = [k for k in keys if isinstance(k, str)]
    if names is not None and all(names.knows(k) for k in texts):
        return keys
    words = [k.strip() for k in texts if k not in MAYBE_MISSING]
    if not words or not all(re.search(r"\d", w) and _NUMBER.fullmatch(w) for w in words):
        return keys
    odd = next((w for w in words if not _WHOLE.fullmatch(w)), None)
    if odd is not None:
        raise InputError(
            f"labels must be class names or whole numbers; got {odd!r}. If these are classes, name them: "
            f"classes=[{odd!r}, ...]. A continuous target is not a class: use dqkit.signals.label_errors on its "
            "predictions."
        )
    return [
        k if not isinstance(k, str) else None if k in MAYBE_MISSING else int(re.split("[.,]", k.strip())[0])
        for k in keys
    ]


def _several(names: Sequence[str]) -> str | None:
    """The first class that is made of other classes, with a sign between them."""
    known = set(names)
    return next(
        (n for n in names for sign in ";|,/+&" if sign in n and {p.strip() for p in n.split(sign)} <= known - {n}), None
    )


def _one_spelling(keys: list[Any], names: ClassNames | None, notes: list[str]) -> list[Any]:
    """Numbers written with empty decimals ("1.0", as a column of floats writes them) as the label 1 that stands beside
    them."""
    known = {str(k) for k in keys if k is not None}
    out, merged = [], []
    for key in keys:
        plain = re.split("[.,]", key.strip())[0] if isinstance(key, str) and _WHOLE.fullmatch(key.strip()) else None
        if plain is None or plain == key or plain not in known or (names is not None and names.knows(key)):
            out.append(key)
        else:
            merged.append(f"{key!r} as {plain!r}")
            out.append(int(plain) if int(plain) in keys else plain)
    if merged:
        notes.append(f"Labels that are the same number are one class: {', '.join(sorted(merged))}.")
    return out


def _days(distinct: list[Any]) -> list[Any]:
    """Moments that are all midnight as days, as they are written in a file."""
    moments = [v for v in distinct if isinstance(v, datetime.datetime | np.datetime64)]
    stamps = [pd.Timestamp(v) for v in moments]
    if not stamps or len(stamps) < len(distinct) or any(stamp != stamp.normalize() for stamp in stamps):
        return distinct
    return [str(stamp.date()) if stamp.tzinfo is None else str(stamp) for stamp in stamps]


def _without(
    keys: list[Any], rules: LabelRules, names: ClassNames | None, counts: NDArray[np.intp], notes: list[str]
) -> list[Any]:
    """The labels with None in the place of those that mean unlabelled."""
    if rules.unlabeled is not None:
        one = isinstance(rules.unlabeled, str | bytes) or not hasattr(rules.unlabeled, "__iter__")
        given = [rules.unlabeled] if one else list(rules.unlabeled)
        none = {str(_key(v, pd.Series(dtype=object), None, 0)) for v in given if v is not None and v == v}
        never = none - {str(k) for k in keys}
        if never:
            notes.append(f"No label is {', '.join(map(repr, sorted(never)))}, which unlabeled= names.")
        return [None if k is None or str(k) in none else k for k in keys]
    known = {k for k in keys if k is not None}
    if UNLABELED not in known or not all(isinstance(k, int) for k in known):
        return keys
    if names is not None and names.knows(UNLABELED):
        return keys
    rows = int(sum(count for k, count in zip(keys, counts, strict=True) if k == UNLABELED))
    if _minus_one(known - {UNLABELED}, names, written=rules.written) == "class":
        notes.append(f"The label -1 ({rows:,} rows) is a class beside 1; if it means no label, pass unlabeled=-1.")
        return keys
    notes.append(f"The label -1 ({rows:,} rows) means unlabelled.")
    return [None if k == UNLABELED else k for k in keys]


def _minus_one(others: set[int], names: ClassNames | None, *, written: bool) -> Literal["class", "unlabelled"]:
    """What -1 is beside the other labels; raises `InputError` where they do not show it."""
    if any(k < UNLABELED for k in others):
        raise InputError(f"labels must not hold -1 beside other negative numbers: -1 means unlabelled. {_TWO_WAYS}")
    if names is not None:
        if others == {1} and len(names.names) == 2 and not names.knows(1):
            first, second = names.names
            raise InputError(
                "labels must say which class -1 is: beside 1 alone it may be a class or none. Pass "
                f"classes={{-1: {first!r}, 1: {second!r}}} if it is one, else unlabeled=-1."
            )
        return "unlabelled"
    if others == {1}:
        return "class"
    if others == {0} or (written and others == {0, 1}):
        seen = sorted({UNLABELED, *others})
        raise InputError(
            f"labels must say what -1 is: beside {', '.join(map(str, sorted(others)))} it may be a class or mean "
            f"unlabelled. If it is a class, pass classes={[str(k) for k in seen]}; if it means no label, pass "
            "unlabeled=-1."
        )
    if others == {0, 1}:
        warnings.warn(
            "labels hold -1 beside 0 and 1: it is taken as unlabelled. If it is a class, pass "
            "classes=['-1', '0', '1']; if it means no label, pass unlabeled=-1.",
            stacklevel=7,
        )
    return "unlabelled"
