"""Given labels of any spelling (class names, numbers, missing values) to positions in `classes`."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.records import UNLABELED, InputError


def encode(
    labels: ArrayLike | None, classes: Sequence[str] | None, *, n: int
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Positions (n,) int64 and the class names.

    labels: class names, or integers; None, NaN, an empty string and -1 mean unlabelled (-1 does not where `classes` has
        the name "-1", and is refused beside other negative numbers). None for all unlabelled.
    classes: the names; integers are then class names where every one of them is, else positions in it. Left out, the
    classes are the distinct labels, sorted (numbers by value).
    Raises `InputError` where lengths differ, a label is not one of the classes, or fewer than two classes are known.
    """
    names = None if classes is None else _names(classes)
    values: list[Any] = [None] * n if labels is None else list(np.asarray(labels, dtype=object).ravel())
    values = [v.decode("utf-8", "backslashreplace") if isinstance(v, bytes) else v for v in values]
    if len(values) != n:
        raise InputError(f"labels must have one entry per sample; got {len(values):,} labels for {n:,} samples.")
    missing = np.fromiter((_is_missing(v) for v in values), dtype=bool, count=n)
    known = [v for v, gone in zip(values, missing, strict=True) if not gone]
    # True and False are names here, though Python counts them among the integers.
    numeric = bool(known) and all(
        isinstance(v, int | np.integer | float | np.floating) and not isinstance(v, bool) for v in known
    )
    bad = next((v for v in known if not np.isfinite(v) or v != int(v)), None) if numeric else None
    if bad is not None:
        raise InputError(
            f"labels must be class names or whole numbers; got {bad!r}. "
            "If these are classes, pass them as text: [str(v) for v in labels]. "
            "A continuous target is not a class: use dqkit.signals.label_errors on its predictions."
        )
    named = names is not None and str(UNLABELED) in names
    if numeric and not named and any(int(v) < UNLABELED for v in known) and any(int(v) == UNLABELED for v in known):
        raise InputError(
            "labels must not hold -1 beside other negative numbers: -1 means unlabelled. Is it a class, pass "
            "classes=[...] with '-1' among the names; is it none, write None in its place."
        )
    if numeric:
        if not named:
            missing |= np.fromiter(
                (not gone and int(v) == UNLABELED for v, gone in zip(values, missing, strict=True)), bool, n
            )
        known = [int(v) for v, gone in zip(values, missing, strict=True) if not gone]
    if names is None:
        distinct = sorted(set(known)) if numeric else sorted({str(v) for v in known})
        names = tuple(str(v) for v in distinct)
        if not names:
            raise InputError(
                "labels must name at least one class, and every sample is unlabelled; "
                "pass classes=[...] with the class names to label from nothing."
            )
        position = {v: i for i, v in enumerate(distinct)}
    elif numeric and not {str(v) for v in known} <= set(names):
        position = {i: i for i in range(len(names))}
    elif numeric:
        position = {int(v): names.index(str(v)) for v in set(known)}
    else:
        position = {v: i for i, v in enumerate(names)}
    if len(names) < 2:
        raise InputError(
            f"labels must hold at least two classes; got only {names[0]!r} (-1 counts as unlabelled). "
            "Pass classes=[...] with every class name if the others have no example yet."
        )
    for same in alike_names(names):
        warnings.warn(
            f"the classes {', '.join(map(repr, same))} differ in case or spaces alone. If they are one, give them one "
            "name first, such as with labels.str.strip().str.lower() in pandas.",
            stacklevel=4,
        )
    codes = np.full(n, UNLABELED, dtype=np.int64)
    for i in np.flatnonzero(~missing):
        key = int(values[i]) if numeric else str(values[i])
        if key not in position:
            meant = f"positions 0 to {len(names) - 1} in the classes {_brief(names)}" if numeric else _brief(names)
            raise InputError(f"labels must be one of {meant}; got {values[i]!r} at position {i}.")
        codes[i] = position[key]
    return codes, names


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


def _names(classes: Sequence[str]) -> tuple[str, ...]:
    names = tuple(str(c) for c in classes)
    if len(set(names)) != len(names):
        twice = next(c for c in names if names.count(c) > 1)
        raise InputError(f"classes must be distinct; got {twice!r} more than once.")
    if not all(c.strip() for c in names):
        raise InputError("classes must not be empty strings; got an empty name.")
    if not names:
        raise InputError("classes must name at least two classes; got none.")
    return names


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return bool(pd.isna(value))


def _brief(names: tuple[str, ...]) -> str:
    shown = ", ".join(repr(c) for c in names[:10])
    return shown if len(names) <= 10 else f"{shown}, ... ({len(names)} classes)"
